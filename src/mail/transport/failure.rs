//! Why a mail did not leave, and what that means for it and for the others.

/// Why a mail did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mail) struct Failure {
    pub kind: Kind,
    /// For the operator: which step, and which status. Never an address, a secret or a server's own words
    /// about either.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail) enum Kind {
    /// It concerns this mail and will not change: the mail is given up.
    Refused,
    /// It concerns this mail and may pass.
    Passing,
    /// It concerns the way out: others would fare alike, so the round ends.
    Lost,
}

impl Failure {
    pub fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub fn passing(reason: impl Into<String>) -> Self {
        Self::new(Kind::Passing, reason)
    }

    pub fn refused(reason: impl Into<String>) -> Self {
        Self::new(Kind::Refused, reason)
    }

    /// There was no answer in time.
    pub fn slow() -> Self {
        Self::new(Kind::Lost, "the attempt took too long")
    }
}

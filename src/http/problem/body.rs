//! The body of a problem, as it is written and documented (RFC 9457).

use serde::Serialize;

use super::fault::FaultBody;

/// What every error response holds (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where this error is explained, relative to the server.
    #[schema(example = "/errors/validation_failed")]
    pub r#type: String,
    /// What happened, in general, in the caller's language.
    #[schema(example = "The request is not valid")]
    pub title: String,
    #[schema(example = 422, minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time, in the caller's language.
    #[schema(example = "1 field is not valid")]
    pub detail: String,
    /// The stable code to decide by.
    #[schema(value_type = String, example = "validation_failed")]
    pub code: &'static str,
    /// The name under which the log has this request.
    #[schema(example = "019b0f3c6d7a7c4e9b513a52c7e1b0aa")]
    pub request_id: String,
    /// All faults of the body or the query.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FaultBody>,
    /// The chain of causes; in dev and testing only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub debug: Vec<String>,
}

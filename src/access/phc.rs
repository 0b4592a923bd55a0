//! Hashes that were made elsewhere: which of them may become those of accounts here.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Params, Version};

/// What one sign-in may cost: memory in KiB, passes over it, the product of both, and lanes. Beyond the
/// strongest settings that are recommended anywhere, and far from what would bring a server down.
const MAX_MEMORY: u32 = 256 * 1024;
const MAX_ITERATIONS: u32 = 10;
const MAX_WORK: u64 = 1 << 20;
const MAX_LANES: u32 = 16;
const MAX_LENGTH: usize = 512;

/// Why a hash is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("is no Argon2id hash in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")]
    Form,
    #[error("would take too much memory or time at every sign-in")]
    Cost,
}

/// Whether a stored hash is one of Argon2id at a bearable cost. One that is cheaper than today's settings
/// is good: it is made anew at the next sign-in.
pub fn check(text: &str) -> Result<(), Unfit> {
    if text.len() > MAX_LENGTH {
        return Err(Unfit::Form);
    }
    let phc = PasswordHash::new(text).map_err(|_| Unfit::Form)?;
    let is_ours = phc.algorithm.as_str() == "argon2id" && phc.version == Some(Version::V0x13.into());
    let plain = phc.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()));
    let whole = phc.salt.is_some() && phc.hash.is_some_and(|hash| hash.len() >= 16);
    if !(is_ours && plain && whole) {
        return Err(Unfit::Form);
    }
    let params = Params::try_from(&phc).map_err(|_| Unfit::Form)?;
    let (memory, iterations) = (params.m_cost(), params.t_cost());
    let bearable = memory <= MAX_MEMORY
        && iterations <= MAX_ITERATIONS
        && u64::from(memory) * u64::from(iterations) <= MAX_WORK
        && params.p_cost() <= MAX_LANES;
    if bearable { Ok(()) } else { Err(Unfit::Cost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn argon2id_of_bearable_cost_is_taken_over() {
        for params in ["m=19456,t=2,p=1", "m=8,t=1,p=1", "m=65536,t=3,p=4", "m=262144,t=4,p=1"] {
            assert_eq!(check(&format!("$argon2id$v=19${params}{TAIL}")), Ok(()), "{params}");
        }
    }

    #[test]
    fn what_would_stop_a_server_is_not() {
        for params in [
            "m=4194304,t=1,p=1",
            "m=262145,t=1,p=1",
            "m=8,t=11,p=1",
            "m=8,t=4294967295,p=1",
            "m=262144,t=5,p=1",
            "m=256,t=1,p=17",
        ] {
            assert_eq!(check(&format!("$argon2id$v=19${params}{TAIL}")), Err(Unfit::Cost), "{params}");
        }
    }

    #[test]
    fn other_algorithms_and_other_texts_are_not() {
        let short = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAA";
        for text in [
            String::new(),
            "correct horse battery staple".into(),
            "$2b$12$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
            format!("$argon2i$v=19$m=19456,t=2,p=1{TAIL}"),
            format!("$argon2d$v=19$m=19456,t=2,p=1{TAIL}"),
            format!("$argon2id$v=16$m=19456,t=2,p=1{TAIL}"),
            format!("$argon2id$m=19456,t=2,p=1{TAIL}"),
            format!("$argon2id$v=19$m=4,t=2,p=1{TAIL}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1,data=AAAA{TAIL}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1{short}"),
            "$argon2id$v=19$m=19456,t=2,p=1".into(),
            format!("$argon2id$v=19$m=19456,t=2,p=1{TAIL}\0"),
            format!("$argon2id$v=19$m=19456,t=2,p=1{}", TAIL.repeat(9)),
        ] {
            assert_eq!(check(&text), Err(Unfit::Form), "{text}");
        }
    }
}

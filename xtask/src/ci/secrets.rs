//! Looks for the secrets of the tests in what the server logged while they ran, at the level `trace`.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result, bail, ensure};

use super::outcome::Outcome;
use crate::process;

/// Is in the log on purpose (`tests/api/harness/proof.rs`).
const CANARY: &str = "canary-7c1f0b6e-not-a-secret";

/// The fewest secrets of a whole suite.
const FEWEST: usize = 500;

/// How much of a token is looked for: whoever logs it logs its end, which is what cannot be guessed.
const TOKEN: usize = 24;

/// Where the tests are to write, with nothing there yet.
pub(super) fn fresh_log() -> Result<PathBuf> {
    let folder = process::root().join("target/test-log");
    fs::create_dir_all(&folder)?;
    let log = folder.join("api.log");
    for file in [log.clone(), log.with_extension("secrets")] {
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    Ok(log)
}

/// Claims that no secret is in the log, and that it would have been found.
pub(super) fn claim_none(log: &Path) -> Result<Outcome> {
    let written = log.with_extension("secrets");
    let lines =
        fs::read_to_string(&written).with_context(|| format!("{} was not written", written.display()))?;
    let secrets = lines.lines().map(serde_json::from_str).collect::<Result<Vec<String>, _>>()?;
    ensure!(secrets.len() >= FEWEST, "the tests noted {} secrets only", secrets.len());
    let mut found = found(BufReader::new(File::open(log)?), &secrets)?;
    let canary = found.iter().position(|secret| secret == CANARY);
    found.swap_remove(canary.context("what is in the log on purpose was not found")?);
    if !found.is_empty() {
        bail!(
            "{} secrets are in {}, for instance {:?}",
            found.len(),
            log.display(),
            &found[..found.len().min(5)]
        );
    }
    println!("none of {} secrets is in {} MiB of log", secrets.len(), fs::metadata(log)?.len() >> 20);
    fs::remove_file(log)?;
    Ok(Outcome::Passed)
}

/// The secrets that are in a text: as they are, as JSON writes them, or in hex.
fn found(text: impl Read, secrets: &[String]) -> Result<Vec<String>> {
    let needles: Vec<[String; 3]> = secrets.iter().map(|secret| spellings(secret)).collect();
    let search = AhoCorasick::new(needles.as_flattened())?;
    let mut seen = vec![false; secrets.len()];
    for hit in search.stream_find_iter(text) {
        seen[hit?.pattern().as_usize() / 3] = true;
    }
    Ok(secrets.iter().zip(seen).filter(|(_, seen)| *seen).map(|(secret, _)| secret.clone()).collect())
}

fn spellings(secret: &str) -> [String; 3] {
    let last = secret.rsplit(['.', '_']).next().unwrap_or_default();
    let plain = if last.len() >= TOKEN && last.is_ascii() { &last[last.len() - TOKEN..] } else { secret };
    let json = serde_json::Value::from(plain).to_string();
    let hex = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
    [plain.to_owned(), json[1..json.len() - 1].to_owned(), hex]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let token = "stead_rt_key.0123456789abcdefghijklmnopqrstuvwxyz";
        let secrets = [token, "correct \"horse\" battery", "never told to anyone"].map(str::to_owned);
        for (text, expected) in [
            (r#"{"token":"…456789abcdefghijklmnopqrstuvwxyz"}"#, &secrets[..1]),
            (r#"{"password":"correct \"horse\" battery"}"#, &secrets[1..2]),
            (r#"bound correct "horse" battery"#, &secrets[1..2]),
            (r"\x636f72726563742022686f7273652220626174746572790a", &secrets[1..2]),
            ("nothing to be seen", &[][..]),
        ] {
            assert_eq!(found(text.as_bytes(), &secrets).unwrap(), expected, "{text}");
        }
    }
}

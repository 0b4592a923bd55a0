//! The names of keys: as paths, as variables, and the one that was probably meant.

const PREFIX: &str = "APP_";

/// `server.port` → `APP_SERVER__PORT`.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.to_uppercase().replace('.', "__"))
}

/// `APP_SERVER__PORT` → `server.port`; `None` for a variable that is not ours.
pub(super) fn path_of(variable: &str) -> Option<String> {
    variable.strip_prefix(PREFIX).map(|name| name.to_lowercase().replace("__", "."))
}

/// The known path most like this one; a bare last word (`port`) counts as the whole.
pub(super) fn nearest<'a>(path: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        let word = candidate.rsplit('.').next().unwrap_or(candidate);
        let whole = strsim::normalized_damerau_levenshtein(path, candidate);
        whole.max(strsim::normalized_damerau_levenshtein(path, word))
    };
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_variable_name_each_other() {
        assert_eq!(variable_of("auth.hash.memory_kib"), "APP_AUTH__HASH__MEMORY_KIB");
        assert_eq!(path_of("APP_AUTH__HASH__MEMORY_KIB").as_deref(), Some("auth.hash.memory_kib"));
        assert_eq!(path_of("PATH"), None);
    }

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let known =
            ["server.port", "server.host", "auth.hash.memory_kib", "rate_limit.enabled", "docs.enabled"];
        for (slip, meant) in [
            ("servr.port", "server.port"),
            ("server_port", "server.port"),
            ("port", "server.port"),
            ("memory_kb", "auth.hash.memory_kib"),
            ("rate_limits.enabled", "rate_limit.enabled"),
        ] {
            assert_eq!(nearest(slip, known.into_iter()), Some(meant), "{slip}");
        }
    }
}

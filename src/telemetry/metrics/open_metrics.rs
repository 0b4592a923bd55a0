//! Prometheus' text format as OpenMetrics 1.0: what our encoder writes differs from it in three things.

/// The family of a counter has no `_total` (its samples have), bounds are floating-point numbers, and the
/// end is marked, so that half an answer cannot be taken for a whole one.
pub fn from_text(text: &str) -> String {
    let mut written: String =
        text.lines().map(|line| described(line).unwrap_or_else(|| sample(line))).collect();
    written.push_str("# EOF\n");
    written
}

/// A line that says what a family is: `# HELP name …` or `# TYPE name …`.
fn described(line: &str) -> Option<String> {
    let (keyword, rest) = line.strip_prefix("# ")?.split_once(' ')?;
    let (name, text) = rest.split_once(' ')?;
    let family = name.strip_suffix("_total").unwrap_or(name);
    // The other format leaves quotes in help texts as they are.
    Some(format!("# {keyword} {family} {}\n", text.replace('"', "\\\"")))
}

fn sample(line: &str) -> String {
    let bound = line.split_once("le=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
    match bound {
        Some((before, (bound, after))) if bound.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{before}le=\"{bound}.0\"{after}\n")
        }
        _ => format!("{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_differs_is_converted_and_nothing_else() {
        let text = "# HELP cups_total Cups \"of\" tea\n\
                    # TYPE cups_total counter\n\
                    cups_total{kind=\"le=\\\"1\"} 2\n\
                    # TYPE time_seconds histogram\n\
                    time_seconds_bucket{le=\"0.5\"} 0\n\
                    time_seconds_bucket{le=\"1\"} 1\n\
                    time_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(
            super::from_text(text),
            "# HELP cups Cups \\\"of\\\" tea\n\
             # TYPE cups counter\n\
             cups_total{kind=\"le=\\\"1\"} 2\n\
             # TYPE time_seconds histogram\n\
             time_seconds_bucket{le=\"0.5\"} 0\n\
             time_seconds_bucket{le=\"1.0\"} 1\n\
             time_seconds_bucket{le=\"+Inf\"} 1\n\
             # EOF\n"
        );
    }
}

//! Takes out of an error's words what may be somebody's: databases and panics quote what they choked on.

use std::net::{IpAddr, SocketAddr};

/// The shortest run of letters and digits that looks like an id or a token; a UUID has 36.
const LONG: usize = 32;

/// The text without addresses, ids, tokens, and quoted values. Quoted names of tables and the like stay.
pub(super) fn scrubbed(text: &str) -> String {
    let unquoted = without_quotations(text);
    unquoted.split_inclusive(char::is_whitespace).map(word).collect()
}

fn without_quotations(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            told.push('"');
        }
        let is_name = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        told.push_str(if i % 2 == 0 || is_name { part } else { "…" });
    }
    told
}

fn word(word: &str) -> String {
    let end = word.trim_end().len();
    let (bare, space) = word.split_at(end);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let address = bare.trim_matches(|c: char| !c.is_ascii_hexdigit() && c != ':');
    let told = if bare.contains('@') {
        "[address]"
    } else if address.parse::<IpAddr>().is_ok() || bare.trim_matches(',').parse::<SocketAddr>().is_ok() {
        "[ip]"
    } else if bare.split(|c| !is_part(c)).any(|run| run.len() >= LONG) {
        "[id]"
    } else {
        bare
    };
    format!("{told}{space}")
}

#[cfg(test)]
mod tests {
    use super::scrubbed;

    #[test]
    fn what_may_be_somebodys_is_taken_out_and_what_names_the_fault_stays() {
        for (text, told) in [
            ("no such table: users", "no such table: users"),
            (r#"relation "user_roles" does not exist"#, r#"relation "user_roles" does not exist"#),
            (
                r#"invalid input syntax for type uuid: "it is Ada""#,
                r#"invalid input syntax for type uuid: "…""#,
            ),
            ("Key (email)=(ada@example.com) exists", "Key [address] exists"),
            ("no route from 203.0.113.7 to [2001:db8::1]:5432, sorry", "no route from [ip] to [ip] sorry"),
            ("of 01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa\nnothing", "of [id]\nnothing"),
            ("panic at src/app.rs:10:2: called `unwrap`", "panic at src/app.rs:10:2: called `unwrap`"),
            ("token=stead_rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?", "[id]"),
        ] {
            assert_eq!(scrubbed(text), told);
        }
    }
}

//! What is refused, how it is told, and what is never told.

use std::collections::BTreeSet;

use super::*;

#[test]
fn prod_with_nothing_set_and_a_slip_is_refused_in_one_report() {
    let report = load(&given(&[("APP_ENV", "prod"), ("APP_SERVR__PORT", "80")])).unwrap_err();
    let keys: Vec<_> = report.faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["APP_SERVR__PORT", "secret_key", "server.public_url", "database.url", "mail.url"]);
    assert_eq!(report.faults[0].suggestion, "did you mean APP_SERVER__PORT?");
    let text = report.to_string();
    assert!(text.starts_with("the configuration has 5 faults:"), "{text}");
    for part in [
        "APP_SERVR__PORT",
        "APP_SERVER__PORT?",
        "APP_SECRET_KEY",
        "APP_SERVER__PUBLIC_URL",
        "APP_DATABASE__ALLOW_SQLITE",
        "APP_MAIL__URL",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn unreadable_values_unknown_keys_and_broken_rules_are_told_together() {
    let directory = tempfile::tempdir().unwrap();
    let document =
        "secret = 'x'\n[server]\nport = '80'\n[database]\nmax_connections = 5\n[docs.enabled]\nx = 1";
    let mut sources = given(&[
        ("APP_ENV", "acc"),
        ("APP_SECRET_KEY", "c2hvcnQ="),
        ("APP_AUTH__ACCESS_TTL", "10"),
        ("APP_CORS__ALLOWED_ORIGINS", "*"),
        ("APP_CORS__ALLOW_CREDENTIALS", "true"),
        ("APP_SERVER__PUBLIC_URL", "http://api.example.com"),
    ]);
    sources.file = Some(write(directory.path(), "stead.toml", document).into());
    sources.flags.push(("prot".into(), "1".into()));
    let told: BTreeSet<_> = refused(&sources).into_iter().collect();
    let expected = [
        "auth.access_ttl",
        "cors.allow_credentials",
        "cors.allowed_origins",
        "database.url",
        "docs.enabled.x",
        "mail.url",
        "prot",
        "secret",
        "secret_key",
        "server.port",
        "server.public_url",
    ];
    assert_eq!(told, expected.map(String::from).into());
    assert_eq!(refused(&sources).len(), expected.len(), "a key that cannot be read is told once");
}

#[test]
fn an_unknown_environment_is_refused_with_the_four_and_with_all_other_faults() {
    let faults = faults(&given(&[("APP_ENV", "production"), ("APP_SERVER__PORT", "x")]));
    assert_eq!(faults.len(), 2);
    assert_eq!(faults[0].problem, "is `production`, which is not one of `dev` `testing` `acc` `prod`");
    assert_eq!(faults[1].problem, "is `x`, which is not a whole number from 0 to 65535");
    assert_eq!(refused(&given(&[("APP_ENV", "")])), ["APP_ENV"]);
}

#[test]
fn no_secret_is_ever_printed() {
    let secrets = [
        ("APP_DATABASE__MIGRATE_URL", "postgres://stead:hunter2@direct/stead"),
        ("APP_TELEMETRY__SENTRY_DSN", "https://hunter2@sentry.example.com/1"),
        ("APP_SECRET_KEY_PREVIOUS", KEY),
    ];
    let loaded = load(&in_production(&secrets)).unwrap();
    let told = format!("{loaded:?} {}", serde_json::to_string(&loaded.entries).unwrap());
    assert!(told.contains("***"));
    assert!(!told.contains("hunter2") && !told.contains("BwgJCgs"), "{told}");
    let broken =
        [("APP_SECRET_KEY", "hunter2"), ("APP_MAIL__URL", "hunter2"), ("APP_DATABASE__URL", "x:hunter2@y")];
    let report = load(&in_production(&broken)).unwrap_err();
    let told = format!("{report} {report:?} {}", serde_json::to_string(&report).unwrap());
    assert!(report.faults.len() == 3 && !told.contains("hunter2"), "{told}");
}

#[test]
fn what_cannot_work_is_refused_even_in_dev() {
    for (name, value, key) in [
        ("APP_AUTH__ACCESS_TTL", "0s", "auth.access_ttl"),
        ("APP_AUTH__REFRESH_ABSOLUTE_TTL", "1d", "auth.refresh_absolute_ttl"),
        ("APP_AUTH__REFRESH_IDLE_TTL", "1m", "auth.refresh_idle_ttl"),
        ("APP_AUTH__HASH__PARALLELISM", "4096", "auth.hash.memory_kib"),
        ("APP_AUTH__HASH__ITERATIONS", "0", "auth.hash.memory_kib"),
        ("APP_AUTH__HASH__QUEUE", "0", "auth.hash.queue"),
        ("APP_USERS__PURGE_AFTER", "23h", "users.purge_after"),
        ("APP_AUTH__PASSWORD__MIN_LENGTH", "1025", "auth.password.min_length"),
        ("APP_AUTH__REGISTRATION", "Open", "auth.registration"),
        ("APP_SERVER__MANAGEMENT_ADDRESS", "0.0.0.0:8080", "server.management_address"),
        ("APP_SERVER__HOST", "localhost", "server.host"),
        ("APP_SERVER__TRUSTED_PROXIES", "10.0.0.0/40", "server.trusted_proxies"),
        ("APP_DATABASE__URL", "mysql://db/stead", "database.url"),
        ("APP_DATABASE__URL", "", "database.url"),
        ("APP_DATABASE__URL", "sqlite::memory:", "database.url"),
        ("APP_DATABASE__URL", "sqlite://one?mode=memory", "database.url"),
        ("APP_DATABASE__MIGRATE_URL", "postgres://db/stead", "database.migrate_url"),
        ("APP_DATABASE__POOLER", "transaction", "database.pooler"),
        ("APP_DATABASE__POOLER", "session", "database.pooler"),
        ("APP_MAIL__URL", "sendmail:", "mail.url"),
        ("APP_MAIL__URL", "smtp://ada@mail.example", "mail.url"),
        ("APP_MAIL__URL", "smtp://mail.example?tls=maybe", "mail.url"),
        ("APP_MAIL__FROM", "Stead", "mail.from"),
        ("APP_MAIL__FROM", "a@b.example\r\nBcc: c@d.example", "mail.from"),
        ("APP_TELEMETRY__OTLP_ENDPOINT", "http://localhost:4318/v1/traces", "telemetry.otlp_endpoint"),
        ("APP_TELEMETRY__OTLP_ENDPOINT", "http://localhost:4318/otlp/v1/metrics/", "telemetry.otlp_endpoint"),
        ("APP_LOG__LEVEL", "inof", "log.level"),
        ("APP_LOG__LEVEL", "info,sqlx=wran", "log.level"),
        ("APP_LOG__LEVEL", "", "log.level"),
        ("APP_CORS__ALLOWED_ORIGINS", "https://app.example.com/", "cors.allowed_origins"),
        ("APP_CORS__ALLOWED_ORIGINS", "https://app.example.com,null", "cors.allowed_origins"),
        ("APP_MAIL__FROM", "\u{FFFD} <a@b.example>", "mail.from"),
        ("APP_RATE_LIMIT__USER_PER_MINUTE", "0", "rate_limit.user_per_minute"),
        ("app_is_ours_in_capitals_only", "", ""),
        ("APP_server__port", "80", "APP_server__port"),
    ] {
        let told = load(&given(&[(name, value)]))
            .err()
            .map_or_else(String::new, |report| report.faults[0].key.clone());
        assert_eq!(told, key, "{name}={value}");
    }
}

#[test]
fn what_is_unsafe_is_refused_in_prod_and_warned_of_in_dev() {
    for (name, value, key) in [
        ("APP_SECRET_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "secret_key"),
        ("APP_SECRET_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "secret_key"),
        ("APP_CORS__ALLOWED_ORIGINS", "*", "cors.allowed_origins"),
        ("APP_AUTH__REFRESH_GRACE", "1m", "auth.refresh_grace"),
        ("APP_AUTH__HASH__MEMORY_KIB", "64", "auth.hash.memory_kib"),
        ("APP_AUTH__HASH__ITERATIONS", "1", "auth.hash.iterations"),
        ("APP_AUTH__PASSWORD__MIN_LENGTH", "7", "auth.password.min_length"),
        ("APP_MAIL__URL", "smtp://ada:secret@mail.example?tls=none", "mail.url"),
    ] {
        assert_eq!(refused(&in_production(&[(name, value)])), [key]);
        let warnings = load(&given(&[(name, value)])).unwrap().warnings;
        assert_eq!(warnings.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(), [key]);
    }
    let sqlite = ("APP_DATABASE__URL", "sqlite://data/stead.db");
    assert_eq!(refused(&in_production(&[sqlite])), ["database.url"]);
    assert!(load(&in_production(&[sqlite, ("APP_DATABASE__ALLOW_SQLITE", "true")])).is_ok());
    assert_eq!(refused(&in_production(&[("APP_MAIL__URL", "outbox:")])), ["mail.url"]);
    assert_eq!(refused(&in_production(&[("APP_MAIL__LINK_BASE", "http://a.example")])), ["mail.link_base"]);
    // The way from such a key to a better one is open.
    let previous = ("APP_SECRET_KEY_PREVIOUS", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(load(&in_production(&[previous])).unwrap().warnings, []);
    for doubtful in [
        ("APP_AUTH__ACCESS_TTL", "1h"),
        ("APP_SERVER__MANAGEMENT_ADDRESS", "0.0.0.0:8081"),
        ("APP_DATABASE__POOLER", "transaction"),
    ] {
        assert_eq!(load(&in_production(&[doubtful])).unwrap().warnings.len(), 1, "{doubtful:?}");
    }
}

#[test]
fn a_certificate_that_cannot_be_read_from_here_is_warned_of_and_one_that_can_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let told = || {
        let tls = [("APP_SERVER__TLS__CERT", file("cert.pem")), ("APP_SERVER__TLS__KEY", file("key.pem"))];
        let tls = tls.each_ref().map(|(name, value)| (*name, value.as_str()));
        let warnings = load(&in_production(&tls)).unwrap().warnings;
        warnings.into_iter().map(|fault| fault.key).collect::<Vec<_>>()
    };
    assert_eq!(told(), ["server.tls.cert", "server.tls.key"]);
    write(folder.path(), "cert.pem", "");
    assert_eq!(told(), ["server.tls.key"]);
    write(folder.path(), "key.pem", "");
    assert_eq!(told(), [""; 0]);
}

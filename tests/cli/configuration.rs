//! `stead config`, and the refusal to start on a configuration that would not do.

use crate::program::Folder;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[test]
fn production_with_nothing_set_is_refused_with_one_report() {
    let folder = Folder::new().with("APP_ENV", "prod").with("APP_SERVR__PORT", "8000");
    let said = folder.run("serve").fails(&[
        "APP_SERVR__PORT is not the variable of a key",
        "did you mean APP_SERVER__PORT?",
        "secret_key is not set",
        "openssl rand -base64 32",
        "server.public_url is not set",
        "database.url is SQLite",
        "mail.url names no transport that delivers",
        "auth.hash.memory_kib is less than 19456",
        "auth.hash.iterations is less than 2",
    ]);
    assert!(said.stderr.starts_with("error: the configuration has 7 faults:"), "{}", said.stderr);
    assert_eq!(said.stderr.matches("error").count(), 1, "one report: {}", said.stderr);
    assert!(folder.is_empty(), "and nothing was begun");
}

#[test]
fn every_key_is_shown_with_its_origin_and_without_secrets() {
    let folder = Folder::new()
        .with("APP_SECRET_KEY", KEY)
        .with("APP_DATABASE__URL", "postgres://ada:hunter2@db.example/stead")
        .with("APP_MAIL__URL", "smtps://mailer:hunter2@mail.example")
        .with("APP_TELEMETRY__SENTRY_DSN", "https://hunter2@sentry.example/1");
    std::fs::write(folder.path().join("stead.toml"), "[users]\npurge_after = \"7d\"\n").unwrap();
    std::fs::write(folder.path().join(".env"), "APP_AUTH__ACCESS_TTL=5m\n").unwrap();
    let shown = folder.run("config show --config stead.toml").expect(0);
    let all = shown.stdout.clone() + &shown.stderr;
    assert!(!all.contains("hunter2") && !all.contains(KEY), "{all}");
    let line = |key: &str| {
        let line = shown.stdout.lines().find(|line| line.split(' ').next() == Some(key));
        line.unwrap_or_else(|| panic!("no {key} in {}", shown.stdout)).to_owned()
    };
    for (key, words) in [
        ("secret_key", ["***", "variable APP_SECRET_KEY"]),
        ("database.url", ["postgres://ada:***@db.example/stead", "variable APP_DATABASE__URL"]),
        ("users.purge_after", ["7", "file stead.toml"]),
        ("auth.access_ttl", ["5m", ".env"]),
        ("log.format", ["pretty", "config/dev.toml"]),
        ("auth.refresh_grace", ["10s", "built-in default"]),
    ] {
        let line = line(key);
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
    let json = folder.run("config show --json").expect(0).json();
    let entries = json.as_array().unwrap();
    assert_eq!(entries.len(), shown.stdout.lines().count(), "both forms show every key");
    assert!(
        entries.iter().all(|e| e["path"].is_string() && e["value"].is_string() && e["origin"].is_string())
    );
    assert!(!json.to_string().contains("hunter2"));
}

#[test]
fn a_check_answers_people_and_programs() {
    let folder = Folder::new();
    folder.run("config check --env prod").fails(&["secret_key is not set", "mail.url"]);
    let refused = folder.run("config check --env prod --json").expect(1);
    let json = refused.json();
    assert_eq!((&json["ok"], refused.stderr.as_str()), (&false.into(), ""));
    let fault = json["faults"].as_array().unwrap().iter().find(|fault| fault["key"] == "secret_key").unwrap();
    for part in ["origin", "problem", "suggestion"] {
        assert!(fault[part].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
    }
    let passed = folder.run("config check").expect(0);
    assert_eq!(passed.stdout, "the configuration is sound\n");
    assert!(passed.stderr.contains("warning: auth.hash.memory_kib"), "{}", passed.stderr);
    let json = folder.run("config check --json").expect(0).json();
    assert_eq!((&json["ok"], json["warnings"].as_array().unwrap().len()), (&true.into(), 2));
    assert!(folder.is_empty());
}

#[test]
fn a_sound_production_configuration_passes_with_its_secrets_in_files() {
    let folder = Folder::new();
    let secret = folder.path().join("key");
    std::fs::write(&secret, format!("{KEY}\n")).unwrap();
    let folder = folder
        .with("APP_ENV", "prod")
        .with("APP_SECRET_KEY_FILE", secret.display())
        .with("APP_SERVER__PUBLIC_URL", "https://api.example.com")
        .with("APP_DATABASE__URL", "postgres://db.example/stead")
        .with("APP_MAIL__URL", "smtps://mail.example")
        .with("APP_AUTH__HASH__MEMORY_KIB", "19456")
        .with("APP_AUTH__HASH__ITERATIONS", "2");
    let passed = folder.run("config check").expect(0);
    assert_eq!((passed.stdout.as_str(), passed.stderr.as_str()), ("the configuration is sound\n", ""));
    assert_eq!(folder.run("config show").expect(0).stdout.matches(KEY).count(), 0);
}

#[test]
fn a_flag_wins_over_a_variable() {
    let folder = Folder::new().with("APP_SERVER__HOST", "not an address");
    folder.run("serve").fails(&["server.host", "not an address", "variable APP_SERVER__HOST"]);
    folder.run("serve --host also-wrong").fails(&["server.host", "also-wrong", "flag --host"]);
}

#[test]
fn what_is_not_set_is_shown_as_what_it_comes_to() {
    let folder = Folder::new().with("APP_SERVER__PORT", "9000");
    let shown = folder.run("config show").expect(0).stdout;
    for (key, value) in [
        ("server.public_url", "http://127.0.0.1:9000/"),
        ("mail.from", "<no-reply@localhost>"),
        ("mail.link_base", "http://127.0.0.1:9000/"),
        ("database.max_connections", ""),
        ("auth.hash.threads", ""),
    ] {
        let line = shown.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
        assert!(line.contains(value) && line.ends_with("  derived, not set"), "{line}");
        assert!(line.split_whitespace().count() >= 5, "{line}");
    }
    let set = folder.with("APP_MAIL__FROM", "Ada <ada@example.com>").with("APP_AUTH__HASH__THREADS", 3);
    let shown = set.run("config show").expect(0).stdout;
    for key in ["mail.from", "auth.hash.threads"] {
        let line = shown.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
        assert!(line.contains("  variable APP_"), "{line}");
    }
}

#[test]
fn a_configuration_with_faults_is_shown_with_all_that_could_be_read() {
    let folder = Folder::new().with("APP_SERVR__PORT", "8000");
    let shown = folder.run("config show --env prod").expect(1);
    let line = |key: &str| shown.stdout.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
    assert!(line("auth.access_ttl").contains("built-in default"), "{}", shown.stdout);
    assert!(line("log.format").contains("json"), "{}", shown.stdout);
    for missing in ["server.public_url", "mail.link_base", "mail.from"] {
        assert!(line(missing).ends_with("  built-in default"), "not as if it were there: {}", line(missing));
    }
    assert!(
        shown.stderr.starts_with("error: the configuration has ") && shown.stderr.contains("APP_SERVR__PORT")
    );
    let sound = Folder::new().run("config show").expect(0).stdout;
    assert_eq!(sound.lines().count(), shown.stdout.lines().count());
    let json = folder.run("config show --env prod --json").expect(1);
    assert_eq!(json.json().as_array().unwrap().len(), sound.lines().count());
}

//! `stead fake`: people who do not exist.

use std::fs;

use serde_json::{Value, json};

use crate::import::{PASSWORD, folder, report};
use crate::program::Folder;
use crate::server::Server;
use crate::{on_both, postgres};

on_both! {
    async fn fake_people_sign_in_and_are_found_by_names_in_several_scripts(folder: Folder) {
        let made = folder.run("fake users 300 --seed 7 --json").expect(0).json();
        assert_eq!((&made["made"], &made["refused"]), (&json!(300), &json!(0)), "{made}");
        let exported = folder.run("user export --format ndjson").expect(0).stdout;
        let people: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for range in ['А'..='я', 'Ά'..='ώ', '一'..='龥', 'ا'..='ي', 'अ'..='ह', 'ß'..='ž'] {
            let has = |person: &Value| person["display_name"].as_str().unwrap().contains(|c| range.contains(&c));
            assert!(people.iter().any(has), "{range:?}");
        }
        let active = people.iter().find(|person| person["status"] == "active").unwrap();
        let server = Server::start(&folder);
        assert_eq!(server.login(active["email"].as_str().unwrap(), PASSWORD).await.0, 200);
        server.stop();
    }

    async fn an_import_refuses_exactly_what_was_planted(folder: Folder) {
        for name in ["people.ndjson", "people.csv"] {
            let planted = folder.run(&format!("fake users 2500 --output {name} --broken 37 --json")).expect(0).json();
            let planted: Vec<(u64, String)> = planted.as_array().unwrap().iter().map(|one| {
                (one["line"].as_u64().unwrap(), one["code"].as_str().unwrap().to_owned())
            }).collect();
            assert_eq!(planted.len(), 37);
            let told = folder.run(&format!("user import {name} --report report --dry-run --json")).expect(1).json();
            assert_eq!((&told["made"], report(&folder, "report")), (&json!(2500), planted.clone()), "{name}");
        }
        folder.run("user import people.csv --report report").expect(1);
        assert_eq!(report(&folder, "report").len(), 37);
        let again = folder.run("user import people.csv --report report --json").expect(1).json();
        assert_eq!((&again["made"], &again["refused"]), (&json!(0), &json!(2537)));
    }
}

#[test]
fn the_same_seed_makes_the_same_people() {
    let folder = folder();
    let file = |seed: u8| {
        folder.run(&format!("fake users 50 --seed {seed} --output people.ndjson")).expect(0);
        fs::read_to_string(folder.path().join("people.ndjson")).unwrap()
    };
    assert_eq!(file(1), file(1));
    assert_ne!(file(1), file(2));
}

#[test]
fn fake_people_are_refused_where_others_are_real() {
    for environment in ["acc", "prod"] {
        let folder = Folder::new()
            .with("APP_ENV", environment)
            .with("APP_SECRET_KEY", crate::import::KEY)
            .with("APP_SERVER__PUBLIC_URL", "https://api.example.com")
            .with("APP_DATABASE__ALLOW_SQLITE", true)
            .with("APP_MAIL__URL", "smtps://mail.example.com")
            .with("APP_AUTH__HASH__MEMORY_KIB", 19456)
            .with("APP_AUTH__HASH__ITERATIONS", 2);
        folder.run("fake users 10").fails(&["dev and testing", environment]);
        assert!(folder.is_empty());
    }
}

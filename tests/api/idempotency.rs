//! `Idempotency-Key`: a request that comes twice takes effect once and has one answer.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Request;
use serde_json::{Value, json};
use stead::base::id::UserId;
use stead::db::{DbError, Driver, Tx};
use stead::http::Problem;
use stead::http::etag::Tag;
use stead::http::idempotency::{Answer, Once, OnceError};
use stead::http::reply::Created;

use crate::harness::{App, Call, Client, PASSWORD, Person, Reply, behaviour};

const NOTES: &str = "/api/v1/notes";
const USERS: &str = "/api/v1/users";
const HOUR: Duration = Duration::from_secs(3600);

fn write(client: &Client, key: &str, title: &str) -> Call {
    client.post(NOTES, json!({"title": title})).header("idempotency-key", key)
}

fn invite(client: &Client, key: &str, email: &str) -> Call {
    client.post(USERS, json!({"email": email})).header("idempotency-key", key)
}

/// What a client acts on.
fn told(reply: &Reply) -> (u16, [Option<&str>; 3], &[u8]) {
    (reply.status.as_u16(), ["location", "etag", "content-type"].map(|name| reply.header(name)), &reply.body)
}

async fn titles(client: &Client) -> Vec<String> {
    let list = client.get(&format!("{NOTES}?sort=created_at&limit=100")).await.expect(200).json();
    let titles = list["items"].as_array().unwrap().iter().map(|note| note["title"].as_str().unwrap());
    titles.map(str::to_owned).collect()
}

/// How many keys are kept.
async fn kept(app: &App) -> i64 {
    let mut db = app.state.db.read().await.unwrap();
    let (count,) = db.query("SELECT count(*) FROM idempotency_keys").fetch_one().await.unwrap();
    count
}

/// All that is kept of keys, bodies and answers.
async fn kept_text(app: &App) -> String {
    let mut db = app.state.db.read().await.unwrap();
    let rows: Vec<(String, String, Vec<u8>)> =
        db.query("SELECT location, body, body_tag FROM idempotency_keys").fetch_all().await.unwrap();
    let text = |(location, body, tag): &(String, String, Vec<u8>)| {
        format!("{location} {body} {}", String::from_utf8_lossy(tag))
    };
    rows.iter().map(text).collect()
}

/// Claims that what was made is where the answer says, and is known by the tag that it was given.
async fn is_there(reader: &Client, answer: &Reply) {
    let read = reader.get(answer.header("location").unwrap()).await.expect(200);
    assert_eq!(read.json(), answer.json());
    assert!(read.header("etag").is_some() && read.header("etag") == answer.header("etag"));
}

/// A `POST` with this key as a handler is given it, with no body to it.
async fn once(key: &str) -> Once {
    let request = Request::post(NOTES).header("idempotency-key", key).body(()).unwrap();
    Once::from_request_parts(&mut request.into_parts().0, &()).await.unwrap()
}

/// Carries out what takes so long that the caller is gone, or waits, before it is done.
async fn held(app: &App, person: &Person, key: &str, hold: Duration) -> Result<Answer, OnceError> {
    let owner: UserId = person.id.parse().unwrap();
    let effect = async |tx: &mut Tx| {
        insert_note(tx, owner).await?;
        tokio::time::sleep(hold).await;
        Ok(Created { location: "/somewhere".into(), tag: Tag::new(1, ""), body: json!({"title": "slow"}) })
    };
    app.state.idempotency.once(once(key).await, owner, effect).await
}

async fn insert_note(tx: &mut Tx, owner: UserId) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO notes (id, created_at, updated_at, version, owner_id, title)
         SELECT id, created_at, updated_at, 1, id, 'slow' FROM users WHERE id = $1",
    )
    .bind(owner)
    .execute()
    .await
    .map(drop)
}

behaviour! {
    async fn the_same_request_again_has_the_same_answer_and_takes_effect_once(app: App) {
        let ada = app.user().await;
        let first = write(&ada, "k1", "Once").await.expect(201);
        app.later(Duration::from_secs(300));
        let again = write(&ada, "k1", "Once").await;
        assert_eq!(told(&again), told(&first));
        let location = first.header("location").unwrap();
        assert_eq!(location, format!("{NOTES}/{}", first.json()["id"].as_str().unwrap()));
        is_there(&ada, &first).await;
        assert_eq!(titles(&ada).await, ["Once"]);

        write(&ada, "k2", "Once").await.expect(201);
        ada.post(NOTES, json!({"title": "Once"})).await.expect(201);
        ada.post(NOTES, json!({"title": "Once"})).await.expect(201);
        assert_eq!(titles(&ada).await.len(), 4, "another key, or none, is another request");
        assert_eq!(kept(&app).await, 2);
    }

    async fn of_32_at_the_same_moment_one_takes_effect_and_all_have_its_answer(app: App) {
        let ada = app.user().await;
        let calls = (0..32).map(|_| tokio::spawn(write(&ada, "k", "Once").into_future()));
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().expect(201));
        }
        assert!(answers.iter().all(|answer| told(answer) == told(&answers[0])));
        assert_eq!((titles(&ada).await.len(), kept(&app).await), (1, 1));
    }

    async fn of_32_invitations_at_the_same_moment_one_is_sent(app: App) {
        let admin = app.admin().await;
        let calls = (0..32).map(|_| tokio::spawn(invite(&admin, "k", "bob@example.com").into_future()));
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().expect(201));
        }
        assert!(answers.iter().all(|answer| told(answer) == told(&answers[0])));
        assert_eq!(app.mails_to("bob@example.com").await.len(), 1);
        assert_eq!(answers[0].json()["email"], "bob@example.com");
        is_there(&admin, &answers[0]).await;
    }

    async fn of_32_roles_at_the_same_moment_one_is_made_and_no_name_is_taken(app: App) {
        let admin = app.admin().await;
        let role = json!({"name": "auditor", "description": "Auditing", "permissions": ["audit:read"]});
        let call = || admin.post("/api/v1/roles", role.clone()).header("idempotency-key", "k").into_future();
        let calls = (0..32).map(|_| tokio::spawn(call()));
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().expect(201));
        }
        assert!(answers.iter().all(|answer| told(answer) == told(&answers[0])));
        is_there(&admin, &answers[0]).await;
    }

    async fn another_body_under_the_same_key_is_refused(app: App) {
        let ada = app.user().await;
        let first = write(&ada, "k", "One").await.expect(201);
        write(&ada, "k", "Two").await.refused(422, "idempotency_key_reused");
        ada.post(NOTES, json!({"title": "One", "body": null})).header("idempotency-key", "k").await
            .refused(422, "idempotency_key_reused");
        assert_eq!(titles(&ada).await, ["One"]);
        assert_eq!(told(&write(&ada, "k", "One").await), told(&first), "the first answer stays");
    }

    async fn the_same_body_in_another_spelling_is_the_same_body(app: App) {
        let ada = app.user().await;
        let spelled = |text: &'static str| {
            ada.request("POST", NOTES).body("application/json", text).header("idempotency-key", "k")
        };
        let first = spelled(r#"{"title": "One", "body": "x"}"#).await.expect(201);
        let again = spelled("{\n  \"body\":\"\\u0078\",\"title\":\"One\"}").await.expect(201);
        assert_eq!(told(&again), told(&first));
    }

    async fn a_key_belongs_to_one_user_and_one_route(app: App) {
        let (ada, admin) = (app.user().await, app.admin().await);
        write(&ada, "k", "Ada's").await.expect(201);
        write(&admin, "k", "The admin's").await.expect(201);
        assert_eq!((titles(&ada).await, titles(&admin).await), (vec!["Ada's".into()], vec!["The admin's".into()]));
        invite(&admin, "k", "bob@example.com").await.expect(201);
        // Another sign-in of the same user is the same user.
        let elsewhere = app.signed_in(&ada.email, PASSWORD).await;
        write(&elsewhere, "k", "Ada's").await.expect(201);
        assert_eq!(titles(&ada).await.len(), 1);
    }

    async fn what_was_refused_is_not_kept_and_leaves_the_key_free(app: App) {
        let admin = app.admin().await;
        write(&admin, "k", "").await.refused(422, "validation_failed");
        write(&admin, "k", "Sound").await.expect(201);

        let email = "bob@example.com";
        let unknown = json!({"email": email, "roles": ["nobody-has-this"]});
        let invite_with = |body: Value| admin.post(USERS, body).header("idempotency-key", "k");
        invite_with(unknown).await.refused(422, "validation_failed");
        let taken = json!({"email": admin.email});
        invite_with(taken.clone()).await.refused(409, "email_taken");
        invite_with(taken).await.refused(409, "email_taken");
        invite_with(json!({"email": email, "password": "password1"})).await.refused(422, "weak_password");
        assert_eq!(kept(&app).await, 1, "the note's");
        invite_with(json!({"email": email})).await.expect(201);
        assert_eq!(kept(&app).await, 2);
    }

    async fn who_may_not_act_any_more_gets_no_answer_from_before(app: App) {
        let bob = app.holder(&["users:write"]).await;
        invite(&bob, "k", "carl@example.com").await.expect(201);
        let path = format!("{USERS}/{}/roles", bob.id);
        app.admin().await.request("PUT", &path).json(json!({"roles": ["user"]})).await.expect(200);
        invite(&bob, "k", "carl@example.com").await.refused(403, "forbidden");
    }

    async fn after_24_hours_a_key_is_free_even_before_it_is_swept_away(app: App) {
        let ada = app.user().await;
        let first = write(&ada, "k", "One").await.expect(201);
        app.later(24 * HOUR - Duration::from_secs(1));
        let ada = app.signed_in(&ada.email, PASSWORD).await;
        assert_eq!(told(&write(&ada, "k", "One").await), told(&first));
        stead::app::sweep_once(&app.state).await.unwrap();
        assert_eq!(kept(&app).await, 1);

        app.later(Duration::from_secs(1));
        let second = write(&ada, "k", "Two").await.expect(201);
        assert_eq!(told(&write(&ada, "k", "Two").await), told(&second), "and is kept anew");
        assert_eq!((titles(&ada).await.len(), kept(&app).await), (2, 1));

        app.later(24 * HOUR);
        stead::app::sweep_once(&app.state).await.unwrap();
        assert_eq!(kept(&app).await, 0);
    }

    async fn of_many_who_find_a_key_expired_one_takes_it(app: App) {
        let ada = app.user().await;
        write(&ada, "k", "Old").await.expect(201);
        app.later(24 * HOUR);
        let ada = app.signed_in(&ada.email, PASSWORD).await;
        let calls = (0..16).map(|_| tokio::spawn(write(&ada, "k", "New").into_future()));
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().expect(201);
        }
        assert_eq!(titles(&ada).await, ["Old", "New"]);
    }

    async fn a_second_replica_gives_the_answer_of_the_first(app: App) {
        let ada = app.user().await;
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&ada.access_token);
        let calls = (0..16).map(|n| tokio::spawn(write(if n % 2 == 0 { &ada } else { &there }, "k", "Once").into_future()));
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().expect(201));
        }
        assert!(answers.iter().all(|answer| told(answer) == told(&answers[0])));
        assert_eq!(titles(&there).await, ["Once"]);
    }

    async fn what_breaks_off_half_way_leaves_neither_effect_nor_key(app: App) {
        let ada = app.user().await;
        let cut_off = tokio::time::timeout(Duration::from_millis(200), held(&app, &ada, "k", HOUR)).await;
        assert!(cut_off.is_err(), "it was still at it");
        assert_eq!((titles(&ada).await, kept(&app).await), (vec![], 0));
        write(&ada, "k", "Again").await.expect(201);
        assert_eq!(titles(&ada).await, ["Again"]);
    }

    async fn a_duplicate_waits_for_the_first(app: App) {
        let ada = app.user().await;
        let (first, second) = tokio::join!(
            held(&app, &ada, "k", Duration::from_millis(700)),
            async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                held(&app, &ada, "k", HOUR).await
            },
        );
        let answers = [first, second].map(|answer| format!("{:?}", answer.unwrap()));
        assert_eq!(answers[0], answers[1]);
        assert_eq!(titles(&ada).await, ["slow"]);
    }

    async fn a_duplicate_that_has_waited_for_two_seconds_is_told_so(app: App) {
        // On SQLite it waits for the one writer, like all others.
        if app.state.db.driver() == Driver::Sqlite {
            return;
        }
        let ada = app.user().await;
        let (first, second) = tokio::join!(held(&app, &ada, "k", Duration::from_secs(3)), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let begun = std::time::Instant::now();
            let second = write(&ada, "k", "slow").await.refused(409, "idempotency_in_progress");
            assert_eq!(second.header("retry-after"), Some("2"));
            begun.elapsed()
        });
        first.unwrap();
        assert!((1.9..2.9).contains(&second.as_secs_f64()), "{second:?}");
        assert_eq!(titles(&ada).await, ["slow"]);
    }

    async fn only_the_wait_for_the_key_is_short(app: App) {
        if app.state.db.driver() == Driver::Sqlite {
            return;
        }
        let (ada, owner) = (app.user().await, app.user().await);
        let mut other = app.state.db.write().await.unwrap();
        let id: UserId = owner.id.parse().unwrap();
        other.query("UPDATE users SET version = version WHERE id = $1").bind(id).execute().await.unwrap();
        let effect = async |tx: &mut Tx| {
            tx.query("UPDATE users SET version = version WHERE id = $1").bind(id).execute().await?;
            Ok::<_, OnceError>(Created { location: "/x".into(), tag: Tag::new(1, ""), body: json!({}) })
        };
        let (done, ()) = tokio::join!(app.state.idempotency.once(once("k").await, ada.id.parse().unwrap(), effect), async {
            tokio::time::sleep(Duration::from_millis(2600)).await;
            other.commit().await.unwrap();
        });
        done.map_err(Problem::from).unwrap();
    }

    async fn a_key_is_1_to_255_visible_ascii_characters(app: App) {
        let ada = app.user().await;
        let most = "~".repeat(255);
        for (key, title) in [("!", "one"), (&most, "two"), ("\"a\"", "three")] {
            write(&ada, key, title).await.expect(201);
            app.later(Duration::from_secs(1));
        }
        for key in ["", "a b", "é", &"k".repeat(256)] {
            let refused = write(&ada, key, "four").await.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [("/Idempotency-Key".into(), "invalid_idempotency_key".into())], "{key}");
        }
        write(&ada, "a", "four").header("idempotency-key", "b").await.refused(422, "validation_failed");
        assert_eq!(titles(&ada).await, ["one", "two", "three"]);
    }

    async fn nothing_secret_is_kept_beside_an_answer(app: App) {
        let admin = app.admin().await;
        let body = json!({"email": "bob@example.com", "password": "seven purple otters dance"});
        admin.post(USERS, body.clone()).header("idempotency-key", "k").await.expect(201);
        admin.post(USERS, body.clone()).header("idempotency-key", "k").await.expect(201);
        invite(&admin, "k2", "carl@example.com").await.expect(201);
        let token = app.mailed_token("carl@example.com").await;
        let kept = kept_text(&app).await;
        assert!(kept.contains("bob@example.com") && kept.contains("carl@example.com"));
        assert!(!kept.contains("otters") && !kept.contains("argon2") && !kept.contains(&token), "{kept}");
        // Whoever has the dump cannot try passwords against what is kept of the body.
        use sha2::{Digest, Sha256};
        let mut db = app.state.db.read().await.unwrap();
        let tags: Vec<(Vec<u8>,)> = db.query("SELECT body_tag FROM idempotency_keys").fetch_all().await.unwrap();
        let digest = Sha256::digest(body.to_string());
        assert!(tags.iter().all(|(tag,)| tag.len() == 32 && tag.as_slice() != digest.as_slice()));
    }

    async fn the_document_shows_the_header_where_it_is_read(app: App) {
        let document = app.anonymous().get("/openapi.json").await.expect(200).json();
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let Some(header) = parameters.iter().find(|p| p["name"] == "Idempotency-Key") else { continue };
                assert_eq!((&header["in"], &header["required"]), (&json!("header"), &json!(false)));
                assert_eq!(header["schema"]["maxLength"], 255);
                let says = |status: &str, code: &str| {
                    operation["responses"][status]["description"].as_str().unwrap_or_default().contains(code)
                };
                assert!(says("409", "idempotency_in_progress") && says("422", "idempotency_key_reused"), "{path}");
                found.push(format!("{method} {path}"));
            }
        }
        found.sort();
        assert_eq!(found, ["post /api/v1/notes", "post /api/v1/roles", "post /api/v1/users"]);
    }
}

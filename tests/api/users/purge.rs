//! What remains of somebody whose account was purged: nothing by which anybody would know them.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use stead::db::Driver;
use stead::features::users::upkeep::{Done, Upkeep};

use crate::harness::{App, Call, Client, PASSWORD, Person, Stage, behaviour};

const AUTH: &str = "/api/v1/auth";
const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const DAY: Duration = Duration::from_secs(24 * 3600);
const AGENT: &str = "Peculiar-Agent/7.31";
const ADDRESS: &str = "203.0.113.77";
const TRACES: [&str; 6] = ["zarathustra", "quux", "peculiar", "203.0.113.77", "ظرطشت", "secret thought"];

/// Somebody who goes through everything, from an address and with a program of their own.
struct Zarathustra {
    client: Client,
    access_token: String,
}

impl Zarathustra {
    fn call(&self, method: &str, path: &str) -> Call {
        let call = self.client.request(method, path).header("user-agent", AGENT);
        call.header("authorization", &format!("Bearer {}", self.access_token))
    }

    async fn signs_in(&mut self, email: &str, password: &str) {
        let login = self.client.post(&format!("{AUTH}/login"), json!({"email": email, "password": password}));
        let pair = login.header("user-agent", AGENT).await.expect(200).json();
        self.access_token = pair["access_token"].as_str().unwrap().to_owned();
    }

    async fn post(&self, path: &str, body: serde_json::Value, status: u16) -> serde_json::Value {
        self.call("POST", path).json(body).await.expect(status);
        json!(null)
    }
}

async fn lives(app: &App) -> String {
    let client = app.anonymous().at(ADDRESS);
    let mut z = Zarathustra { client, access_token: "none".into() };
    let (first, second, third) =
        ("zarathustra@example.com", "zarathustra.quux@example.com", "quux@example.net");
    let register = json!({"email": first, "password": PASSWORD, "display_name": "Zarathustra Quux"});
    let register =
        z.client.post(&format!("{AUTH}/register"), register).header("user-agent", AGENT).await.expect(201);
    let id = register.json()["id"].as_str().unwrap().to_owned();
    let wrong = z.client.post(&format!("{AUTH}/login"), json!({"email": first, "password": "wrong"}));
    wrong.header("user-agent", AGENT).await.expect(401);
    z.signs_in(first, PASSWORD).await;
    z.post(&format!("{AUTH}/email/verify"), json!({"token": app.mailed_token(first).await}), 204).await;
    z.call("PATCH", ME).json(json!({"display_name": "ظرطشت Quux Zarathustra"})).await.expect(200);
    crowd(app, 40).await;
    z.post("/api/v1/notes", json!({"title": "A secret thought", "body": "Quux"}), 201).await;
    z.call("POST", "/api/v1/notes")
        .header("idempotency-key", "zarathustra-1")
        .json(json!({"title": "Another secret thought"}))
        .await
        .expect(201);
    let passwords = json!({"current_password": PASSWORD, "new_password": "seven purple otters dance"});
    z.post(&format!("{AUTH}/password/change"), passwords, 204).await;
    for (from, to) in [(first, second), (second, third)] {
        app.later(DAY);
        z.signs_in(from, "seven purple otters dance").await;
        let change = json!({"password": "seven purple otters dance", "new_email": to});
        z.post(&format!("{AUTH}/email/change"), change, 202).await;
        z.post(&format!("{AUTH}/email/verify"), json!({"token": app.mailed_token(to).await}), 204).await;
    }
    crowd(app, 40).await;
    app.later(Duration::from_secs(1));
    let forgot = z.client.post(&format!("{AUTH}/password/forgot"), json!({"email": third}));
    forgot.header("user-agent", AGENT).await.expect(202);
    let reset = json!({"token": app.mailed_token(third).await, "new_password": PASSWORD});
    z.client.post(&format!("{AUTH}/password/reset"), reset).header("user-agent", AGENT).await.expect(200);
    z.signs_in(third, PASSWORD).await;
    z.call("PATCH", ME).json(json!({"display_name": "Zarathustra ظرطشت"})).await.expect(200);
    let back = json!({"password": PASSWORD, "new_email": "zarathustra@example.org"});
    z.post(&format!("{AUTH}/email/change"), back, 202).await;
    z.call("DELETE", ME).json(json!({"password": PASSWORD})).await.expect(204);
    id
}

/// Others, among whom the rows of one person are moved from page to page.
async fn crowd(app: &App, count: u32) {
    let admin = app.admin().await;
    for n in 0..count {
        let body = json!({"email": format!("someone{n}.{}", admin.email), "display_name": "Some Body Else"});
        admin.post(USERS, body).await.expect(201);
    }
}

/// All there is: SQLite's files as they lie on the disk, or every row of every table of PostgreSQL.
async fn everything(app: &App) -> String {
    let url = app.stage.direct_url();
    let mut all = String::new();
    if app.state.db.driver() == Driver::Sqlite {
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{}{suffix}", url.strip_prefix("sqlite://").unwrap());
            all += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
        }
        return all.to_lowercase();
    }
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    for table in tables {
        let rows = AssertSqlSafe(format!(r#"SELECT t::text FROM "{table}" AS t"#));
        for row in sqlx::query(rows).fetch_all(&mut connection).await.unwrap() {
            all += &row.get::<String, _>(0);
        }
    }
    all.to_lowercase()
}

async fn upkeep(app: &App) -> Done {
    Upkeep::new(&app.state).round(|| true).await.unwrap()
}

async fn deleted(app: &App) -> Person {
    let person = app.user().await;
    person.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
    person
}

behaviour! {
    async fn nothing_remains_of_somebody_who_was_purged_but_rows_of_the_audit_log_that_know_nobody(app: App) {
        let id = lives(&app).await;
        let before = everything(&app).await;
        for trace in TRACES {
            // A mail and the idempotency key's answer are encrypted or gone by now; the rest must be there.
            assert!(before.contains(trace), "{trace}: what is not there could not be found either");
        }
        app.later(29 * DAY);
        assert_eq!(upkeep(&app).await.purged, 0);
        crowd(&app, 40).await;
        app.later(2 * DAY);
        assert_eq!(upkeep(&app).await, Done { refreshed: 0, purged: 1 });

        let after = everything(&app).await;
        for trace in TRACES {
            let at = after.find(trace);
            let around = at.map(|at| after.chars().skip(after[..at].chars().count().saturating_sub(60)).take(200).collect::<String>());
            assert_eq!(around, None, "{trace}");
        }
        let admin = app.admin().await;
        let events = admin.get(&format!("/api/v1/audit-events?subject_id={id}&limit=100")).await.expect(200).json();
        let events = events["items"].as_array().unwrap();
        assert_eq!(events[0]["action"], "user_purged");
        assert!(events.len() > 12, "{events:#?}");
        assert!(events.iter().all(|event| event["ip"].is_null() && event["user_agent"].is_null()), "{events:#?}");
    }

    async fn of_rows_that_were_moved_from_page_to_page_nothing_is_left_in_the_file(app: App) {
        let admin = app.admin().await;
        let mut gone: Vec<(u32, String)> = Vec::new();
        for n in 0..300 {
            let body = json!({"email": format!("xenophon{n}x@example.com"), "display_name": format!("Xenophon{n}x Trace{n}x")});
            let id = admin.post(USERS, body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
            let name = json!({"display_name": format!("Another Name{n}x Of Xenophon{n}x")});
            admin.patch(&format!("{USERS}/{id}"), name).await.expect(200);
            if n % 2 == 0 {
                gone.push((n, id));
            }
        }
        for (_, id) in &gone {
            admin.delete(&format!("{USERS}/{id}")).await.expect(204);
        }
        app.later(31 * DAY);
        assert_eq!(upkeep(&app).await.purged, 150);
        let after = everything(&app).await;
        assert!(after.contains("xenophon1x"));
        let left = gone.iter().filter(|(n, _)| ["xenophon", "trace", "name"].iter().any(|t| after.contains(&format!("{t}{n}x"))));
        assert_eq!(left.map(|(n, _)| n).collect::<Vec<_>>(), Vec::<&u32>::new());
    }

    async fn who_was_deleted_can_be_restored_until_the_purge_and_not_after(app: App) {
        let (admin, early, late) = (app.admin().await, deleted(&app).await, deleted(&app).await);
        app.later(30 * DAY - Duration::from_secs(1));
        assert_eq!(upkeep(&app).await.purged, 0);
        let restore = async |person: &Person| {
            let admin = app.signed_in(&admin.email, PASSWORD).await;
            admin.post(&format!("{USERS}/{}/restore", person.id), json!({})).await
        };
        restore(&early).await.expect(200);
        app.later(Duration::from_secs(1));
        assert_eq!(upkeep(&app).await.purged, 1);
        restore(&late).await.refused(404, "not_found");
        app.signed_in(&early.email, PASSWORD).await;
    }

    async fn a_purge_leaves_whoever_has_the_address_by_then_and_what_admins_did_from_where(app: App) {
        let (admin, gone) = (app.admin().await, app.user().await);
        admin.delete(&format!("{USERS}/{}", gone.id)).await.expect(204);
        app.anonymous().register(&gone.email, PASSWORD).await.expect(201);
        app.later(31 * DAY);
        for _ in 0..10 {
            app.anonymous().login(&gone.email, "wrong").await.expect(401);
        }
        assert_eq!(upkeep(&app).await.purged, 1);
        app.anonymous().login(&gone.email, PASSWORD).await.refused(429, "too_many_attempts");
        let admin = app.signed_in(&admin.email, PASSWORD).await;
        let path = format!("/api/v1/audit-events?subject_id={}&action=user_deleted", gone.id);
        let event = admin.get(&path).await.expect(200).json()["items"][0].clone();
        assert_eq!((&event["actor_id"], event["ip"].is_string()), (&json!(admin.id), true));
    }

    async fn many_are_purged_in_one_round_and_by_one_replica_at_a_time(stage: Stage) {
        let (one, two) = (stage.start().await, stage.start().await);
        for _ in 0..45 {
            deleted(&one).await;
        }
        one.later(31 * DAY);
        let stopped = Upkeep::new(&one.state).round(|| false).await.unwrap();
        assert_eq!(stopped.purged, 0, "no step begins once the process is to end");
        let (first, second) = tokio::join!(upkeep(&one), upkeep(&two));
        assert_eq!(first.purged + second.purged, 45);
        assert_eq!(upkeep(&two).await.purged, 0);
    }

    async fn how_long_the_deleted_are_kept_is_a_setting(stage: Stage) {
        let app = stage.with("users.purge_after", "2d").start().await;
        deleted(&app).await;
        app.later(2 * DAY - Duration::from_secs(1));
        assert_eq!(upkeep(&app).await.purged, 0);
        app.later(Duration::from_secs(1));
        assert_eq!(upkeep(&app).await.purged, 1);
    }
}

//! Changes of one account that meet: each waits for the other, and none undoes what the other did.

use std::time::Duration;

use serde_json::{Value, json};
use stead::base::id::UserId;
use stead::db::Tx;
use tokio::task::JoinHandle;

use crate::harness::{App, Call, PASSWORD, Person, Reply, behaviour};

const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "/api/v1/auth/login";
const NEW: &str = "seven purple otters dance";
const SECOND: Duration = Duration::from_secs(1);

/// A request that is under way: so far that it waits for whoever holds the account.
async fn begun(call: Call) -> JoinHandle<Reply> {
    let begun = tokio::spawn(call.into_future());
    tokio::time::sleep(Duration::from_millis(250)).await;
    begun
}

/// Somebody else who is about to write `set` of an account, and holds it so long.
async fn holding(app: &App, person: &Person, set: &'static str) -> Tx {
    let mut tx = app.state.db.write().await.unwrap();
    let id: UserId = person.id.parse().unwrap();
    tx.query("UPDATE users SET ").push(set).push(" WHERE id = $?").bind(id).execute().await.unwrap();
    tx
}

async fn sessions(app: &App, person: &Person) -> usize {
    let path = format!("{USERS}/{}/sessions", person.id);
    let list = app.admin().await.get(&path).await.expect(200).json();
    list["items"].as_array().unwrap().len()
}

async fn stored(app: &App, person: &Person) -> String {
    app.users().get(person.id.parse().unwrap()).await.unwrap().account.password_hash.unwrap().0
}

const ANOTHER_HASH: &str = "password_hash = '$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'";

behaviour! {
    async fn of_32_changes_of_one_version_one_is_made(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let path = format!("{USERS}/{}", ada.id);
        let tag = admin.get(&path).await.expect(200).header("etag").unwrap().to_owned();
        let change = |n: usize| {
            admin.patch(&path, json!({"display_name": format!("Change {n}")})).header("if-match", &tag)
        };
        let calls: Vec<_> = (0..32).map(|n| tokio::spawn(change(n).into_future())).collect();
        let (mut made, mut refused) = (Vec::new(), 0);
        for call in calls {
            let reply = call.await.unwrap();
            match reply.status.as_u16() {
                200 => made.push((reply.header("etag").unwrap().to_owned(), reply.json())),
                _ => {
                    reply.refused(412, "precondition_failed");
                    refused += 1;
                }
            }
        }
        assert_eq!((made.len(), refused), (1, 31));
        let now = admin.get(&path).await.expect(200);
        assert_eq!(made[0], (now.header("etag").unwrap().to_owned(), now.json()));
        assert_ne!(made[0].0, tag);
    }

    async fn a_change_of_somebody_else_refuses_no_act_that_names_no_version(app: App) {
        let admin = app.admin().await;
        for (method, rest, body) in [
            ("POST", "/suspend", json!({})),
            ("POST", "/activate", json!({})),
            ("PUT", "/roles", json!({"roles": ["user"]})),
            ("PATCH", "", json!({"locale": "zh"})),
            ("DELETE", "", json!({})),
            ("POST", "/restore", json!({})),
        ] {
            let ada = app.user().await;
            let path = format!("{USERS}/{}", ada.id);
            let version = admin.get(&path).await.expect(200).header("etag").unwrap().to_owned();
            if rest == "/restore" {
                admin.delete(&path).await.expect(204);
            }
            let call = || admin.request(method, &format!("{path}{rest}")).json(body.clone());
            let tx = holding(&app, &ada, "display_name = 'Ada', version = version + 1").await;
            let act = begun(call()).await;
            tx.commit().await.unwrap();
            let done = act.await.unwrap();
            assert!(done.status.is_success(), "{method} {rest}: {}", done.text());
            if method != "DELETE" {
                assert_eq!(done.json()["display_name"], "Ada", "{method} {rest}");
                if rest != "/restore" {
                    call().header("if-match", &version).await.refused(412, "precondition_failed");
                }
            }
        }
    }

    async fn a_change_of_the_profile_refuses_no_change_of_the_password_or_the_address(app: App) {
        for (path, body) in [
            ("/api/v1/auth/password/change", json!({"current_password": PASSWORD, "new_password": NEW})),
            ("/api/v1/auth/email/change", json!({"password": PASSWORD, "new_email": "new@example.com"})),
        ] {
            let ada = app.user().await;
            let tx = holding(&app, &ada, "display_name = 'Ada', version = version + 1").await;
            let act = begun(ada.post(path, body)).await;
            tx.commit().await.unwrap();
            let done = act.await.unwrap();
            assert!(done.status.is_success(), "{path}: {}", done.text());
            assert_eq!(ada.get(ME).await.json()["display_name"], "Ada");
        }
    }

    async fn a_sign_in_and_a_change_of_the_profile_undo_nothing_of_each_other(app: App) {
        for sign_in_first in [true, false] {
            let ada = app.user().await;
            app.later(SECOND);
            let tx = holding(&app, &ada, "version = version").await;
            let login = || app.anonymous().login(&ada.email, PASSWORD);
            let patch = || ada.patch(ME, json!({"display_name": "Ada"}));
            let (first, second) = match sign_in_first {
                true => (begun(login()).await, begun(patch()).await),
                false => (begun(patch()).await, begun(login()).await),
            };
            tx.commit().await.unwrap();
            for act in [first, second] {
                act.await.unwrap().expect(200);
            }
            let me = ada.get(ME).await.expect(200).json();
            let now = serde_json::to_value(app.state.clock.now()).unwrap();
            assert_eq!((&me["display_name"], &me["last_login_at"]), (&json!("Ada"), &now));
        }
    }

    async fn a_sign_in_whose_password_or_account_changes_before_its_session_starts_gets_none(app: App) {
        // Its settings would replace the hash, too.
        let stronger = app.stage.clone().with("auth.hash.memory_kib", 128).start().await;
        for (set, status, code) in [
            (ANOTHER_HASH, 401, "invalid_credentials"),
            ("status = 'suspended'", 403, "account_suspended"),
            ("status = 'pending'", 403, "email_not_verified"),
            ("deleted_at = created_at", 401, "invalid_credentials"),
        ] {
            for replica in [&app, &stronger] {
                let ada = app.user().await;
                let known = json!({"email": ada.email, "password": PASSWORD, "device_token": ada.device_token});
                let tx = holding(&app, &ada, set).await;
                let logins = [
                    begun(replica.anonymous().login(&ada.email, PASSWORD)).await,
                    begun(replica.anonymous().post(LOGIN, known)).await,
                ];
                tx.commit().await.unwrap();
                for login in logins {
                    login.await.unwrap().refused(status, code);
                }
                if !set.starts_with("deleted") {
                    let hash = stored(&app, &ada).await;
                    assert!(hash.starts_with("$argon2id$v=19$m=64,"), "{set}: {hash}");
                    assert_eq!(sessions(&app, &ada).await, 1, "{set}: the one from before");
                }
            }
        }
    }

    async fn a_password_that_was_reset_while_it_was_checked_changes_nothing(app: App) {
        let ada = app.user().await;
        let tx = holding(&app, &ada, "password_hash = password_hash || 'x', version = version + 1").await;
        let body: Value = json!({"current_password": PASSWORD, "new_password": NEW});
        let act = begun(ada.post("/api/v1/auth/password/change", body)).await;
        tx.commit().await.unwrap();
        act.await.unwrap().refused(409, "conflict");
        assert!(stored(&app, &ada).await.ends_with('x'));
    }
}

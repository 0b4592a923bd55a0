//! What ends or changes while a request is under way holds for that request, too.

use std::convert::Infallible;
use std::future::IntoFuture;

use axum::body::Body;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::{App, Client, PASSWORD, Reply, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";
const VERIFY: &str = "/api/v1/auth/email/verify";
const NEW: &str = "seven purple otters dance";

/// A request whose body is on its way: the caller was let in, and the rest comes when it is let go.
struct Held {
    go: oneshot::Sender<()>,
    reply: JoinHandle<Reply>,
}

impl Held {
    async fn begin(client: &Client, method: &str, path: &str, body: &Value) -> Self {
        let (go, gone) = oneshot::channel::<()>();
        let (ask, asked) = oneshot::channel::<()>();
        let text = body.to_string();
        let body = Body::from_stream(stream::once(async move {
            ask.send(()).expect("the test waits");
            gone.await.expect("the test lets go");
            Ok::<_, Infallible>(text)
        }));
        let call = client.request(method, path).body("application/json", body);
        let reply = tokio::spawn(call.into_future());
        asked.await.expect("the body is read");
        Self { go, reply }
    }

    async fn end(self) -> Reply {
        self.go.send(()).expect("the request waits");
        self.reply.await.expect("there is an answer")
    }
}

behaviour! {
    async fn a_body_that_takes_its_time_is_a_body_like_any_other(app: App) {
        let ada = app.user().await;
        let held = Held::begin(&ada, "PATCH", ME, &json!({"display_name": "Ada"})).await;
        app.user().await;
        assert_eq!(held.end().await.expect(200).json()["display_name"], "Ada");
    }

    async fn who_signs_out_while_a_body_is_on_its_way_changes_nothing_by_it(app: App) {
        let ada = app.user().await;
        let held = Held::begin(&ada, "PATCH", ME, &json!({"display_name": "Eve"})).await;
        ada.request("POST", "/api/v1/auth/logout").await.expect(204);
        held.end().await.refused(401, "invalid_token");
        let again = app.signed_in(&ada.email, PASSWORD).await;
        assert_eq!(again.get(ME).await.expect(200).json()["display_name"], json!(null));
    }

    async fn an_admin_who_is_suspended_while_a_body_is_on_its_way_makes_no_other(app: App) {
        let (eve, ada) = (app.admin().await, app.admin().await);
        let new = json!({"email": "backdoor@example.com", "password": PASSWORD, "roles": ["admin"]});
        let held = Held::begin(&eve, "POST", USERS, &new).await;
        ada.post(&format!("{USERS}/{}/suspend", eve.id), json!({})).await.expect(200);
        held.end().await.refused(401, "invalid_token");
        app.anonymous().login("backdoor@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    }

    async fn an_admin_who_is_one_no_more_gives_no_roles(app: App) {
        let (eve, ada, bob) = (app.admin().await, app.admin().await, app.user().await);
        let roles = |id: &str| format!("{USERS}/{id}/roles");
        let held = Held::begin(&eve, "PUT", &roles(&bob.id), &json!({"roles": ["admin"]})).await;
        ada.request("PUT", &roles(&eve.id)).json(json!({"roles": ["user"]})).await.expect(200);
        held.end().await.refused(403, "forbidden");
        assert_eq!(bob.get(ME).await.expect(200).json()["roles"], json!(["user"]));
    }

    async fn admins_who_suspend_each_other_at_once_do_not_both_succeed(app: App) {
        app.admin().await;
        for _ in 0..8 {
            let (eve, ada) = (app.admin().await, app.admin().await);
            let suspend = |by: &Client, id: &str| by.post(&format!("{USERS}/{id}/suspend"), json!({}));
            let (one, other) = tokio::join!(suspend(&eve, &ada.id), suspend(&ada, &eve.id));
            let mut statuses = [one.status.as_u16(), other.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 401], "{} {}", one.text(), other.text());
        }
    }

    async fn a_change_of_password_ends_a_change_of_address_that_was_begun_with_the_old_one(app: App) {
        let ada = app.user().await;
        let eve = app.signed_in(&ada.email, PASSWORD).await;
        let change = json!({"password": PASSWORD, "new_email": "eve@example.com"});
        eve.post("/api/v1/auth/email/change", change).await.expect(202);
        let token = app.mailed_token("eve@example.com").await;
        let held = Held::begin(&eve, "POST", VERIFY, &json!({"token": token})).await;
        let better = json!({"current_password": PASSWORD, "new_password": NEW});
        ada.post("/api/v1/auth/password/change", better).await.expect(204);
        assert!(held.end().await.status.is_client_error());
        for password in [PASSWORD, NEW] {
            let proof = json!({"token": token, "password": password});
            app.anonymous().post(VERIFY, proof).await.refused(422, "invalid_or_expired_token");
        }
        ada.get(ME).await.expect(200);
        assert_eq!(app.signed_in(&ada.email, NEW).await.email, ada.email);
    }

    async fn the_last_connection_is_never_held_by_somebody_who_waits_for_another(stage: Stage) {
        let app = stage.with("database.max_connections", 1).start().await;
        let (admin, ada) = (app.admin().await, app.user().await);
        let restored = admin.post(&format!("{USERS}/{}/restore", ada.id), json!({})).await;
        restored.expect(200);
    }
}

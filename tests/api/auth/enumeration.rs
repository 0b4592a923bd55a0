//! What a stranger could learn of who has an account: equal answers for equal work.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Reply, Stage, behaviour};

const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESEND: &str = "/api/v1/auth/email/verify/resend";
const CHANGE: &str = "/api/v1/auth/email/change";
const ME: &str = "/api/v1/users/me";
const HOUR: Duration = Duration::from_secs(3600);

/// What whoever asked sees, and what it cost.
#[derive(Debug, PartialEq)]
struct Observed {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
    hashes: u64,
    statements: u64,
}

async fn observed(app: &App, reply: impl Future<Output = Reply>) -> Observed {
    let before = (app.state.passwords.computed(), app.state.db.statements());
    let reply = reply.await;
    let after = (app.state.passwords.computed(), app.state.db.statements());
    let mut body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    if let Some(id) = body.get_mut("request_id") {
        *id = json!("-");
    }
    let headers = reply.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap().to_owned();
        (name.to_string(), if name == "x-request-id" || name == "date" { "-".into() } else { value })
    });
    Observed {
        status: reply.status.as_u16(),
        headers: headers.collect(),
        body,
        hashes: after.0 - before.0,
        statements: after.1 - before.1,
    }
}

/// One address of each kind there is, where addresses must be verified.
async fn addresses(app: &App) -> Vec<String> {
    let (active, suspended, deleted) = (app.user().await, app.user().await, app.user().await);
    app.suspend(&suspended.id).await;
    deleted.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
    app.anonymous().register("pending@example.com", PASSWORD).await.expect(202);
    let invited = json!({"email": "invited@example.com"});
    app.admin().await.post("/api/v1/users", invited).await.expect(201);
    let fixed = ["unknown@example.com", "pending@example.com", "invited@example.com"].map(String::from);
    fixed.into_iter().chain([active.email.clone(), suspended.email.clone(), deleted.email.clone()]).collect()
}

async fn strict(stage: Stage) -> (App, Vec<String>) {
    let app = stage.with("auth.email_verification", "required").start().await;
    let addresses = addresses(&app).await;
    // Whatever was sent so far, everyone may be written to again.
    app.later(HOUR);
    // What the server does by itself must not be counted.
    assert!(app.state.tasks.shut_down(HOUR).await);
    (app, addresses)
}

/// Posts what `body` makes of each address: all look alike and cost the same. Says how.
async fn alike(app: &App, path: &str, addresses: &[String], body: impl Fn(&str) -> Value) -> Observed {
    let mut first: Option<(&String, Observed)> = None;
    for address in addresses {
        let seen = observed(app, app.anonymous().post(path, body(address)).into_future()).await;
        match &first {
            None => first = Some((address, seen)),
            Some((other, expected)) => assert_eq!(&seen, expected, "{path}: {address} and {other}"),
        }
    }
    first.unwrap().1
}

behaviour! {
    async fn a_wrong_password_looks_and_costs_the_same_whoever_is_asked_for(stage: Stage) {
        let (app, addresses) = strict(stage).await;
        for password in ["wrong", "", &"x".repeat(1024)] {
            let body = |email: &str| json!({"email": email, "password": password});
            let seen = alike(&app, LOGIN, &addresses, body).await;
            assert_eq!((seen.status, seen.hashes), (401, 1), "{password:?}");
            assert!(seen.statements > 0);
            let body = |email: &str| json!({"email": email, "password": password, "device_token": "dt_x"});
            alike(&app, LOGIN, &addresses, body).await;
        }
    }

    async fn whoever_has_used_up_the_guesses_is_refused_alike(stage: Stage) {
        let (app, addresses) = strict(stage).await;
        let body = |email: &str| json!({"email": email, "password": "wrong"});
        for _ in 0..10 {
            alike(&app, LOGIN, &addresses, body).await;
        }
        let seen = alike(&app, LOGIN, &addresses, body).await;
        assert_eq!((seen.status, seen.hashes), (429, 0));
    }

    async fn an_over_long_password_is_refused_before_anything_is_looked_up_or_hashed(stage: Stage) {
        let (app, addresses) = strict(stage).await;
        let long = "x".repeat(1025);
        for path in [LOGIN, REGISTER] {
            let seen = alike(&app, path, &addresses, |email| json!({"email": email, "password": long})).await;
            assert_eq!((seen.status, seen.hashes, seen.statements), (422, 0, 0), "{path}");
        }
    }

    async fn a_registration_looks_and_costs_the_same_whether_the_address_has_an_account(stage: Stage) {
        let (app, mut addresses) = strict(stage).await;
        for (n, password) in [PASSWORD, "another long sentence of words"].iter().enumerate() {
            addresses[0] = format!("unknown{n}@example.com");
            let body = |email: &str| json!({"email": email, "password": password, "display_name": "Ada"});
            let seen = alike(&app, REGISTER, &addresses, body).await;
            assert_eq!((seen.status, seen.hashes), (202, 1));
        }
        let weak = |email: &str| json!({"email": email, "password": "password1"});
        let seen = alike(&app, REGISTER, &addresses, weak).await;
        assert_eq!((seen.status, seen.hashes, seen.statements), (422, 0, 0));
    }

    async fn whoever_gets_no_more_mails_is_answered_as_before_for_the_same_work(stage: Stage) {
        let (app, mut addresses) = strict(stage).await;
        for path in [REGISTER, FORGOT, RESEND] {
            app.later(HOUR);
            addresses[0] = format!("unknown{}@example.com", path.len());
            let body = |email: &str| match path {
                REGISTER => json!({"email": email, "password": PASSWORD}),
                _ => json!({"email": email}),
            };
            let granted = alike(&app, path, &addresses, body).await;
            for _ in 0..2 {
                assert_eq!(alike(&app, path, &addresses, body).await, granted, "{path}");
            }
            let mut sent = Vec::new();
            for address in &addresses {
                sent.push(app.mails_to(address).await.len());
            }
            assert_eq!(alike(&app, path, &addresses, body).await, granted, "{path}");
            for (address, sent) in addresses.iter().zip(sent) {
                assert_eq!(app.mails_to(address).await.len(), sent, "{path}: {address}");
            }
        }
    }

    async fn who_forgot_a_password_or_wants_the_link_once_more_learns_nothing(stage: Stage) {
        let (app, addresses) = strict(stage).await;
        for path in [FORGOT, RESEND] {
            let seen = alike(&app, path, &addresses, |email| json!({"email": email})).await;
            assert_eq!((seen.status, seen.hashes), (202, 0), "{path}");
        }
    }

    async fn a_change_of_address_looks_and_costs_the_same_whether_the_new_one_has_an_account(stage: Stage) {
        let (app, addresses) = strict(stage).await;
        let mut first = None;
        for address in &addresses {
            // Somebody new each time: what was asked for before must not matter.
            let ada = app.user().await;
            let body = json!({"password": PASSWORD, "new_email": address});
            ada.get(ME).await.expect(200);
            let seen = observed(&app, ada.post(CHANGE, body).into_future()).await;
            assert_eq!((seen.status, seen.hashes), (202, 1));
            assert_eq!(&seen, first.get_or_insert_with(|| observed_again(&seen)), "{address}");
        }
    }
}

fn observed_again(seen: &Observed) -> Observed {
    Observed { headers: seen.headers.clone(), body: seen.body.clone(), ..*seen }
}

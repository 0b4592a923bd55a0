//! A server on a stage, and the people who use it.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use serde_json::{Value, json};
use stead::access::principal::Actor;
use stead::base::id::UserId;
use stead::base::secret::Password;
use stead::features::users::service::{NewUser, Users};
use stead::http::etag::IfMatch;
use stead::state::AppState;
use tokio::net::TcpListener;

use super::client::Client;
use super::stage::Stage;

/// Everyone's password, until they say otherwise.
pub const PASSWORD: &str = "correct horse battery staple";

/// A server.
#[derive(Clone)]
pub struct App {
    pub state: AppState,
    pub stage: Stage,
    router: Router,
    management: Router,
}

/// Somebody who is signed in. What a [`Client`] can do, they can do with their access token.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub access_token: String,
    pub refresh_token: String,
    pub device_token: String,
    client: Client,
}

impl Deref for Person {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl App {
    pub(super) fn new(app: stead::app::App, stage: Stage) -> Self {
        Self { state: app.state, router: app.router, management: app.management, stage }
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// Serves at a port of this machine, as long as the test lasts: for what only a connection shows.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, router).into_future());
        address
    }

    /// Somebody at the listener for operators.
    pub fn operator(&self) -> Client {
        Client::new(self.management.clone())
    }

    /// Somebody who has registered by the API, verified their address if that is asked for, and signed in.
    pub async fn user(&self) -> Person {
        let email = format!("{}@example.com", self.stage.fresh_name("user"));
        let anonymous = self.anonymous();
        let answer = anonymous.register(&email, PASSWORD).await;
        if answer.status == 202 {
            let verification = json!({"token": self.mailed_token(&email).await, "password": PASSWORD});
            anonymous.post("/api/v1/auth/email/verify", verification).await.expect(204);
        } else {
            answer.expect(201);
        }
        self.signed_in(&email, PASSWORD).await
    }

    /// Somebody whom the operator made an admin, signed in.
    pub async fn admin(&self) -> Person {
        let email = format!("{}@example.com", self.stage.fresh_name("admin"));
        let new = NewUser {
            email: email.parse().expect("an address"),
            password: Some(Password::new(PASSWORD.into())),
            display_name: None,
            locale: None,
            roles: ["admin".into()].into(),
        };
        self.users().create(new, Actor::OPERATOR).await.expect("the admin is made");
        self.signed_in(&email, PASSWORD).await
    }

    /// Somebody who has an account, signed in once more: a new session.
    pub async fn signed_in(&self, email: &str, password: &str) -> Person {
        let pair = self.anonymous().login(email, password).await.expect(200).json();
        self.person(&pair)
    }

    /// The owner of a token pair.
    pub fn person(&self, pair: &Value) -> Person {
        let text = |value: &Value| value.as_str().expect("a text in the token pair").to_owned();
        let access_token = text(&pair["access_token"]);
        Person {
            id: text(&pair["user"]["id"]),
            email: text(&pair["user"]["email"]),
            refresh_token: text(&pair["refresh_token"]),
            device_token: text(&pair["device_token"]),
            client: self.anonymous().with_token(&access_token),
            access_token,
        }
    }

    /// The service of accounts, for what an operator does.
    pub fn users(&self) -> Users {
        Users::from_ref(&self.state)
    }

    /// The operator suspends an account.
    pub async fn suspend(&self, id: &str) {
        let id = id.parse().expect("an id");
        self.users().suspend(id, &IfMatch::default(), Actor::OPERATOR).await.expect("it is suspended");
    }

    /// The operator lifts a suspension.
    pub async fn activate(&self, id: &str) {
        let id = id.parse().expect("an id");
        self.users().activate(id, &IfMatch::default(), Actor::OPERATOR).await.expect("it is active");
    }

    /// Somebody who holds these permissions by a role of their own, named after them.
    pub async fn holder(&self, permissions: &[&str]) -> Person {
        let person = self.user().await;
        let mut tx = self.state.db.write().await.expect("a transaction");
        let role = permissions.join("-").replace(':', "_");
        tx.query(
            "INSERT INTO roles (name, description, built_in) VALUES ($1, '', false) ON CONFLICT DO NOTHING",
        )
        .bind(&role)
        .execute()
        .await
        .expect("the role is made");
        for permission in permissions {
            tx.query(
                "INSERT INTO role_permissions (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(&role)
            .bind(*permission)
            .execute()
            .await
            .expect("the role permits it");
        }
        tx.query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2)")
            .bind(person.id.parse::<UserId>().expect("an id"))
            .bind(&role)
            .execute()
            .await
            .expect("the role is given");
        tx.commit().await.expect("the role is there");
        person
    }

    /// Hears of what other replicas changed, as it does by itself a few times a second.
    pub async fn hears(&self) {
        self.state.access.follow().await.expect("the feed can be read");
    }

    /// Lets time pass.
    pub fn later(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// The mails to an address that have not expired, newest first, as `/dev/mail` shows them.
    pub async fn mails_to(&self, email: &str) -> Vec<Value> {
        let mailbox = self.anonymous().get("/dev/mail").await.expect(200).json();
        let mails = mailbox["items"].as_array().expect("a list of mails").clone();
        mails.into_iter().filter(|mail| mail["to"] == email).collect()
    }

    /// The token in the newest mail to an address that has one.
    pub async fn mailed_token(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        let token = mails.iter().find_map(|mail| mail["link"].as_str()?.split_once("#token="));
        token.unwrap_or_else(|| panic!("no mail to {email} has a token: {mails:?}")).1.to_owned()
    }
}

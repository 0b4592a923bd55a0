//! Signing in, and all that comes before and after it.

mod emails;
mod enumeration;
mod interrupted;
mod keys;
mod login;
mod outages;
mod passwords;
mod refresh;
mod registration;
mod reset;
mod revocation;
mod sessions;
mod throttle;
mod tokens;
mod verification;

use serde_json::json;

use crate::harness::{PASSWORD, Stage, behaviour};

behaviour! {
    async fn a_pool_of_one_connection_is_enough_for_the_whole_way_through(stage: Stage) {
        let stage = stage.with("database.max_connections", 1).with("auth.email_verification", "required");
        let app = stage.start().await;
        let (anonymous, admin) = (app.anonymous(), app.admin().await);
        let ada = app.user().await;
        anonymous.register(&ada.email, PASSWORD).await.expect(202);
        anonymous.post("/api/v1/auth/email/verify/resend", json!({"email": ada.email})).await.expect(202);
        anonymous.login(&ada.email, "wrong").await.refused(401, "invalid_credentials");

        let ada = app.person(&anonymous.refresh(&ada.refresh_token).await.expect(200).json());
        ada.patch("/api/v1/users/me", json!({"display_name": "Ada"})).await.expect(200);
        ada.get("/api/v1/auth/sessions").await.expect(200);
        ada.delete("/api/v1/auth/sessions").await.expect(204);
        admin.get("/api/v1/users?include_total=true").await.expect(200);
        let both = tokio::join!(ada.get("/api/v1/users/me"), anonymous.login(&ada.email, PASSWORD));
        assert_eq!(
            (both.0.expect(200).status, both.1.expect(200).status),
            (200.try_into().unwrap(), 200.try_into().unwrap())
        );

        ada.post("/api/v1/auth/logout", json!({})).await.expect(204);
        let ada = app.signed_in(&ada.email, PASSWORD).await;
        ada.delete("/api/v1/users/me").json(json!({"password": PASSWORD})).await.expect(204);
        anonymous.get("/health/ready").await.expect(200);
    }
}

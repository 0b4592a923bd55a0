//! Making an account.

use crate::harness::{App, PASSWORD, Stage, behaviour};

behaviour! {
    async fn whoever_registers_can_sign_in_at_once(app: App) {
        let ada = app.user().await;
        ada.get("/api/v1/users/me").await.expect(200);
        app.admin().await.get("/api/v1/users").await.expect(200);
        app.anonymous().register(&ada.email, PASSWORD).await.refused(409, "email_taken");
    }

    async fn with_verification_the_way_in_leads_through_the_mailbox(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        app.user().await.get("/api/v1/users/me").await.expect(200);
    }
}

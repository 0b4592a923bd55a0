//! The last active admin.

use serde_json::json;

use crate::harness::{App, PASSWORD, behaviour};

behaviour! {
    async fn a_right_password_costs_no_attempt_though_the_last_admin_has_to_stay(app: App) {
        let admin = app.admin().await;
        for _ in 0..11 {
            let refused = admin.delete("/api/v1/users/me").json(json!({"password": PASSWORD})).await;
            refused.refused(409, "last_admin");
        }
        app.anonymous().login(&admin.email, PASSWORD).await.expect(200);
    }
}

//! The stage on which the behaviour of the API is tested.
//!
//! A test is a sentence, says what it needs, and runs on both databases, each time on one of its own:
//!
//! ```ignore
//! behaviour! {
//!     async fn a_session_that_was_ended_is_refused(app: App) {
//!         let ada = app.user().await;
//!         ada.post("/api/v1/auth/logout", json!({})).await.expect(204);
//!         ada.get("/api/v1/users/me").await.refused(401, "invalid_token");
//!     }
//!
//!     async fn a_pool_of_one_connection_is_enough(stage: Stage) {
//!         let app = stage.with("database.max_connections", 1).start().await;
//!         …
//!     }
//! }
//! ```
//!
//! Time stands still until [`App::later`]. Requests go to the router itself: no socket is opened.

mod app;
mod client;
mod postgres;
mod reply;
mod stage;

pub use app::{App, PASSWORD, Person};
pub use client::Client;
pub use reply::Reply;
pub use stage::{Given, Stage};

/// Makes two tests of each function, `on_sqlite` and `on_postgres`. It takes an [`App`] or a [`Stage`].
macro_rules! behaviour {
    ($(async fn $name:ident($given:ident: $Given:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn behaves($given: $Given) $body

            #[tokio::test]
            async fn on_sqlite() {
                let stage = $crate::harness::Stage::on_sqlite().await;
                behaves(<$Given as $crate::harness::Given>::on(stage).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(stage) = $crate::harness::Stage::on_postgres().await {
                    behaves(<$Given as $crate::harness::Given>::on(stage).await).await;
                }
            }
        }
    )+};
}
pub(crate) use behaviour;

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
//! Time stands still until [`App::later`]. Requests go to the router itself: no socket is opened, unless
//! a test asks for one ([`App::listen`]).
//!
//! With `STEAD_TEST_POOLER` set, whatever runs on PostgreSQL does so behind pgbouncer in transaction mode.

mod app;
mod client;
mod pooler;
pub mod postgres;
mod proof;
mod reply;
mod stage;

pub use app::{App, PASSWORD, Person};
pub use client::{Call, Client};
pub use reply::Reply;
pub use stage::{Given, POOLED, Stage};

/// Makes two tests of each function, `on_sqlite` and `on_postgres`. It takes an [`App`] or a [`Stage`].
///
/// Both see the same inline snapshots.
macro_rules! behaviour {
    ($(async fn $name:ident($given:ident: $Given:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn behaves($given: $Given) $body

            #[test]
            fn on_sqlite() {
                insta::allow_duplicates! {
                    $crate::harness::on_sqlite(behaves);
                }
            }

            #[test]
            fn on_postgres() {
                insta::allow_duplicates! {
                    $crate::harness::on_postgres(behaves);
                }
            }
        }
    )+};
}
pub(crate) use behaviour;

/// Runs a test body on SQLite.
pub fn on_sqlite<G: Given>(behaves: impl AsyncFnOnce(G)) {
    run(async { behaves(G::on(Stage::on_sqlite().await).await).await });
}

/// Runs a test body on PostgreSQL; without one, and if that is no fault, the test is counted as skipped.
pub fn on_postgres<G: Given>(behaves: impl AsyncFnOnce(G)) {
    run(async {
        if let Some(stage) = Stage::on_postgres().await {
            behaves(G::on(stage).await).await;
        }
    });
}

/// Runs a test body on PostgreSQL behind a pooler, where there are both.
pub fn behind_a_pooler(behaves: impl AsyncFnOnce(Stage)) {
    run(async {
        if let Some(stage) = Stage::behind_a_pooler().await {
            behaves(stage).await;
        }
    });
}

/// On this thread alone, where insta keeps what it has seen.
fn run(test: impl Future<Output = ()>) {
    proof::begin();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

//! Mail on its way out, over a mail server on a socket.

mod delivery;
mod letters;
mod replicas;
mod server;
mod trouble;

use stead::base::clock::Timestamp;
use stead::mail::{Courier, Tally};

use crate::harness::{App, PASSWORD, Stage};

/// A row of the outbox.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    state: String,
    attempts: i64,
    next_attempt_at: Timestamp,
    settled_at: Option<Timestamp>,
    reason: Option<String>,
    sealed: Option<Vec<u8>>,
}

/// A server whose mail goes to `url`, round by round, by the hand of the test.
async fn by_hand(stage: Stage, url: &str) -> App {
    let app = stage.with("mail.url", url).start().await;
    app.state.tasks.stop();
    app
}

fn courier(app: &App) -> Courier {
    stead::app::courier(&app.state).expect("there is a way out").expect("mail is to leave")
}

async fn round(app: &App) -> Tally {
    courier(app).round(|| true).await.expect("the round is done")
}

/// Makes an account, and with it a mail.
async fn register(app: &App, email: &str) {
    app.anonymous().register(email, PASSWORD).await.expect(201);
}

/// What is in the outbox, oldest first.
async fn outbox(app: &App) -> Vec<Row> {
    let mut db = app.state.db.read().await.expect("a connection");
    db.query("SELECT state, attempts, next_attempt_at, settled_at, reason, sealed FROM outbox ORDER BY id")
        .fetch_all()
        .await
        .expect("the outbox can be read")
}

/// The one row of the outbox.
async fn row(app: &App) -> Row {
    let mut rows = outbox(app).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn tally(sent: u32, failed: u32, dead: u32) -> Tally {
    Tally { sent, failed, dead }
}

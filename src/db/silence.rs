//! Connections that nobody answers on any more, though they look open: a network that fell silent, a
//! firewall that forgot them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::timeout;

use super::options::Options;

/// The longest that an idle connection may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// How long a connection that comes back may take to answer before it is thrown away.
const RETURNING: Duration = Duration::from_secs(5);

/// How long all connections of before are dismissed at most once in.
const DISMISSAL: Duration = Duration::from_secs(1);

/// When a connection was last found to be silent, and whether the whole database is. Clones share it.
#[derive(Clone)]
pub(super) struct Silence {
    /// How long an idle connection that is asked whether it is there may take.
    patience: Duration,
    /// How long anything may take. PostgreSQL ends statements itself before that, if it hears of them.
    limit: Duration,
    found_at: Arc<Mutex<Option<Instant>>>,
    /// Why the database is lost, if that was heard of it last.
    lost: watch::Sender<Option<Arc<str>>>,
    /// Whether nothing is tried while it is lost.
    gives_up: bool,
}

impl Silence {
    /// A silent connection is found in half the time that somebody waits for one, so that there is time
    /// for another.
    pub fn new(options: &Options) -> Self {
        Self {
            patience: ANSWER.min(options.acquire_timeout / 2),
            limit: options.acquire_timeout + options.statement_timeout,
            found_at: Arc::default(),
            lost: watch::Sender::new(None),
            gives_up: true,
        }
    }

    /// The same for whoever goes on trying, and tells the others.
    pub fn for_follower(&self) -> Self {
        Self { gives_up: false, ..self.clone() }
    }

    /// The database does not answer, whoever asks: what waits for it need not. Says whether that is new.
    pub fn lost(&self, cause: &str) -> bool {
        self.found();
        self.lost.send_replace(Some(cause.into())).is_none()
    }

    /// The database answers.
    pub fn heard(&self) {
        self.lost.send_if_modified(|lost| lost.take().is_some());
    }

    /// Asks a connection that has been idle for `idle_for` whether it is still there. One that has been
    /// idle since before another was found silent went with it: to ask each would cost this long for each.
    pub async fn ask(&self, connection: &mut PgConnection, idle_for: Duration) -> Result<(), sqlx::Error> {
        if self.took(idle_for) {
            return Err(silent());
        }
        let answer = timeout(self.patience, connection.ping()).await;
        answer.unwrap_or_else(|_| Err(self.found()))
    }

    /// Whether a connection in hand, as old as `age`, is worth keeping. It may first have to end what it
    /// was in the middle of.
    pub async fn keeps(&self, connection: &mut PgConnection, age: Duration) -> Result<bool, sqlx::Error> {
        if self.took(age) {
            return Ok(false);
        }
        tokio::select! {
            answer = timeout(RETURNING, connection.ping()) => {
                answer.unwrap_or_else(|_| Err(silent())).map(|()| true)
            }
            _ = self.loss() => Ok(false),
        }
    }

    /// Ends what gets no answer, which would otherwise hold its connection for ever.
    pub async fn end<T>(&self, act: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        // Each layer around a future holds it once more, and this one is large.
        let act = Box::pin(act);
        let act = async {
            let done = timeout(self.limit, act).await.unwrap_or_else(|_| Err(self.found()));
            if done.as_ref().is_err_and(is_read_only) {
                self.dismiss();
            }
            done
        };
        self.unless_lost(act).await
    }

    /// Ends with the loss of the database what would wait in vain.
    pub async fn unless_lost<T>(
        &self,
        act: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        if !self.gives_up {
            return act.await;
        }
        if let Some(cause) = &*self.lost.borrow() {
            return Err(gone(cause));
        }
        tokio::select! {
            biased;
            done = act => done,
            cause = self.loss() => Err(gone(&cause)),
        }
    }

    /// What was connected while the server only read goes on so when it writes again, or another does. Not too
    /// often: what only reads is served meanwhile.
    fn dismiss(&self) {
        if !self.took(DISMISSAL) {
            self.found();
        }
    }

    /// The loss of the database, with its cause.
    async fn loss(&self) -> Arc<str> {
        let mut lost = self.lost.subscribe();
        let cause = lost.wait_for(Option::is_some).await.ok().and_then(|lost| lost.clone());
        match cause {
            Some(cause) => cause,
            // Nobody is left who could tell.
            None => std::future::pending().await,
        }
    }

    fn found(&self) -> sqlx::Error {
        *self.found_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        silent()
    }

    /// Whether a silence was found since `time` ago.
    fn took(&self, time: Duration) -> bool {
        self.found_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < time)
    }
}

/// SQLSTATE `read_only_sql_transaction`.
fn is_read_only(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code == "25006"))
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the connection fell silent"))
}

fn gone(cause: &Arc<str>) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, format!("it is lost: {cause}")))
}

//! Many people at once: their accounts are made in batches, each in one transaction, or all in one.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::Fault;
use super::batch::{self, Batch, Batches};
use super::check::{Key, Newcomer};
use super::row::{Source, Unreadable};
use crate::db::{DbError, Tx};
use crate::features::roles;
use crate::features::users::error::UsersError;
use crate::features::users::service::Users;
use crate::http::extract::Rule;

/// What becomes of the good lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are kept, whatever the others are.
    Good,
    /// They are kept if there are no others. The file is read twice: to check it, and then to do it.
    AllOrNothing,
    /// Nothing is done but to check them.
    DryRun,
}

/// People to be taken in.
pub struct Import<'a> {
    /// Opens the file, each time from its beginning.
    pub open: &'a (dyn Fn() -> Result<Source, Unreadable> + Sync),
    pub way: Way,
    /// Whether pending people without a password get an invitation by mail.
    pub invite: bool,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The last line that was settled.
    pub line: u64,
    /// How many accounts were made, or would have been in a dry run.
    pub made: u64,
    pub invited: u64,
    /// How many lines were refused.
    pub refused: u64,
    /// Whether it was stopped before the end.
    pub stopped: bool,
    /// Whether what was made was kept.
    pub kept: bool,
}

/// How far an import has come, and whether it is to end: looked at and told by others while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lines and bytes that are settled.
    pub line: AtomicU64,
    pub end: AtomicU64,
    pub made: AtomicU64,
    pub refused: AtomicU64,
    /// Passwords that were hashed.
    pub hashed: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Ends the import after the present batch.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, summary: &Summary, end: u64) {
        for (figure, value) in [
            (&self.line, summary.line),
            (&self.end, end),
            (&self.made, summary.made),
            (&self.refused, summary.refused),
        ] {
            figure.store(value, Ordering::Relaxed);
        }
    }
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
    #[error("a role of the file was deleted meanwhile")]
    RoleGone,
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Takes what is wrong with lines, in their order.
pub type Faults<'a> = &'a mut (dyn FnMut(&Fault) -> io::Result<()> + Send);

/// Where the accounts of one pass go.
enum Target {
    Nowhere,
    Batches,
    Whole(Tx),
}

impl Users {
    /// Makes the accounts of people from elsewhere.
    ///
    /// # Errors
    /// What was made before stays, unless it was all or nothing; `progress` says how far it came.
    pub async fn import(
        &self,
        import: &Import<'_>,
        progress: &Progress,
        faults: Faults<'_>,
    ) -> Result<Summary, ImportError> {
        match import.way {
            Way::Good => self.pass(import, Target::Batches, progress, faults).await,
            Way::DryRun => self.pass(import, Target::Nowhere, progress, faults).await,
            Way::AllOrNothing => {
                // Checked first: what takes long is not done while others who write have to wait.
                let checked = self.pass(import, Target::Nowhere, progress, faults).await?;
                if checked.refused > 0 || checked.stopped {
                    return Ok(checked);
                }
                let tx = self.0.db.write().await?;
                self.pass(import, Target::Whole(tx), progress, faults).await
            }
        }
    }

    async fn pass(
        &self,
        import: &Import<'_>,
        mut target: Target,
        progress: &Progress,
        faults: Faults<'_>,
    ) -> Result<Summary, ImportError> {
        let mut batches = self.begin(import).await?;
        let mut summary = Summary::default();
        while let Some(batch) = batches.recv().await.transpose()? {
            let end = batch.end.max(progress.end.load(Ordering::Relaxed));
            self.settle(import, &mut target, batch, progress, &mut summary, faults).await?;
            progress.note(&summary, end);
            if progress.is_stopped() && !batches.is_closed() {
                summary.stopped = true;
                break;
            }
        }
        summary.kept = match target {
            Target::Nowhere => false,
            Target::Batches => true,
            Target::Whole(_) if summary.refused > 0 || summary.stopped => false,
            Target::Whole(tx) => {
                tx.commit().await?;
                true
            }
        };
        Ok(summary)
    }

    async fn begin(&self, import: &Import<'_>) -> Result<Batches, ImportError> {
        let source = (import.open)()?;
        let known = roles::store::list(&mut self.0.db.read().await?, None, i64::MAX).await?;
        Ok(batch::begin(source, known.into_iter().map(|role| role.name).collect()))
    }

    async fn settle(
        &self,
        import: &Import<'_>,
        target: &mut Target,
        batch: Batch,
        progress: &Progress,
        summary: &mut Summary,
        faults: Faults<'_>,
    ) -> Result<(), ImportError> {
        let Batch { newcomers, faults: mut found, refused, line, .. } = batch;
        let (came, before) = (newcomers.len(), found.len());
        let ready =
            self.turn_keys(newcomers, matches!(target, Target::Nowhere), progress, &mut found).await?;
        let made = match target {
            Target::Nowhere => self.try_out(ready, import.invite, &mut found).await?,
            Target::Whole(tx) => self.make_all(tx, ready, import.invite, &mut found).await?,
            Target::Batches => {
                let mut tx = self.0.db.write().await?;
                let made = self.make_all(&mut tx, ready, import.invite, &mut found).await?;
                tx.commit().await?;
                made
            }
        };
        debug_assert_eq!(came - made.accounts, found.len() - before, "each is made or has one fault");
        summary.made += u64::try_from(made.accounts).unwrap_or_default();
        summary.invited += u64::try_from(made.invitations).unwrap_or_default();
        summary.refused += refused + u64::try_from(came - made.accounts).unwrap_or_default();
        summary.line = summary.line.max(line);
        found.sort_by_key(|fault| fault.line);
        found.iter().try_for_each(faults)?;
        Ok(())
    }

    /// Hashes the passwords among the newcomers, or only looks whether they are good enough.
    async fn turn_keys(
        &self,
        newcomers: Vec<Newcomer>,
        look_only: bool,
        progress: &Progress,
        faults: &mut Vec<Fault>,
    ) -> Result<Vec<Newcomer>, ImportError> {
        // One more than there are threads, so that none waits for the next.
        let at_once = self.0.config.auth.hash.threads() + 1;
        let turned = newcomers.into_iter().map(|newcomer| self.turn_key(newcomer, look_only, progress));
        let turned: Vec<_> = stream::iter(turned).buffered(at_once).collect().await;
        let mut ready = Vec::with_capacity(turned.len());
        for newcomer in turned {
            match newcomer? {
                Ok(newcomer) => ready.push(newcomer),
                Err(fault) => faults.push(fault),
            }
        }
        Ok(ready)
    }

    async fn turn_key(
        &self,
        newcomer: Newcomer,
        look_only: bool,
        progress: &Progress,
    ) -> Result<Result<Newcomer, Fault>, UsersError> {
        let Key::Password(password) = newcomer.key else { return Ok(Ok(newcomer)) };
        let turned = match look_only {
            true => {
                let looked_at = password.clone();
                self.check_new(looked_at, &newcomer.email, "/password")
                    .await
                    .map(|()| Key::Password(password))
            }
            false => self.hash_new(password, &newcomer.email, "/password").await.map(Key::Hash),
        };
        progress.hashed.fetch_add(1, Ordering::Relaxed);
        match turned {
            Ok(key) => Ok(Ok(Newcomer { key, ..newcomer })),
            Err(UsersError::WeakPassword { weakness, .. }) => {
                let message = format!("the password is too weak ({})", weakness.code());
                Ok(Err(Fault::new(newcomer.line, "password", "weak_password", message)))
            }
            Err(error) => Err(error),
        }
    }
}

//! Many people at once: their accounts are made in batches, each in one transaction, or all in one. A pass
//! goes once through the file: to check the lines, to hash their passwords, or to make the accounts.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;

use futures_util::{StreamExt, stream};

use super::Fault;
use super::batch::{self, Batch, Batches};
use super::check::{Key, Newcomer};
use super::import::{Faults, Import, ImportError, Phase, Progress, Summary, Way};
use super::making::Made;
use super::spool::{Hashes, Spool};
use super::store;
use crate::db::Tx;
use crate::features::roles;
use crate::features::users::error::UsersError;
use crate::features::users::service::Users;
use crate::http::extract::Rule;

/// Where what is good goes.
enum Target<'a> {
    Nowhere,
    /// The hashes of passwords, and nothing else.
    Spool(&'a mut Spool),
    /// Accounts, in a transaction for each batch.
    Batches,
    /// Accounts, in one transaction, with the hashes of their passwords.
    Whole(&'a mut Tx, &'a mut Hashes),
}

impl Target<'_> {
    fn phase(&self) -> Phase {
        match self {
            Self::Nowhere => Phase::Checking,
            Self::Spool(_) => Phase::Hashing,
            Self::Batches | Self::Whole(..) => Phase::Making,
        }
    }
}

/// What the passes of one import share.
struct Pass<'a> {
    import: &'a Import<'a>,
    progress: &'a Progress,
    faults: Faults<'a>,
    /// Fingerprints of the addresses so far: all that grows with the file, by some 16 bytes a line.
    seen: HashSet<u64>,
    hasher: RandomState,
    has_passwords: bool,
}

impl<'a> Pass<'a> {
    fn new(import: &'a Import<'a>, progress: &'a Progress, faults: Faults<'a>) -> Self {
        let (seen, hasher) = (HashSet::new(), RandomState::new());
        Self { import, progress, faults, seen, hasher, has_passwords: false }
    }

    /// Whether a line so far has a password to hash.
    fn has_passwords(&self) -> bool {
        self.has_passwords
    }

    /// Notes whose address a good line before has.
    fn compare(&mut self, newcomers: &mut [Newcomer]) {
        for newcomer in newcomers {
            newcomer.repeated = !self.seen.insert(self.hasher.hash_one(&newcomer.email));
        }
    }
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
        let mut pass = Pass::new(import, progress, faults);
        let summary = match import.way {
            Way::Good => self.pass(&mut pass, Target::Batches).await,
            Way::DryRun => self.pass(&mut pass, Target::Nowhere).await,
            Way::AllOrNothing => self.all_or_nothing(&mut pass).await,
        }?;
        if summary.kept
            && summary.made > 0
            && let Err(error) = store::survey(&self.0.db).await
        {
            tracing::warn!(%error, "the database could not be told how much it holds now; it will notice");
        }
        Ok(summary)
    }

    /// What takes long is done while nobody has to wait for it: all lines are checked, then all passwords
    /// hashed, and only then the transaction begins.
    async fn all_or_nothing(&self, pass: &mut Pass<'_>) -> Result<Summary, ImportError> {
        let checked = self.pass(pass, Target::Nowhere).await?;
        if checked.refused > 0 || checked.stopped {
            return Ok(checked);
        }
        let mut spool = Spool::new().map_err(ImportError::Spool)?;
        if pass.has_passwords() {
            let hashed = self.pass(pass, Target::Spool(&mut spool)).await?;
            if hashed.refused > 0 || hashed.stopped {
                return Ok(Summary { made: checked.made, invited: checked.invited, ..hashed });
            }
        }
        let mut hashes = spool.rewind().map_err(ImportError::Spool)?;
        let mut tx = self.0.db.write().await?;
        let done = self.pass(pass, Target::Whole(&mut tx, &mut hashes)).await?;
        if done.refused > 0 || done.stopped {
            return Ok(done);
        }
        pass.progress.enter(Phase::Committing);
        tx.commit().await?;
        Ok(Summary { kept: true, ..done })
    }

    async fn pass(&self, pass: &mut Pass<'_>, mut target: Target<'_>) -> Result<Summary, ImportError> {
        pass.progress.begin(target.phase());
        pass.seen.clear();
        let mut batches = self.begin(pass.import).await?;
        let kept = matches!(target, Target::Batches);
        let mut summary = Summary { kept, ..Summary::default() };
        while let Some(batch) = batches.recv().await.transpose()? {
            let end = batch.end.max(pass.progress.end.load(Ordering::Relaxed));
            self.settle(pass, &mut target, batch, &mut summary).await?;
            pass.progress.note(&summary, end);
            if pass.progress.is_stopped() && !batches.is_closed() {
                summary.stopped = true;
                break;
            }
        }
        Ok(summary)
    }

    async fn begin(&self, import: &Import<'_>) -> Result<Batches, ImportError> {
        let source = (import.open)()?;
        let known = roles::store::list(&mut self.0.db.read().await?, None, i64::MAX).await?;
        Ok(batch::begin(source, known.into_iter().map(|role| role.name).collect()))
    }

    async fn settle(
        &self,
        pass: &mut Pass<'_>,
        target: &mut Target<'_>,
        batch: Batch,
        summary: &mut Summary,
    ) -> Result<(), ImportError> {
        let Batch { mut newcomers, faults: mut found, refused, line, .. } = batch;
        if matches!(target, Target::Spool(_)) {
            newcomers.retain(Newcomer::has_password);
        }
        pass.has_passwords |= newcomers.iter().any(Newcomer::has_password);
        let (came, before) = (newcomers.len(), found.len());
        let mut ready = match target {
            Target::Whole(_, hashes) => spooled(newcomers, hashes)?,
            Target::Nowhere => self.turn_keys(newcomers, true, pass.progress, &mut found).await?,
            _ => self.turn_keys(newcomers, false, pass.progress, &mut found).await?,
        };
        pass.compare(&mut ready);
        let made = self.place(target, ready, pass.import.invite, &mut found).await?;
        debug_assert_eq!(came - made.accounts, found.len() - before, "each is made or has one fault");
        summary.made += u64::try_from(made.accounts).unwrap_or_default();
        summary.invited += u64::try_from(made.invitations).unwrap_or_default();
        summary.refused += refused + u64::try_from(came - made.accounts).unwrap_or_default();
        summary.line = summary.line.max(line);
        found.sort_by_key(|fault| fault.line);
        found.iter().try_for_each(&mut pass.faults)?;
        Ok(())
    }

    async fn place(
        &self,
        target: &mut Target<'_>,
        ready: Vec<Newcomer>,
        invite: bool,
        found: &mut Vec<Fault>,
    ) -> Result<Made, ImportError> {
        match target {
            Target::Nowhere => self.try_out(ready, invite, found).await,
            Target::Spool(spool) => {
                spool.put(&ready).map_err(ImportError::Spool)?;
                Ok(Made { accounts: ready.len(), invitations: 0 })
            }
            Target::Whole(tx, _) => self.make_all(tx, ready, invite, found).await,
            Target::Batches => {
                let mut tx = self.0.db.write().await?;
                let made = self.make_all(&mut tx, ready, invite, found).await?;
                tx.commit().await?;
                Ok(made)
            }
        }
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
            false => {
                let made = self.hash_new(password, &newcomer.email, "/password").await.map(Key::Hash);
                progress.hashed.fetch_add(1, Ordering::Relaxed);
                made
            }
        };
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

/// The newcomers with the hashes that were made of their passwords before.
fn spooled(newcomers: Vec<Newcomer>, hashes: &mut Hashes) -> Result<Vec<Newcomer>, ImportError> {
    let turn = |newcomer: Newcomer| {
        if !newcomer.has_password() {
            return Ok(newcomer);
        }
        let hash = hashes.next(&newcomer.email).map_err(ImportError::Spool)?.ok_or(ImportError::Changed)?;
        Ok(Newcomer { key: Key::Hash(hash), ..newcomer })
    };
    newcomers.into_iter().map(turn).collect()
}

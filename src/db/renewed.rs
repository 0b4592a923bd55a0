//! A pool of connections to PostgreSQL that is left behind when the database is lost.

use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::postgres::PgPool;

/// The pool as it is at the moment. Clones share it.
///
/// sqlx asks a connection that comes back whether it is still there, without an end: one that falls silent at
/// that moment never comes back, and its place in the pool is lost. A few such moments would wedge a pool.
#[derive(Clone)]
pub(super) struct Renewed(Arc<RwLock<PgPool>>);

impl Renewed {
    pub fn new(pool: PgPool) -> Self {
        Self(Arc::new(RwLock::new(pool)))
    }

    pub fn current(&self) -> PgPool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a new pool in the place of this one, whose connections end when they come back, if they do.
    pub fn renew(&self) {
        let mut pool = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Closed for good.
        if pool.is_closed() {
            return;
        }
        let options = pool.connect_options();
        let new = pool.options().clone().connect_lazy_with(options.as_ref().clone());
        // Closed with the call; only to wait for the connections would take the future.
        drop(mem::replace(&mut *pool, new).close());
    }
}

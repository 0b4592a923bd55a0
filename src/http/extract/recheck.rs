//! Whether the caller may still act, once a body has come: one that is sent slowly must not outlive what
//! its sender was allowed when it began.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::Extensions;

use crate::http::Problem;

type Answer = Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>>;

/// Asks about the caller once more. Whoever lets a caller in leaves it with the request.
#[derive(Clone)]
pub struct Recheck(Arc<dyn Fn() -> Answer + Send + Sync>);

impl Recheck {
    pub fn new<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }

    /// Refuses a caller who may not act any more. Where nobody was let in there is nothing to ask.
    pub(super) async fn run(extensions: &Extensions) -> Result<(), Problem> {
        match extensions.get::<Self>() {
            Some(recheck) => recheck.0().await,
            None => Ok(()),
        }
    }
}

//! The request that a task is busy with, as every line of the log has it that is written meanwhile. A span
//! would carry the same through a registry, at each step of the request and for each line anew.

use std::sync::{Arc, OnceLock};

use tokio::task::futures::TaskLocalFuture;
use tokio::task_local;

task_local! {
    static CURRENT: Arc<Subject>;
}

/// What lines say of their request.
#[derive(Debug)]
pub struct Subject {
    request_id: Arc<str>,
    trace_id: Option<String>,
    user_id: OnceLock<String>,
}

impl Subject {
    pub fn new(request_id: Arc<str>, trace_id: Option<String>) -> Self {
        Self { request_id, trace_id, user_id: OnceLock::new() }
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    pub fn user_id(&self) -> Option<&str> {
        self.user_id.get().map(String::as_str)
    }

    /// What is known of it so far, by the names that fields have.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("request_id", Some(self.request_id())),
            ("trace_id", self.trace_id()),
            ("user_id", self.user_id()),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The same work, whose lines are about `subject`.
pub fn about<F: Future>(subject: Arc<Subject>, work: F) -> TaskLocalFuture<Arc<Subject>, F> {
    CURRENT.scope(subject, work)
}

/// What the lines of this moment are about, for a thread that works for it.
pub fn present() -> Option<Arc<Subject>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// What a thread writes on behalf of `subject`.
pub fn on_behalf<T>(subject: Option<Arc<Subject>>, write: impl FnOnce() -> T) -> T {
    match subject {
        Some(subject) => CURRENT.sync_scope(subject, write),
        None => write(),
    }
}

/// Says who is calling. The first to say so is right: a request has one caller.
pub fn called_by(user: impl ToString) {
    current(|subject| _ = subject.user_id.get_or_init(|| user.to_string()));
}

/// What the lines of this moment are about; `None` outside of requests.
pub(super) fn current<T>(read: impl FnOnce(&Subject) -> T) -> Option<T> {
    CURRENT.try_with(|subject| read(subject)).ok()
}

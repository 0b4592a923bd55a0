//! Work that may be done again from its beginning, as long as nothing of it was committed.

use std::cell::Cell;

use tokio::task_local;

task_local! {
    static COMMITTED: Cell<bool>;
}

/// Does the work; gives with its outcome whether a transaction of it was committed, or may have been.
pub async fn attempt<T>(work: impl Future<Output = T>) -> (T, bool) {
    let noted = async { (work.await, COMMITTED.with(Cell::get)) };
    COMMITTED.scope(Cell::new(false), noted).await
}

/// A transaction of this work was committed, or may have been.
pub fn note_commit() {
    // What nobody would do again has no attempts.
    _ = COMMITTED.try_with(|committed| committed.set(true));
}

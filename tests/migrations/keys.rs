//! What becomes of keys when the migration that gave them a life is undone.

use stead::db::Driver;
use stead::db::migrate::embedded;

use crate::database::{Database, on_both};

/// The step that lets keys be replaced and revoked.
const STEP: usize = 9;
const LONG_AGO: &str = "2001-01-31T12:00:00.123456Z";
const FAR_AHEAD: &str = "2990-01-31T12:00:00.123456Z";

/// A key with the times from which it makes things, and at which it was revoked.
async fn put(database: &Database, purpose: &str, ordinal: u8, signs_at: &str, revoked_at: Option<&str>) {
    let id = format!("0198f0d27b3a7c5e8f102a3b4c5d6e{ordinal:02x}");
    let (id, wrapped) = match database.driver() {
        Driver::Sqlite => (format!("X'{id}'"), "X'00'"),
        Driver::Postgres => (format!("'{id}'"), r"'\x00'"),
    };
    let revoked_at = revoked_at.map_or("NULL".to_owned(), |at| format!("'{at}'"));
    let sql = format!(
        "INSERT INTO keys (id, purpose, ordinal, wrapped, created_at, signs_at, revoked_at)
         VALUES ({id}, '{purpose}', {ordinal}, {wrapped}, '{LONG_AGO}', '{signs_at}', {revoked_at})"
    );
    database.connect().await.execute(&sql).await.unwrap();
}

on_both! {
    /// The version before knows no revocation: a key that is there is a good one.
    async fn undoing_the_life_of_keys_takes_those_with_it_that_are_no_longer_good(database) {
        let steps = &embedded(database.driver())[..STEP];
        database.apply(steps).await;
        for (purpose, ordinal, signs_at, revoked_at) in [
            ("signing", 1, LONG_AGO, None),
            ("signing", 2, LONG_AGO, Some(LONG_AGO)),
            ("signing", 3, LONG_AGO, None),
            ("signing", 4, FAR_AHEAD, None),
            ("refresh", 5, LONG_AGO, Some(LONG_AGO)),
            ("refresh", 6, LONG_AGO, None),
            ("lookup", 7, LONG_AGO, None),
            ("lookup", 8, LONG_AGO, None),
        ] {
            put(&database, purpose, ordinal, signs_at, revoked_at).await;
        }
        database.migrator(steps).await.down().await.unwrap();
        let left = "SELECT CAST(k.ordinal AS text) FROM keys AS k ORDER BY k.ordinal";
        assert_eq!(database.connect().await.column(left).await, ["3", "4", "6", "7", "8"]);
    }
}

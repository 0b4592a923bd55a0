//! Up and down, one by one, over a database that is in use.

use stead::db::migrate::{Label, embedded};

use crate::database::{Database, on_both};
use crate::{rows, schema};

on_both! {
    async fn each_step_up_leaves_the_rows_that_are_there(database) {
        let all = embedded(database.driver());
        for count in 1..=all.len() {
            let mut connection = database.connect().await;
            let before = rows::fill(&mut connection).await;
            let kept = rows::read(&mut connection, &before).await;
            assert_eq!(database.apply(&all[..count]).await, 1);
            if all[count - 1].label == Label::Expand {
                assert_eq!(rows::read(&mut connection, &before).await, kept, "after {}", all[count - 1].name);
            }
        }
        let full = rows::fill(&mut database.connect().await).await;
        assert!(full.values().all(|table| !table.columns.is_empty()));
    }

    async fn each_step_down_undoes_its_own_and_leaves_the_rest(database) {
        let all = embedded(database.driver());
        database.apply(&all).await;
        let mut connection = database.connect().await;
        let full = rows::fill(&mut connection).await;
        for count in (0..all.len()).rev() {
            let kept = rows::read(&mut connection, &full).await;
            let undone = database.migrator(&all).await.down().await.unwrap();
            assert_eq!(undone, Some(format!("{:04}_{}", all[count].version, all[count].name)));
            assert_eq!(schema::read(&mut connection).await, reference(&database, count).await, "after {count}");
            for (table, rows) in rows::read(&mut connection, &full).await {
                // Its sample is a revoked key, which must not be a good one again.
                let is_dropped = (all[count].name, table.as_str()) == ("keys_lifecycle", "keys");
                let expected = if is_dropped { 0 } else { kept[&table].len() };
                assert_eq!(rows.len(), expected, "{table} after step {count} was undone");
            }
        }
        assert_eq!(database.migrator(&all).await.down().await.unwrap(), None, "nothing is left to undo");
        assert_eq!(database.apply(&all).await, all.len());
        assert_eq!(rows::fill(&mut connection).await, full, "up again is the same as up");
    }
}

/// What the first `count` migrations make of an empty database.
pub async fn reference(like: &Database, count: usize) -> schema::Schema {
    let other = crate::database::empty(like.driver()).await.unwrap();
    other.apply(&embedded(like.driver())[..count]).await;
    schema::read(&mut other.connect().await).await
}

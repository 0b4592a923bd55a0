//! How the databases find a page, wherever in a long list it lies: along an index, without sorting.

use stead::access::principal::Status;
use stead::db::{Driver, Tx};
use stead::features::users::list::{self, Filter, Found, Position, Sort};
use stead::features::users::search::Prefix;

use crate::harness::{App, behaviour};

const PEOPLE: [&str; 6] = [
    "INSERT INTO users (id, created_at, updated_at, version, terms_version, email, email_verified, status, last_login_at, deleted_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT randomblob(16), strftime('%Y-%m-%dT%H:%M:%f000Z', 1800000000 + i, 'unixepoch'), '2030-01-01T00:00:00.000000Z', 1, 1,
        'person' || i || '@example.com', true, CASE WHEN i % 100 = 0 THEN 'suspended' ELSE 'active' END,
        CASE WHEN i % 3 > 0 THEN strftime('%Y-%m-%dT%H:%M:%f000Z', 1800000000 + i, 'unixepoch') END,
        CASE WHEN i % 7 = 0 THEN '2030-01-01T00:00:00.000000Z' END FROM n",
    "INSERT INTO users (id, created_at, updated_at, version, terms_version, email, email_verified, status, last_login_at, deleted_at)
     SELECT gen_random_uuid(), to_timestamp(1800000000 + i), to_timestamp(1800000000), 1, 1,
        'person' || i || '@example.com', true, CASE WHEN i % 100 = 0 THEN 'suspended' ELSE 'active' END,
        CASE WHEN i % 3 > 0 THEN to_timestamp(1800000000 + i) END,
        CASE WHEN i % 7 = 0 THEN to_timestamp(1800000000) END FROM generate_series(1, 20000) AS i",
    "INSERT INTO user_roles (user_id, role) SELECT id, 'user' FROM users",
    "INSERT INTO user_roles (user_id, role) SELECT id, 'admin' FROM users WHERE email LIKE '%777@%'",
    "INSERT INTO user_terms (user_id, term) SELECT id, email FROM users",
    "INSERT INTO user_terms (user_id, term) SELECT id, 'ada ' || email FROM users",
];

/// Twenty thousand people, many of whom never signed in, some of whom are suspended or deleted.
async fn many(app: &App) {
    let mut tx: Tx = app.state.db.write().await.unwrap();
    let is_sqlite = app.state.db.driver() == Driver::Sqlite;
    for (at, text) in PEOPLE.into_iter().enumerate() {
        if at > 1 || (at == 0) == is_sqlite {
            tx.query(text).execute().await.unwrap();
        }
    }
    // PostgreSQL gathers this by itself; SQLite goes without.
    if !is_sqlite {
        tx.query("ANALYZE").execute().await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn by(sort: Sort) -> Filter {
    Filter { sort, ..Filter::default() }
}

fn filters() -> Vec<Filter> {
    let q = Some(Prefix::try_from("person1".to_owned()).unwrap());
    let common = Some(Prefix::try_from("ada".to_owned()).unwrap());
    let after = Some("2027-01-15T12:00:00Z".parse().unwrap());
    let before = Some("2027-01-15T12:30:00Z".parse().unwrap());
    let mut all: Vec<_> = [
        Sort::CreatedAt,
        Sort::CreatedAtDescending,
        Sort::Email,
        Sort::EmailDescending,
        Sort::LastLoginAt,
        Sort::LastLoginAtDescending,
    ]
    .into_iter()
    .flat_map(|sort| {
        let of = |status| Filter { status: Some(status), ..by(sort) };
        [by(sort), of(Status::Active)]
    })
    .collect();
    all.extend([
        Filter { status: Some(Status::Suspended), ..Filter::default() },
        Filter { status: Some(Status::Deleted), ..Filter::default() },
        Filter { role: Some("user".into()), ..Filter::default() },
        Filter { role: Some("user".into()), status: Some(Status::Active), ..Filter::default() },
        Filter { created_after: after, created_before: before, ..Filter::default() },
        Filter { created_after: after, created_before: before, ..by(Sort::CreatedAt) },
        Filter { q, ..Filter::default() },
        Filter { q: common.clone(), ..Filter::default() },
        Filter { q: common, status: Some(Status::Active), role: Some("user".into()), ..Filter::default() },
    ]);
    all
}

/// Whether a step reads a table from its beginning to its end, or sorts.
fn is_long(step: &str) -> bool {
    let scan = step.starts_with("SCAN") && !step.contains("USING") || step.contains("Seq Scan");
    // A walk of an index from its first entry on is what a first page is; an incremental sort looks no
    // further than to the next address.
    scan || step.contains("TEMP B-TREE") || step.contains("Sort  (") && !step.contains("Incremental")
}

behaviour! {
    async fn every_page_is_a_walk_along_an_index_that_begins_where_the_page_does(app: App) {
        many(&app).await;
        let mut db = app.state.db.read().await.unwrap();
        for filter in filters() {
            let first = list::page(&mut db, &filter, None, 21).await.unwrap();
            assert_eq!(first.len(), 21, "{filter:?}");
            let far = list::page(&mut db, &filter, None, 150).await.unwrap();
            let position = far.last().map(|found: &Found| Position::of(found, &filter));
            for after in [None, position.as_ref()] {
                let steps = list::plan(&mut db, &filter, after, 21).await.unwrap();
                let long: Vec<_> = steps.iter().filter(|step| is_long(step)).collect();
                assert!(long.is_empty(), "{filter:?} after {after:?}: {steps:#?}");
                let begins = |step: &String| {
                    step.starts_with("SEARCH") && step.contains('(') || step.contains("Index Cond")
                };
                assert!(after.is_none() || steps.iter().any(begins), "{filter:?} after {after:?}: {steps:#?}");
            }
        }
    }

    async fn a_role_of_few_is_read_by_its_holders(app: App) {
        many(&app).await;
        let mut db = app.state.db.read().await.unwrap();
        let filter = Filter { role: Some("admin".into()), ..Filter::default() };
        assert_eq!(list::page(&mut db, &filter, None, 100).await.unwrap().len(), 17);
        let steps = list::plan(&mut db, &filter, None, 21).await.unwrap();
        let of_holders = |step: &String| step.contains("user_roles_role") || step.contains("user_roles_pkey");
        assert!(steps.iter().any(of_holders), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("Seq Scan on users") || step.starts_with("SCAN")), "{steps:#?}");
    }

    async fn what_the_background_looks_for_is_found_by_an_index(app: App) {
        many(&app).await;
        let mut db = app.state.db.read().await.unwrap();
        for (sql, index) in [
            ("SELECT id FROM users WHERE terms_version IS NULL OR terms_version <> version ORDER BY id LIMIT 500", "users_terms_stale"),
            ("SELECT id FROM users WHERE deleted_at <= '2029-01-01T00:00:00.000000Z' LIMIT 50", "users_deleted_at"),
        ] {
            let steps = db.query(sql).explain().await.unwrap();
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:#?}");
        }
    }
}

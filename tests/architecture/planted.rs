//! Each rule sees the fault it is there for, planted in a small house of text.

use crate::inspect;
use crate::source::House;

const LIB: &str = "
pub mod base; // floor 1: values
pub mod db; // floor 3: rows
pub mod telemetry; // floor 3: logs
pub mod http; // floor 6: problems
pub mod features; // floor 9: one folder each
pub mod app; // floor 10: the factory
";

const FEATURES: &str =
    "mod roles;\nmod users;\nmod auth;\npub fn list() { users::feature(); auth::feature(); }";

/// The faults of a sound house with these files added or replaced, one text each.
fn faults(planted: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![
        ("lib.rs", LIB),
        ("main.rs", "fn main() { stead::app::run() }"),
        ("base/mod.rs", "pub mod clock;"),
        ("base/clock.rs", "pub struct Clock;"),
        ("db/mod.rs", "use crate::base::clock::Clock;"),
        ("telemetry/mod.rs", ""),
        ("http/mod.rs", "pub mod problem;"),
        ("http/problem.rs", "pub struct Problem;"),
        ("features/mod.rs", FEATURES),
        ("features/roles/mod.rs", ""),
        ("features/users/mod.rs", "mod store; pub fn feature() { store::all() }"),
        ("features/users/store.rs", "use crate::db;"),
        ("features/auth/mod.rs", "use crate::features::users::store; pub fn feature() {}"),
        ("app.rs", "use crate::{features, http::problem::Problem};"),
    ];
    files.retain(|(path, _)| planted.iter().all(|(replaced, _)| replaced != path));
    files.extend_from_slice(planted);
    let house = House::of(files).expect("the planted files parse");
    inspect(&house).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn caught(planted: &[(&str, &str)], place: &str, what: &str) {
    let found = faults(planted);
    assert_eq!(found.len(), 1, "exactly one fault was planted: {found:#?}");
    assert!(found[0].starts_with(&format!("src/{place}: ")), "{} should be at {place}", found[0]);
    assert!(found[0].contains(what), "{} should say: {what}", found[0]);
}

#[test]
fn a_sound_house_has_no_faults() {
    assert_eq!(faults(&[]), Vec::<String>::new());
}

#[test]
fn an_upward_import_is_caught_with_its_line_and_both_floors() {
    let db = "\nuse crate::http::problem::Problem;";
    caught(
        &[("db/mod.rs", db)],
        "db/mod.rs:2",
        "`crate::http::problem::Problem` (db, floor 3 -> http, floor 6)",
    );
}

#[test]
fn an_upward_import_inside_a_group_is_caught() {
    caught(&[("db/mod.rs", "use crate::{base::clock, app::{run as r}};")], "db/mod.rs:1", "upward");
}

#[test]
fn a_sideways_import_is_caught() {
    caught(&[("db/mod.rs", "use crate::telemetry::Log;")], "db/mod.rs:1", "share floor 3");
}

#[test]
fn a_qualified_path_in_an_expression_is_caught() {
    caught(&[("db/mod.rs", "fn f() {\n crate::app::run() }")], "db/mod.rs:2", "upward");
}

#[test]
fn a_qualified_path_in_a_type_is_caught() {
    caught(&[("db/mod.rs", "fn f(_: Option<crate::http::problem::Problem>) {}")], "db/mod.rs:1", "upward");
}

#[test]
fn an_escape_by_super_super_is_caught() {
    let clock = "fn f() { super::super::app::run() }";
    caught(&[("base/clock.rs", clock)], "base/clock.rs:1", "`crate::app::run`");
}

#[test]
fn an_escape_out_of_an_inline_module_is_caught() {
    let clock = "mod inner { use super::super::super::app; }";
    caught(&[("base/clock.rs", clock)], "base/clock.rs:1", "`crate::app`");
}

#[test]
fn an_upward_path_in_the_tokens_of_a_macro_is_caught() {
    caught(&[("db/mod.rs", "fn f() { println!(\"{}\",\n crate::app::NAME) }")], "db/mod.rs:2", "upward");
}

#[test]
fn an_upward_path_in_an_attribute_is_caught() {
    let quoted = "struct Row { #[serde(with = \"crate::http::time\")] at: i64 }";
    caught(&[("db/mod.rs", quoted)], "db/mod.rs:1", "`crate::http::time`");
    let bare = "#[derive(crate::http::Schema)] struct Row;";
    caught(&[("db/mod.rs", bare)], "db/mod.rs:1", "`crate::http::Schema`");
}

#[test]
fn an_exported_macro_belongs_to_the_file_that_defines_it() {
    let http = "#[macro_export]\nmacro_rules! reply { () => {} }";
    caught(&[("http/mod.rs", http), ("db/mod.rs", "fn f() { crate::reply!() }")], "db/mod.rs:1", "upward");
    caught(&[("http/mod.rs", http), ("db/mod.rs", "fn f() { reply!() }")], "db/mod.rs:1", "upward");
}

#[test]
fn an_import_from_the_map_is_caught() {
    caught(&[("db/mod.rs", "use crate::Thing;")], "db/mod.rs:1", "only the map");
}

#[test]
fn test_modules_may_import_what_they_like() {
    let inline =
        "#[cfg(test)] mod tests { use crate::app; } #[cfg(all(test, unix))] mod more { use crate::app; }";
    assert_eq!(faults(&[("db/mod.rs", inline)]), Vec::<String>::new());
    let own_file = [("db/mod.rs", "#[cfg(test)] mod tests;"), ("db/tests.rs", "use crate::app;")];
    assert_eq!(faults(&own_file), Vec::<String>::new());
}

#[test]
fn code_that_is_only_left_out_of_tests_is_not_exempt() {
    caught(&[("db/mod.rs", "#[cfg(not(test))] mod real { use crate::app; }")], "db/mod.rs:1", "upward");
    caught(&[("db/mod.rs", "#[cfg(any(test, unix))] mod real { use crate::app; }")], "db/mod.rs:1", "upward");
}

#[test]
fn a_module_without_a_floor_is_caught() {
    let lib = LIB.replace("pub mod db; // floor 3: rows", "pub mod db;");
    caught(&[("lib.rs", &lib)], "lib.rs:3", "`db` has no floor");
}

#[test]
fn a_map_out_of_order_is_caught() {
    let lib = format!("{LIB}pub mod mail; // floor 5: letters\n");
    caught(&[("lib.rs", &lib), ("mail.rs", "")], "lib.rs:8", "`mail` (floor 5) is listed above floor 10");
}

#[test]
fn a_feature_that_uses_one_above_it_is_caught() {
    let store = "use crate::features::auth;";
    caught(&[("features/users/store.rs", store)], "features/users/store.rs:1", "feature `users` uses `auth`");
    let roles = "use super::users::store;";
    caught(&[("features/roles/mod.rs", roles)], "features/roles/mod.rs:1", "feature `roles` uses `users`");
}

#[test]
fn a_feature_that_uses_the_list_of_features_is_caught() {
    caught(&[("features/roles/mod.rs", "use super::list;")], "features/roles/mod.rs:1", "list of features");
}

#[test]
fn a_feature_that_reaches_into_foreign_handlers_is_caught() {
    let auth = "use crate::features::users::handlers::list; pub fn feature() {}";
    caught(&[("features/auth/mod.rs", auth)], "features/auth/mod.rs:1", "handlers of `users`");
}

#[test]
fn two_files_that_use_each_other_are_a_circle() {
    let planted = [
        ("http/mod.rs", "pub mod problem; pub mod page;"),
        ("http/problem.rs", "use super::page::Page;"),
        ("http/page.rs", "\nfn f() { crate::http::problem::make() }"),
    ];
    caught(&planted, "http/page.rs:2", "page -> problem -> page");
}

#[test]
fn a_child_that_imports_from_the_face_that_uses_it_is_a_circle() {
    let planted = [
        ("http/mod.rs", "pub mod problem;\npub use problem::Problem;"),
        ("http/problem.rs", "use super::X;"),
    ];
    caught(&planted, "http/mod.rs:2", "a circle in src/http: mod.rs -> problem -> mod.rs");
}

#[test]
fn folders_that_use_each_other_through_different_files_are_a_circle() {
    let planted = [
        ("http/mod.rs", "pub mod problem; pub mod middleware;"),
        ("http/problem.rs", "use super::middleware::stack;"),
        ("http/middleware/mod.rs", "pub mod stack; pub mod log;"),
        ("http/middleware/stack.rs", ""),
        ("http/middleware/log.rs", "use crate::http::problem::Problem;"),
    ];
    caught(&planted, "http/middleware/log.rs:1", "middleware -> problem -> middleware");
}

#[test]
fn a_long_circle_inside_a_feature_is_caught_once() {
    let planted = [
        ("features/users/mod.rs", "mod a; mod b; mod c; pub fn feature() {}"),
        ("features/users/a.rs", "use super::b;"),
        ("features/users/b.rs", "use super::c;"),
        ("features/users/c.rs", "use super::a;"),
    ];
    caught(
        &[&planted[..], &[("features/users/store.rs", "")]].concat(),
        "features/users/a.rs:1",
        "a -> b -> c -> a",
    );
}

#[test]
fn a_drawer_for_odds_and_ends_is_caught() {
    caught(&[("base/mod.rs", "pub mod utils;"), ("base/utils.rs", "")], "base/utils.rs:1", "named `utils`");
    caught(&[("base/mod.rs", "\nmod misc { }")], "base/mod.rs:2", "named `misc`");
}

#[test]
fn a_glob_re_export_is_caught_and_a_glob_import_is_not() {
    caught(&[("db/mod.rs", "pub use crate::base::clock::*;")], "db/mod.rs:1", "glob re-export");
    caught(&[("db/mod.rs", "pub(crate) use crate::base::{clock::*};")], "db/mod.rs:1", "glob re-export");
    assert_eq!(faults(&[("db/mod.rs", "use crate::base::clock::*;")]), Vec::<String>::new());
}

#[test]
fn an_allow_is_caught_wherever_it_hides() {
    caught(&[("db/mod.rs", "\n#[allow(dead_code)] fn f() {}")], "db/mod.rs:2", "#[allow");
    caught(&[("db/mod.rs", "#![allow(dead_code)]")], "db/mod.rs:1", "#[allow");
    caught(&[("db/mod.rs", "#[cfg_attr(unix, allow(dead_code))] fn f() {}")], "db/mod.rs:1", "#[allow");
    caught(&[("db/mod.rs", "macro_rules! m { () => { #[allow(x)] fn f() {} } }")], "db/mod.rs:1", "#[allow");
    assert_eq!(faults(&[("db/mod.rs", "#[expect(dead_code)] fn allow() {}")]), Vec::<String>::new());
}

#[test]
fn a_file_and_a_function_beyond_their_limits_are_caught() {
    caught(&[("db/mod.rs", &"\n".repeat(401))], "db/mod.rs:1", "401 lines, more than 400");
    let long = format!("fn f() {{\n{}}}", "g();\n".repeat(79));
    caught(&[("db/mod.rs", &long)], "db/mod.rs:1", "`f` has 81 lines, more than 80");
}

#[test]
fn the_report_names_what_is_over_budget() {
    let handler = format!("#[utoipa::path(get)]\nasync fn list() {{\n{}}}", "g();\n".repeat(11));
    let long = format!("fn f() {{\n{}}}", "g();\n".repeat(50));
    let files: Vec<(String, &str)> = (0..7).map(|n| (format!("features/notes/f{n}.rs"), "")).collect();
    let files = files.iter().map(|(path, text)| (path.as_str(), *text));
    let house = House::of(files.chain([("a.rs", handler.as_str()), ("b.rs", &long)])).unwrap();
    let report = crate::budgets::report(&house);
    assert!(report.contains("src/a.rs:2: `list`: 11 lines of body (handler: 10)"), "{report}");
    assert!(report.contains("src/b.rs:1: `f`: 52 lines (function: 50)"), "{report}");
    assert!(report.contains("src/features/notes/: 7 files (feature: 6)"), "{report}");
}

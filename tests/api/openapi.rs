//! The document is what the server does: both ways, for every operation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::harness::{App, behaviour};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub async fn document(app: &App) -> Value {
    app.anonymous().get("/openapi.json").await.expect(200).json()
}

/// Method, path and operation of all there are.
pub fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations
            .map(move |(method, operation)| (method.clone(), path.clone(), operation.as_object().unwrap()))
    });
    all.collect()
}

/// The permission that an operation names, or what its security asks for.
pub fn access(operation: &Map<String, Value>) -> String {
    let security = operation.get("security").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_open = security.iter().any(|one| one.as_object().unwrap().is_empty());
    let is_bearer = security.iter().any(|one| one.get("bearer").is_some());
    match operation.get("x-permission") {
        Some(permission) if !is_open && is_bearer => permission.as_str().unwrap().to_owned(),
        None if is_open => "public".to_owned(),
        None if is_bearer => "caller".to_owned(),
        _ => panic!("{} declares no access", operation["operationId"]),
    }
}

/// The path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let example =
        if path.starts_with("/errors/") { "not_found" } else { "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa" };
    let part = |part: &str| if part.starts_with('{') { example.to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

behaviour! {
    async fn every_operation_declares_who_may_call_it_and_the_server_holds_to_it(app: App) {
        let (document, user) = (document(&app).await, app.user().await);
        let mut seen = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let access = access(operation);
            let call = |client: &crate::harness::Client| client.request(&method.to_uppercase(), &filled(&path));
            let stranger = call(&app.anonymous()).await;
            let what = format!("{method} {path}: {access}, and answers {}", stranger.text());
            assert_eq!(stranger.status.as_u16() == 401, access != "public", "{what}");
            if access != "public" && access != "caller" {
                assert_eq!(call(&user).await.refused(403, "forbidden").status.as_u16(), 403, "{what}");
            }
            for (status, needed) in [("401", access != "public"), ("403", access.contains(':'))] {
                assert!(!needed || operation["responses"].get(status).is_some(), "{what}: no {status}");
            }
            seen.insert(if access.contains(':') { "permission".to_owned() } else { access });
        }
        assert_eq!(seen.len(), 3, "all three kinds are there");
    }

    async fn every_operation_has_a_name_a_tag_a_summary_and_the_errors_that_any_can_have(app: App) {
        let document = document(&app).await;
        let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
        let mut names = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let what = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{what}: a name of its own");
            let tag = operation["tags"].as_array().unwrap();
            assert!(tag.len() == 1 && tags.contains(&tag[0]), "{what}: {tag:?}");
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 4), "{what}: a summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}: success");
            for status in ["500", "503", "504"] {
                assert!(responses.contains_key(status), "{what}: {status}");
            }
            // Whoever signs in, or is signed in, may do so only so often.
            let is_limited = access(operation) != "public" || tag[0] == "auth";
            assert_eq!(responses.contains_key("429"), is_limited, "{what}: 429");
            for header in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
                let documented = &responses.get("429").unwrap_or_default()["headers"][header];
                assert_eq!(documented["schema"]["type"] == "string", is_limited, "{what}: {header}");
            }
            if operation.contains_key("requestBody") {
                for status in ["400", "413", "415", "422"] {
                    assert!(responses.contains_key(status), "{what}: {status}");
                }
            }
            for (status, response) in responses {
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {status}");
                let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
                let is_error = status.starts_with(['4', '5']);
                assert_eq!(is_error, problem == "#/components/schemas/Problem", "{what}: {status}");
                let kinds = response["content"].as_object().map_or(0, Map::len);
                assert!(!is_error || kinds == 1, "{what}: {status} is answered in one form only");
            }
        }
    }

    async fn what_is_documented_is_served_and_nothing_else_on_its_paths(app: App) {
        let document = document(&app).await;
        let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (method, path, _) in operations(&document) {
            let reply = app.anonymous().request(&method.to_uppercase(), &filled(&path)).await;
            assert!(![404, 405].contains(&reply.status.as_u16()), "{method} {path}: {}", reply.text());
            documented.entry(path).or_default().insert(method);
        }
        for (path, methods) in documented {
            for method in METHODS.iter().filter(|method| !methods.contains(**method)) {
                let reply = app.anonymous().request(&method.to_uppercase(), &filled(&path)).await;
                let served = reply.status.as_u16() != 405 && reply.status.as_u16() != 404;
                assert!(!served, "{method} {path} is served and not documented");
            }
        }
    }

    async fn every_path_parameter_is_declared_and_every_reference_leads_somewhere(app: App) {
        let document = document(&app).await;
        for (method, path, operation) in operations(&document) {
            let wanted: BTreeSet<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let none = Vec::new();
            let declared = operation.get("parameters").and_then(Value::as_array).unwrap_or(&none);
            let in_path = declared.iter().filter(|parameter| parameter["in"] == "path" && parameter["required"] == true);
            let found: BTreeSet<_> = in_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(found, wanted, "{method} {path}");
        }
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 50);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    async fn conditional_requests_name_the_headers_that_they_take(app: App) {
        let document = document(&app).await;
        let mut seen = (0, 0);
        for (method, path, operation) in operations(&document) {
            let what = format!("{method} {path}");
            let none = Vec::new();
            let parameters = operation.get("parameters").and_then(Value::as_array).unwrap_or(&none);
            let takes = |name: &str| parameters.iter().any(|one| {
                one["in"] == "header" && one["name"] == name && one["required"] == false && one["description"].is_string()
            });
            assert_eq!(takes("If-Match"), operation["responses"].get("412").is_some(), "{what}");
            assert_eq!(takes("If-None-Match"), operation["responses"].get("304").is_some(), "{what}");
            seen.0 += usize::from(takes("If-Match"));
            seen.1 += usize::from(takes("If-None-Match"));
        }
        assert!(seen.0 >= 4 && seen.1 >= 2, "{seen:?}");
    }

    async fn lists_by_pages_say_how_to_turn_them(app: App) {
        let document = document(&app).await;
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut seen = 0;
        for (method, path, operation) in operations(&document) {
            let none = Vec::new();
            let parameters = operation.get("parameters").and_then(Value::as_array).unwrap_or(&none);
            if !parameters.iter().any(|one| one["name"] == "cursor") {
                continue;
            }
            let description = operation["responses"]["400"]["description"].as_str().unwrap();
            for code in ["`invalid_query`", "`invalid_cursor`"] {
                assert!(description.contains(code), "{method} {path}: {description}");
            }
            seen += 1;
        }
        assert!(seen >= 2);
        let pages: Vec<_> = schemas.iter().filter(|(name, _)| name.starts_with("Page_")).collect();
        assert!(pages.len() >= 2);
        for (name, page) in pages {
            assert_eq!(page["required"], serde_json::json!(["items", "next_cursor"]), "{name}");
            let item = page["properties"]["items"]["items"]["$ref"].as_str().unwrap();
            assert_eq!(Some(item), name.strip_prefix("Page_").map(|item| format!("#/components/schemas/{item}")).as_deref());
        }
    }

    async fn a_patch_may_be_sent_under_its_own_media_type(app: App) {
        let document = document(&app).await;
        for (method, path, operation) in operations(&document) {
            let Some(body) = operation.get("requestBody") else { continue };
            let patch = &body["content"]["application/merge-patch+json"];
            let expected = if method == "patch" { &body["content"]["application/json"] } else { &Value::Null };
            assert_eq!(patch, expected, "{method} {path}");
        }
    }

    async fn the_document_says_what_it_is(app: App) {
        let reply = app.anonymous().get("/openapi.json").await.expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let document = reply.json();
        assert_eq!((&document["openapi"], &document["info"]["version"]), (&"3.1.0".into(), &env!("CARGO_PKG_VERSION").into()));
        assert!(document["info"]["license"]["identifier"].is_string());
        assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:8080");
        let bearer = &document["components"]["securitySchemes"]["bearer"];
        assert_eq!((&bearer["scheme"], &bearer["bearerFormat"]), (&"bearer".into(), &"JWT".into()));
    }
}

fn collect<'d>(value: &'d Value, references: &mut Vec<&'d str>) {
    match value {
        Value::Object(object) => {
            references.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

/// The text of every source file.
fn sources(folder: &std::path::Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| match path.is_dir() {
        true => sources(&path),
        false => match path.extension().is_some_and(|extension| extension == "rs") {
            true => vec![(path.display().to_string(), std::fs::read_to_string(&path).unwrap())],
            false => Vec::new(),
        },
    };
    entries.flat_map(read).collect()
}

#[tokio::test]
async fn every_handler_that_has_a_document_is_mounted_and_no_route_goes_without() {
    let app = crate::harness::Stage::on_sqlite().await.start().await;
    let document = document(&app).await;
    let mounted: BTreeSet<_> = operations(&document)
        .iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let sources = sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let mut written = BTreeSet::new();
    for (path, text) in &sources {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        written.extend(
            code.split("operation_id = \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned),
        );
        // Pages and their assets are for people, and so is what only a developer or an operator sees.
        let is_for_people = [
            "/http/docs/",
            "/features/pages/",
            "/features/mailbox/",
            "/features/metrics/",
            "/features/log_level",
            "/tests",
        ];
        if !is_for_people.iter().any(|part| path.contains(part)) {
            assert!(
                !code.contains(".route("),
                "{path}: mount handlers by `routes![…]`, which documents them"
            );
        }
    }
    assert_eq!(written, mounted);
}

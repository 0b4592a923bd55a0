//! What the document says of bodies beyond what their types say.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Schema};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
/// utoipa's name of a page of a schema begins so.
const PAGE: &str = "Page_";

/// Says what [`Json`](super::extract::Json) does, and gives the items of pages their names.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        item.patch.as_mut().into_iter().for_each(offer_merge_patch);
    }
    close_bodies(document);
    refer_to_items(document);
}

/// The operations of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
        &mut item.head,
        &mut item.options,
    ]
    .into_iter()
    .flatten()
}

/// A body of PATCH may come under its own media type (RFC 7396).
fn offer_merge_patch(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(content) = body.content.get(JSON).cloned()
    {
        body.content.insert(MERGE_PATCH.into(), content);
    }
}

/// A body with a field that is not known is refused. Answers stay open, since they gain fields.
fn close_bodies(document: &mut OpenApi) {
    let operations = document.paths.paths.values_mut().flat_map(operations);
    let names: Vec<String> = operations.flat_map(|operation| body_schemas(operation)).collect();
    for name in names {
        let schemas = document.components.as_mut().map(|components| &mut components.schemas);
        if let Some(RefOr::T(Schema::Object(object))) = schemas.and_then(|schemas| schemas.get_mut(&name)) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// The names of the schemas that a body may have.
fn body_schemas(operation: &Operation) -> Vec<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    let name = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => {
            schema.ref_location.rsplit('/').next().map(str::to_owned)
        }
        _ => None,
    };
    body.content.values().filter_map(name).collect()
}

/// utoipa writes the item of a generic page out in full; whoever generates a client wants it by name.
fn refer_to_items(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let mut items = BTreeMap::new();
    for (page, schema) in &mut components.schemas {
        let Some(name) = page.strip_prefix(PAGE) else { continue };
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if let Some(RefOr::T(Schema::Array(list))) = object.properties.get_mut("items") {
            let by_name = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(name).into()));
            if let ArrayItems::RefOrSchema(item) = std::mem::replace(&mut list.items, by_name) {
                items.insert(name.to_owned(), *item);
            }
        }
    }
    for (name, item) in items {
        components.schemas.entry(name).or_insert(item);
    }
}

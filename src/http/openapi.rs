//! The OpenAPI 3.1 document, put together from the features as they are mounted.

use axum::Router;
use axum::http::StatusCode;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required, Response, ResponseBuilder, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::code::Code;
use super::feature::{Facts, Feature, Form, Mount, Needs, RequestHeader, Route};
use super::limit::Limits;
use super::problem::ProblemBody;
use super::schemas::{self, operations};
use crate::base::language::{Language, translate};

/// The name of the security scheme: a JWT access token.
const BEARER: &str = "bearer";
const PROBLEM_JSON: &str = "application/problem+json";
/// Where API features are mounted.
pub const API: &str = "/api/v1";

/// Errors that any operation can answer with.
const ALWAYS: [Code; 4] = [Code::INTERNAL_ERROR, Code::OVERLOADED, Code::DATABASE_UNAVAILABLE, Code::TIMEOUT];

/// Mounts the features and writes their document.
pub fn mount<S>(
    features: Vec<Feature<S>>,
    title: &str,
    description: &str,
    public_url: &str,
    limits: &Limits,
) -> (Router<S>, OpenApi)
where
    S: Clone + Send + Sync + 'static,
{
    let mut router = OpenApiRouter::with_openapi(frame(title, description, public_url));
    let mut api = OpenApiRouter::new();
    let mut tags = Vec::new();
    for feature in features {
        tags.push(TagBuilder::new().name(feature.name).description(Some(feature.description)).build());
        for Route { documented: (schemas, mut paths, methods), facts } in feature.routes {
            let is_public = facts.needs.is_empty();
            let is_limited = !is_public || feature.is_limited;
            let operations = paths.paths.values_mut().flat_map(operations);
            operations.for_each(|operation| complete(operation, feature.name, &facts, is_limited));
            let methods = if is_limited { limits.guard(methods, is_public) } else { methods };
            match feature.mount {
                Mount::Api => api = api.routes((schemas, paths, methods)),
                Mount::Root => router = router.routes((schemas, paths, methods)),
            }
        }
    }
    let (router, mut document) = router.nest(API, api).split_for_parts();
    document.tags = Some(tags);
    schemas::complete(&mut document);
    (router, document)
}

fn frame(title: &str, description: &str, public_url: &str) -> OpenApi {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` that `POST /api/v1/auth/login` answers with"))
        .build();
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    let info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(
            LicenseBuilder::new()
                .name(env!("CARGO_PKG_LICENSE"))
                .identifier(Some(env!("CARGO_PKG_LICENSE")))
                .build(),
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url(public_url.trim_end_matches('/')).build()]))
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme(BEARER, SecurityScheme::Http(scheme))
                .schema(ProblemBody::name(), ProblemBody::schema())
                .schemas_from_iter(schemas)
                .build(),
        ))
        .build()
}

/// Adds what the types say: access, and the errors that arguments and layers answer with.
fn complete(operation: &mut Operation, tag: &str, facts: &Facts, is_limited: bool) {
    operation.tags = Some(vec![tag.to_owned()]);
    let mut errors = facts.errors.clone();
    for needs in &facts.needs {
        errors.extend([Code::UNAUTHENTICATED, Code::INVALID_TOKEN]);
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [] as [&str; 0])]);
        if let Needs::Permission(permission) = needs {
            errors.push(Code::FORBIDDEN);
            let description = operation.description.take().unwrap_or_default();
            let line = format!("{description}\n\nNeeds the permission `{permission}`.");
            operation.description = Some(line.trim().to_owned());
            let extension =
                utoipa::openapi::extensions::ExtensionsBuilder::new().add("x-permission", *permission);
            operation.extensions = Some(extension.build());
        }
    }
    if has_cursor(operation) {
        errors.push(Code::INVALID_CURSOR);
    }
    errors.extend(ALWAYS);
    errors.extend(is_limited.then_some(Code::RATE_LIMITED));
    for code in errors {
        add_error(operation, code);
    }
    if !facts.headers.is_empty() {
        operation.parameters.get_or_insert_default().extend(facts.headers.iter().map(parameter));
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) {
            let content = ContentBuilder::new().schema(Some(problem())).build();
            // In this form and no other, whatever the handler's attribute makes of its `body`.
            response.content.clear();
            response.content.insert(PROBLEM_JSON.into(), RefOr::T(content));
        }
        if status == Code::RATE_LIMITED.status().as_str() {
            response.headers.extend(LIMIT_HEADERS.map(|(name, text)| (name.to_owned(), header(text))));
        }
        if response.description.is_empty() {
            // There has to be one; where there is no more to say, it is the status in words.
            response.description = words(status).unwrap_or_default().to_owned();
        }
    }
}

/// Whether it lists by pages.
fn has_cursor(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|one| matches!(one, RefOr::T(one) if one.name == "cursor"))
}

fn parameter(header: &RequestHeader) -> RefOr<Parameter> {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let text = match header.form {
        Some(Form { pattern, max_length }) => {
            text.min_length(Some(1)).max_length(Some(max_length)).pattern(Some(pattern))
        }
        None => text,
    };
    let parameter = ParameterBuilder::new().name(header.name).parameter_in(ParameterIn::Header);
    let parameter = parameter.required(Required::False).description(Some(header.description));
    RefOr::T(parameter.schema(Some(text)).build())
}

/// What a 429 says of when to come back.
const LIMIT_HEADERS: [(&str, &str); 3] = [
    ("Retry-After", "Seconds until it may be tried again"),
    ("RateLimit", "What is left (`r`), and for how many seconds (`t`): `\"public\";r=0;t=1`"),
    ("RateLimit-Policy", "What there is (`q`) in each window (`w`, seconds): `\"public\";q=60;w=60`"),
];

fn header(description: &str) -> RefOr<Header> {
    let schema = Object::with_type(Type::String);
    RefOr::T(HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build())
}

fn words(status: &str) -> Option<&'static str> {
    status.parse::<StatusCode>().ok()?.canonical_reason()
}

fn problem() -> Ref {
    Ref::from_schema_name(ProblemBody::name())
}

/// Lists `code` under its status; several codes share one response.
fn add_error(operation: &mut Operation, code: Code) {
    let status = code.status().as_str().to_owned();
    let text = format!("`{}`: {}", code.name(), translate(Language::English, &code.text_id("title"), &[]));
    let response = operation
        .responses
        .responses
        .entry(status)
        .or_insert_with(|| RefOr::T(ResponseBuilder::new().build()));
    if let RefOr::T(Response { description, .. }) = response
        && !description.contains(&format!("`{}`", code.name()))
    {
        let lines = [description.as_str(), text.as_str()];
        *description = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    }
}

//! What the error codes mean: `type` of every problem leads here.

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use axum::http::{HeaderName, HeaderValue};
use serde::Serialize;

use super::code::Code;
use super::extract::{Json, Path};
use super::feature::Feature;
use super::problem::Problem;
use crate::base::language::{Language, translate};
use crate::routes;

pub fn feature<S: Clone + Send + Sync + 'static>() -> Feature<S> {
    Feature::new("errors", "What each error code means and what to do")
        .at_root()
        .routes(routes![list_errors, explain_error])
}

/// An error code in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorSummary {
    /// The stable code to decide by.
    #[schema(value_type = String, example = "email_taken")]
    pub code: &'static str,
    #[schema(example = 409, minimum = 400, maximum = 599)]
    pub status: u16,
    pub title: String,
    /// When it happens.
    pub meaning: String,
}

/// All error codes, by status.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorList {
    pub items: Vec<ErrorSummary>,
}

/// An error code, explained.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorExplanation {
    #[serde(flatten)]
    pub summary: ErrorSummary,
    /// What to do about it.
    pub remedy: String,
}

type Localized<T> = ([(HeaderName, HeaderValue); 3], Json<T>);

/// List all error codes.
#[utoipa::path(
    get, path = "/errors", tag = "errors", operation_id = "list_errors", security(()),
    responses((status = OK, description = "All error codes", body = ErrorList))
)]
pub async fn list_errors(language: Language) -> Localized<ErrorList> {
    let items = Code::ALL.iter().map(|code| summary(*code, language)).collect();
    localized(language, ErrorList { items })
}

/// Explain an error code: what it means and what to do.
#[utoipa::path(
    get, path = "/errors/{code}", tag = "errors", operation_id = "explain_error", security(()),
    params(("code" = String, Path, description = "The code of a problem", example = "email_taken")),
    responses(
        (status = OK, description = "The explanation", body = ErrorExplanation),
        (status = NOT_FOUND, description = "No such code", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub async fn explain_error(
    language: Language,
    Path(name): Path<String>,
) -> Result<Localized<ErrorExplanation>, Problem> {
    let code = Code::named(&name).ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    let remedy = translate(language, &code.text_id("remedy"), &[]);
    Ok(localized(language, ErrorExplanation { summary: summary(code, language), remedy }))
}

fn summary(code: Code, language: Language) -> ErrorSummary {
    ErrorSummary {
        code: code.name(),
        status: code.status().as_u16(),
        title: translate(language, &code.text_id("title"), &[]),
        meaning: translate(language, &code.text_id("meaning"), &[]),
    }
}

fn localized<T>(language: Language, body: T) -> Localized<T> {
    let headers = [
        (CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (VARY, HeaderValue::from_static("accept-language")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, Json(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_type_of_a_problem_resolves_in_both_languages() {
        for language in Language::ALL {
            let (_, Json(list)) = list_errors(language).await;
            assert_eq!(list.items.len(), Code::ALL.len());
            for item in list.items {
                let (headers, Json(one)) = explain_error(language, Path(item.code.to_owned())).await.unwrap();
                assert_eq!((one.summary.title, one.summary.status), (item.title, item.status));
                assert!(!one.remedy.starts_with("error-"));
                assert_eq!(headers[0].1, language.tag());
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_code_is_not_found() {
        let problem = explain_error(Language::English, Path("nope".to_owned())).await.unwrap_err();
        assert_eq!(problem.code(), Code::NOT_FOUND);
    }
}

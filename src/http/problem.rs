//! The one error response: RFC 9457 `application/problem+json`.
//!
//! A [`Problem`] only describes what went wrong. It puts itself into the response's extensions;
//! `middleware::render` writes the body in the caller's language, `middleware::log` logs the cause.

mod body;
mod fault;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

pub use self::body::ProblemBody;
pub use self::fault::Fault;
use super::code::Code;
use crate::base::language::{Arg, Language, translate};
use crate::db::DbError;
use crate::mail::OutboxError;

/// An error on its way to the caller.
///
/// It holds no text: texts are chosen by code and language when the response is written.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: Code,
    detail_id: Option<&'static str>,
    args: Vec<(&'static str, Arg)>,
    faults: Vec<Fault>,
    retry_after: Option<u64>,
    headers: HeaderMap,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts {
            code,
            detail_id: None,
            args: Vec::new(),
            faults: Vec::new(),
            // Nobody should have to guess when to come back (RFC 9110 §10.2.3).
            retry_after: is_temporary(code.status()).then_some(1),
            headers: challenge(code),
            cause: None,
        }))
    }

    /// Fills in a variable of the detail text. `$count` (of faults) and `$seconds` (until
    /// `Retry-After`) fill themselves in.
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.0.args.push((name, value.into()));
        self
    }

    /// Takes another detail text than the code's own.
    pub fn detail_id(mut self, id: &'static str) -> Self {
        self.0.detail_id = Some(id);
        self
    }

    /// Adds a fault of one field.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.0.faults.push(fault);
        self
    }

    /// Sets `Retry-After`, in whole seconds, rounded up.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Sets the parameters of `WWW-Authenticate: Bearer` (RFC 6750 §3), for instance
    /// `error="insufficient_scope", scope="users:read"`. Text that no header can hold is left out.
    pub fn challenge(self, parameters: &str) -> Self {
        match HeaderValue::try_from(format!("Bearer {parameters}")) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }

    /// Remembers why, for the log; callers see it in dev and testing only.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The cause and its causes, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first = self.0.cause.as_deref().map(|cause| cause as &dyn Error);
        std::iter::successors(first, |&cause| cause.source())
    }

    /// What they say; one that says the same as that before it is left out.
    pub fn chain(&self) -> Vec<String> {
        let mut chain: Vec<_> = self.causes().map(ToString::to_string).collect();
        // Many an error ends with the words of its source.
        chain.dedup_by(|cause, said| said.ends_with(cause.as_str()));
        chain
    }

    /// The body, in one language. `debug` shows the cause.
    pub fn body(&self, language: Language, request_id: &str, debug: bool) -> ProblemBody {
        let Parts { code, detail_id, args, faults, retry_after, .. } = &*self.0;
        let known = [("count", faults.len().into()), ("seconds", retry_after.unwrap_or_default().into())];
        let args: Vec<_> = known.into_iter().chain(args.iter().cloned()).collect();
        let detail = detail_id.map_or_else(|| Cow::Owned(code.text_id("detail")), Cow::Borrowed);
        ProblemBody {
            r#type: format!("/errors/{}", code.name()),
            title: translate(language, &code.text_id("title"), &[]),
            status: code.status().as_u16(),
            detail: translate(language, &detail, &args),
            code: code.name(),
            request_id: request_id.to_owned(),
            errors: faults.iter().map(|fault| fault.body(language)).collect(),
            debug: if debug { self.chain() } else { Vec::new() },
        }
    }
}

fn is_temporary(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// The challenge that every 401 carries (RFC 9110 §15.5.2); it names an error only where a token
/// was sent (RFC 6750 §3.1).
fn challenge(code: Code) -> HeaderMap {
    let value = match code {
        Code::INVALID_TOKEN => "Bearer error=\"invalid_token\"",
        _ if code.status() == StatusCode::UNAUTHORIZED => "Bearer",
        _ => return HeaderMap::new(),
    };
    HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_static(value))])
}

/// What the outbox says: a mail that cannot be queued fails its cause.
impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Database(error) => error.into(),
            error => Self::new(Code::INTERNAL_ERROR).caused_by(error),
        }
    }
}

/// What the database says, where no feature says it better.
impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let code = match error {
            DbError::Unavailable(_) | DbError::Unreachable(_) => Code::DATABASE_UNAVAILABLE,
            DbError::Duplicate(_) | DbError::Dangling(_) | DbError::Stale => Code::CONFLICT,
            DbError::Failed(_) => Code::INTERNAL_ERROR,
        };
        Self::new(code).caused_by(error)
    }
}

/// What the log says where a body breaks off.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.name())
    }
}

impl Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.headers_mut().extend(self.0.headers.clone());
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// So that an operation documents its errors as `body = Problem`.
impl utoipa::PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        ProblemBody::schema()
    }
}

impl utoipa::ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ProblemBody::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(problem: Problem, name: HeaderName) -> Option<String> {
        problem.into_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn every_401_carries_a_challenge_and_only_a_bad_token_names_an_error() {
        for code in Code::ALL.iter().filter(|code| code.status() == StatusCode::UNAUTHORIZED) {
            let expected =
                if *code == Code::INVALID_TOKEN { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            assert_eq!(header(Problem::new(*code), WWW_AUTHENTICATE).as_deref(), Some(expected));
        }
        assert_eq!(header(Problem::new(Code::FORBIDDEN), WWW_AUTHENTICATE), None);
        let forbidden = Problem::new(Code::FORBIDDEN).challenge("error=\"insufficient_scope\"");
        assert_eq!(
            header(forbidden, WWW_AUTHENTICATE).as_deref(),
            Some("Bearer error=\"insufficient_scope\"")
        );
    }

    #[test]
    fn what_is_temporary_says_when_to_come_back() {
        assert_eq!(header(Problem::new(Code::OVERLOADED), RETRY_AFTER).as_deref(), Some("1"));
        let limited = Problem::new(Code::RATE_LIMITED).retry_after(Duration::from_millis(41_001));
        let detail = limited.body(Language::English, "-", false).detail;
        assert_eq!(detail, "Too many requests: try again in 42 seconds");
        assert_eq!(header(limited, RETRY_AFTER).as_deref(), Some("42"));
        assert_eq!(header(Problem::new(Code::TIMEOUT), RETRY_AFTER), None);
    }

    #[test]
    fn a_problem_made_of_its_code_alone_reads_well() {
        for (code, language) in
            Code::ALL.iter().flat_map(|code| Language::ALL.map(|language| (code, language)))
        {
            let body = Problem::new(*code).body(language, "-", false);
            assert!(!body.detail.contains('$') && !body.detail.starts_with("error-"), "{}", body.detail);
        }
    }

    #[test]
    fn the_cause_is_in_the_body_only_when_asked_for() {
        let io = std::io::Error::other(std::fmt::Error);
        let problem = Problem::new(Code::INTERNAL_ERROR).caused_by(io);
        assert_eq!(problem.body(Language::English, "-", false).debug, Vec::<String>::new());
        assert_eq!(problem.body(Language::English, "-", true).debug, problem.chain());
        assert!(problem.chain()[0].contains("an error occurred when formatting"));
    }

    #[test]
    fn a_cause_that_only_repeats_the_one_before_is_left_out() {
        #[derive(Debug, thiserror::Error)]
        #[error("the disk is full")]
        struct Full;
        #[derive(Debug, thiserror::Error)]
        enum Layer {
            #[error("{0}")]
            Echo(#[source] Box<dyn Error + Send + Sync>),
            #[error("nothing was written")]
            Own(#[source] Box<dyn Error + Send + Sync>),
            #[error("no: {0}")]
            Quotes(#[source] Box<dyn Error + Send + Sync>),
        }
        let echo = Layer::Echo(Box::new(Layer::Echo(Box::new(Full))));
        let problem = Problem::new(Code::INTERNAL_ERROR).caused_by(Layer::Own(Box::new(echo)));
        assert_eq!(problem.chain(), ["nothing was written", "the disk is full"]);
        let quotes = Layer::Quotes(Box::new(Layer::Quotes(Box::new(Full))));
        let problem = Problem::new(Code::INTERNAL_ERROR).caused_by(quotes);
        assert_eq!(problem.chain(), ["no: no: the disk is full"]);
    }
}

//! `GET` and `PUT /log-level`: how much is logged, changed while the server runs. On the listener for
//! operators only, and in no document. It lasts until the process ends.

use std::str::FromStr;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::routing::get;
use deserr::Deserr;
use serde::Serialize;

use crate::base::language::Arg;
use crate::config::{MAX_LOG_LEVEL, is_log_level};
use crate::http::extract::{Faults, Json, Rule};
use crate::http::{Code, Problem};
use crate::state::AppState;
use crate::telemetry::logs;
use crate::text_fields;

/// A level, and exceptions from it: `info,sqlx=warn`.
struct Level(String);

enum NoLevel {
    TooLong,
    Nonsense,
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Wanted {
    level: Level,
}

#[derive(Serialize)]
struct Present {
    level: String,
    /// What it is again after a restart.
    configured: String,
}

pub fn router() -> Router<AppState> {
    Router::new().route("/log-level", get(show).put(change))
}

async fn show(State(state): State<AppState>) -> Result<Json<Present>, Problem> {
    let level = logs::level().ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    Ok(Json(Present { level, configured: state.config.log.level.clone() }))
}

async fn change(
    State(state): State<AppState>,
    headers: HeaderMap,
    Json(Wanted { level: Level(to) }): Json<Wanted>,
) -> Result<Json<Present>, Problem> {
    // A browser says so when it changes something: a page that got hold of this address by its name.
    if headers.contains_key(ORIGIN) {
        return Err(Problem::new(Code::FORBIDDEN));
    }
    let from = logs::level().ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    // Said while, or as soon as, the log takes it.
    let told = tracing::enabled!(tracing::Level::WARN);
    if told {
        tracing::warn!(from, to, "the level of the log is changed");
    }
    logs::set_level(&to).map_err(|error| Problem::new(Code::INTERNAL_ERROR).caused_by(error))?;
    if !told {
        tracing::warn!(from, to, "the level of the log was changed");
    }
    show(State(state)).await
}

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, NoLevel> {
        match is_log_level(text) {
            true => Ok(Self(text.to_owned())),
            false if text.chars().count() > MAX_LOG_LEVEL => Err(NoLevel::TooLong),
            false => Err(NoLevel::Nonsense),
        }
    }
}

text_fields!(Level);

impl Rule for NoLevel {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Nonsense => "invalid_log_level",
        }
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        match self {
            Self::TooLong => vec![("max", MAX_LOG_LEVEL.into())],
            Self::Nonsense => Vec::new(),
        }
    }
}

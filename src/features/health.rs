//! Whether the process answers, and whether it can do its work.

mod status;
mod system;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use self::status::Health;
use self::system::ReadSystem;
use crate::access::permission::declared;
use crate::base::latest::Latest;
use crate::db::migrate;
use crate::http::extract::Json;
use crate::http::feature::Feature;
use crate::http::reply::Verbatim;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    probes().routes(routes![system::get_system]).permissions(&[declared::<ReadSystem>()])
}

/// The same on the listener for operators, who need no token there.
pub fn for_operators() -> Feature<AppState> {
    probes().routes(routes![system::get_system_as_operator])
}

fn probes() -> Feature<AppState> {
    Feature::new("health", "Probes for whoever runs the server").at_root().routes(routes![live, ready])
}

/// A database that has not answered by then counts as down.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Its answer is good for so long, however many ask: a probe that everybody may send must not load it.
const FRESH: Duration = Duration::from_millis(100);

/// How the database answers, for the state of the whole server.
pub fn latest() -> Latest<migrate::Answer> {
    Latest::new(FRESH, PATIENCE)
}

#[derive(Serialize, ToSchema)]
pub struct Liveness {
    status: Health,
}

#[derive(Serialize, ToSchema)]
pub struct Readiness {
    status: Health,
    /// By name: `database`, `migrations`, `feed` (of what other replicas change), and `shutdown` once that has begun.
    checks: BTreeMap<&'static str, Check>,
}

#[derive(Serialize, ToSchema)]
pub struct Check {
    status: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    latency_ms: Option<u64>,
}

impl Check {
    fn of(up: bool) -> Self {
        Self { status: if up { Health::Up } else { Health::Down }, latency_ms: None }
    }
}

/// Ask whether the process answers; nothing else is touched.
#[utoipa::path(get, path = "/health/live", operation_id = "get_liveness", security(()), responses((status = OK, body = Liveness)))]
async fn live() -> Json<Liveness> {
    Json(Liveness { status: Health::Up })
}

/// Ask whether requests should be sent here.
#[utoipa::path(get, path = "/health/ready", operation_id = "get_readiness", security(()), responses(
    (status = OK, body = Readiness),
    (status = SERVICE_UNAVAILABLE, body = Readiness, content_type = "application/json", description = "Not now: `checks` says why")))]
async fn ready(State(state): State<AppState>) -> Response {
    let report = readiness(&state).await;
    match report.status {
        Health::Up => Json(report).into_response(),
        Health::Down => (StatusCode::SERVICE_UNAVAILABLE, Verbatim, Json(report)).into_response(),
    }
}

async fn readiness(state: &AppState) -> Readiness {
    let answer = state.database.take(migrate::probe(&state.db)).await;
    let latency_ms = answer.map(|answer| u64::try_from(answer.latency.as_millis()).unwrap_or(u64::MAX));
    let mut checks = BTreeMap::from([
        ("database", Check { latency_ms, ..Check::of(answer.is_some()) }),
        ("migrations", Check::of(answer.is_some_and(|answer| answer.is_current))),
        // Until it has heard again what changed, it believes no caller.
        ("feed", Check::of(state.access.is_fresh())),
    ]);
    if state.tasks.is_draining() {
        checks.insert("shutdown", Check::of(false));
    }
    let up = checks.values().all(|check| check.status == Health::Up);
    Readiness { status: Check::of(up).status, checks }
}

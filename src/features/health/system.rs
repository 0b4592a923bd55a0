//! How the machine, the process and its queues are doing.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::status::Health;
use crate::access::caller::Allowed;
use crate::db::Driver;
use crate::features::metrics;
use crate::http::extract::Json;
use crate::permission;
use crate::state::AppState;
use crate::telemetry::metrics::machine;

permission!(pub ReadSystem = "system:read", "See how the machine and the server are doing");

/// Sizes are in bytes. What the system does not tell is null.
#[derive(Serialize, ToSchema)]
pub struct System {
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Of the process.
    uptime_seconds: Option<u64>,
    cpu: Cpu,
    memory: Memory,
    /// The volume that the database's file is on; with PostgreSQL, the working folder.
    disk: Option<Disk>,
    files: Option<Files>,
    database: Database,
    /// Passwords that wait to be hashed or are hashed.
    hash_queue: Queue,
    /// Null while the database does not answer.
    outbox: Option<Outbox>,
    requests: Requests,
    connections: Connections,
}

#[derive(Serialize, ToSchema)]
struct Cpu {
    cores: usize,
    /// Processes that ran or wanted to, on average over 1, 5 and 15 minutes.
    load: Option<[f64; 3]>,
    /// Processor time that the process has taken.
    process_seconds: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Memory {
    /// Of the machine or, in a container, what it may take.
    total: Option<u64>,
    available: Option<u64>,
    process: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct Disk {
    size: u64,
    available: u64,
}

/// Files and connections.
#[derive(Serialize, ToSchema)]
struct Files {
    open: u64,
    max: u64,
}

#[derive(Serialize, ToSchema)]
struct Database {
    /// `sqlite` or `postgres`.
    driver: &'static str,
    status: Health,
    /// Those who wait for a connection.
    waiting: i64,
    pools: Vec<Pool>,
}

#[derive(Serialize, ToSchema)]
struct Pool {
    name: &'static str,
    used: u32,
    idle: u32,
    max: u32,
}

#[derive(Serialize, ToSchema)]
struct Queue {
    length: usize,
    capacity: usize,
}

#[derive(Serialize, ToSchema)]
struct Outbox {
    queued: u64,
    oldest_seconds: u64,
}

#[derive(Serialize, ToSchema)]
struct Requests {
    under_way: u32,
    /// Turned away since the start because too many were under way.
    refused: u64,
}

#[derive(Serialize, ToSchema)]
struct Connections {
    open: usize,
    max: usize,
}

/// See how the machine, the process and its queues are doing.
#[utoipa::path(get, path = "/health/system", operation_id = "get_system", responses((status = OK, body = System)))]
pub async fn get_system(_: Allowed<ReadSystem>, State(state): State<AppState>) -> Json<System> {
    Json(system(&state).await)
}

/// The same for whoever reaches the listener for operators.
#[utoipa::path(get, path = "/health/system", security(()), responses((status = OK, body = System)))]
pub async fn get_system_as_operator(State(state): State<AppState>) -> Json<System> {
    Json(system(&state).await)
}

async fn system(state: &AppState) -> System {
    metrics::look(state).await;
    let (machine, found) = (state.metrics.machine(), state.metrics.soundings().last());
    let (process, memory) = (machine.process(), machine.memory());
    let queue = state.passwords.hasher().queue();
    let outbox = found.map(|found| Outbox { queued: found.queued, oldest_seconds: found.oldest.as_secs() });
    System {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: process.map(|process| process.uptime_seconds),
        cpu: Cpu {
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            load: machine.load(),
            process_seconds: process.map(|process| process.cpu_seconds),
        },
        memory: Memory {
            total: memory.map(|memory| memory.total_bytes),
            available: memory.map(|memory| memory.available_bytes),
            process: process.map(|process| process.resident_bytes),
        },
        disk: machine::disk(&metrics::volume(state))
            .map(|disk| Disk { size: disk.size_bytes, available: disk.available_bytes }),
        files: process.map(|process| Files { open: process.open_files, max: process.max_files }),
        database: database(state, found.is_some()),
        hash_queue: Queue { length: queue.length, capacity: queue.capacity },
        outbox,
        requests: Requests { under_way: state.load.under_way(), refused: state.load.refused() },
        connections: Connections { open: state.crowd.open(), max: state.crowd.most() },
    }
}

fn database(state: &AppState, answers: bool) -> Database {
    let pools = state.db.pools().into_iter();
    Database {
        driver: match state.db.driver() {
            Driver::Sqlite => "sqlite",
            Driver::Postgres => "postgres",
        },
        status: if answers { Health::Up } else { Health::Down },
        waiting: state.db.waiting(),
        pools: pools
            .map(|pool| Pool { name: pool.name, used: pool.used, idle: pool.idle, max: pool.max })
            .collect(),
    }
}

//! The process and the machine it runs on, as the system tells.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::metrics::Meter;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What this process has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Seconds of processor time, of all its threads.
    pub cpu_seconds: f64,
    /// Bytes of memory that are really there.
    pub resident_bytes: u64,
    /// Files and connections.
    pub open_files: u64,
    /// The most of them that the system allows.
    pub max_files: u64,
    /// Seconds since 1970.
    pub started_at: u64,
    pub uptime_seconds: u64,
}

/// Bytes of memory: of the machine or, where there is one, of the limit around the process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    pub total_bytes: u64,
    pub available_bytes: u64,
}

/// Bytes of the volume that a file is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    pub size_bytes: u64,
    pub available_bytes: u64,
}

/// What is known stays true for so long: one scrape asks several times.
const FRESH: Duration = Duration::from_millis(100);

/// Asks the system. Clones share what it said last; `None` where it says nothing.
#[derive(Clone)]
pub struct Machine(Arc<Mutex<Asked>>);

struct Asked {
    system: Option<(System, Pid)>,
    last: Option<(Instant, Process)>,
}

impl Default for Machine {
    fn default() -> Self {
        let system = System::new().ok().zip(sysinfo::get_current_pid().ok());
        Self(Arc::new(Mutex::new(Asked { system, last: None })))
    }
}

impl Machine {
    pub fn process(&self) -> Option<Process> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, process)) = asked.last.filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(process);
        }
        let (system, pid) = asked.system.as_mut()?;
        let kind = ProcessRefreshKind::nothing().with_memory().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), false, kind);
        let found = system.process(*pid)?;
        let process = Process {
            cpu_seconds: Duration::from_millis(found.accumulated_cpu_time()).as_secs_f64(),
            resident_bytes: found.memory(),
            open_files: found.open_files().and_then(|n| n.try_into().ok()).unwrap_or_default(),
            max_files: found.open_files_limit().and_then(|n| n.try_into().ok()).unwrap_or_default(),
            started_at: found.start_time(),
            uptime_seconds: found.run_time(),
        };
        asked.last = Some((Instant::now(), process));
        Some(process)
    }

    pub fn memory(&self) -> Option<Memory> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (system, _) = asked.system.as_mut()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let machine =
            Memory { total_bytes: system.total_memory(), available_bytes: system.available_memory() };
        let limit = system.cgroup_limits().filter(|limit| limit.total_memory < machine.total_bytes);
        Some(limit.map_or(machine, |limit| Memory {
            total_bytes: limit.total_memory,
            available_bytes: limit.free_memory.min(machine.available_bytes),
        }))
    }

    /// Processes that ran or wanted to, on average over 1, 5 and 15 minutes.
    pub fn load(&self) -> Option<[f64; 3]> {
        System::load_average().ok().map(|load| [load.one, load.five, load.fifteen])
    }

    /// Observes the process under the names that every Prometheus knows, and the volume of `place`.
    pub fn observe(&self, meter: &Meter, place: Arc<Path>) {
        let machine = self.clone();
        meter
            .f64_observable_counter("process_cpu_seconds")
            .with_description("Processor time that the process has taken")
            .with_callback(move |to| {
                _ = machine.process().map(|process| to.observe(process.cpu_seconds, &[]))
            })
            .build();
        self.gauge(meter, "process_resident_memory_bytes", "Memory that is really there", |p| {
            p.resident_bytes
        });
        self.gauge(meter, "process_open_fds", "Open files and connections", |p| p.open_files);
        self.gauge(meter, "process_max_fds", "Files and connections that may be open", |p| p.max_files);
        self.gauge(meter, "process_start_time_seconds", "When it started, since 1970", |p| p.started_at);
        let volume = place.clone();
        meter
            .u64_observable_gauge("disk.size")
            .with_unit("By")
            .with_description(
                "Size of the volume that the database or, with PostgreSQL, the working folder is on",
            )
            .with_callback(move |to| _ = disk(&volume).map(|disk| to.observe(disk.size_bytes, &[])))
            .build();
        meter
            .u64_observable_gauge("disk.available")
            .with_unit("By")
            .with_description("What is left on it")
            .with_callback(move |to| _ = disk(&place).map(|disk| to.observe(disk.available_bytes, &[])))
            .build();
    }

    fn gauge(&self, meter: &Meter, name: &'static str, about: &'static str, of: fn(&Process) -> u64) {
        let machine = self.clone();
        meter
            .u64_observable_gauge(name)
            .with_description(about)
            .with_callback(move |to| _ = machine.process().map(|process| to.observe(of(&process), &[])))
            .build();
    }
}

/// The volume of a file or folder that is there.
pub fn disk(place: &Path) -> Option<Disk> {
    let volume = rustix::fs::statvfs(place).ok()?;
    Some(Disk {
        size_bytes: volume.f_blocks.saturating_mul(volume.f_frsize),
        available_bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_files_and_a_past() {
        let process = Machine::default().process().unwrap();
        assert!(process.resident_bytes > 1 << 20 && process.open_files > 2, "{process:?}");
        assert!(process.max_files >= process.open_files && process.started_at > 1_700_000_000, "{process:?}");
    }

    #[test]
    fn what_is_opened_is_counted() {
        let machine = Machine::default();
        let before = machine.process().unwrap().open_files;
        let files: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        let after = Machine::default().process().unwrap().open_files;
        assert!(after >= before + 25, "{before}, {after} with {} more", files.len());
    }

    #[test]
    fn what_is_left_is_part_of_all() {
        let (memory, disk) = (Machine::default().memory().unwrap(), disk(Path::new(".")).unwrap());
        assert!(memory.available_bytes > 0 && memory.available_bytes <= memory.total_bytes, "{memory:?}");
        assert!(disk.available_bytes > 0 && disk.available_bytes <= disk.size_bytes, "{disk:?}");
    }
}

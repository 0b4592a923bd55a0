//! What the machine hashes when nothing but hashing is asked of it: what the server is held against.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// As the server's, by default.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// As many threads as the server has.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Hashes in a second, on as many threads as there are cores, for so long.
pub fn rate(duration: Duration) -> Result<f64> {
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None).map_err(|error| anyhow!("{error}"))?;
    let (over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads()).map(|_| scope.spawn(|| hash_until(&params, &over, &count))).collect();
        thread::sleep(duration);
        over.store(true, Ordering::Relaxed);
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread ended"))?)
    })?;
    Ok(count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

fn hash_until(params: &Params, over: &AtomicBool, count: &AtomicU64) -> Result<()> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut memory = vec![Block::default(); params.block_count()];
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    while !over.load(Ordering::Relaxed) {
        argon2
            .hash_password_into_with_memory(b"correct horse battery staple", &[7; 16], &mut out, &mut memory)
            .map_err(|error| anyhow!("{error}"))?;
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

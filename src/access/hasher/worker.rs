//! One hash thread: it takes jobs, and computes Argon2.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use subtle::ConstantTimeEq;

use super::job::{Job, Task, Verdict};
use super::meters::Meters;
use crate::access::stopwatch::Stopwatch;
use crate::base::random::Random;
use crate::base::secret::Password;

/// A stored hash that would take more memory than this is not verified: it was not made here.
const MAX_MEMORY_KIB: u32 = 1 << 20;

/// A thread without work for this long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// One thread: today's settings, and memory that is used again from hash to hash.
pub(super) struct Worker {
    params: Params,
    memory: Vec<Block>,
    /// Stands in for the hash of an account that does not exist or has no password. It is no hash of
    /// anything, and costs as much to compare with as any other.
    dummy: String,
    computed: Arc<AtomicU64>,
    meters: Meters,
}

impl Worker {
    pub fn new(
        params: Params,
        random: &Random,
        computed: Arc<AtomicU64>,
        meters: Meters,
    ) -> std::io::Result<Self> {
        let dummy = phc(&params, &random.bytes(), &random.bytes());
        let dummy = dummy.ok_or_else(|| std::io::Error::other("auth.hash: no hash can be written"))?;
        Ok(Self { params, memory: Vec::new(), dummy, computed, meters })
    }

    pub fn run(mut self, queue: &Receiver<Job>) {
        loop {
            let Job { task, place, queued, span, subject } = match queue.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    self.memory = Vec::new();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let work = self.meters.begin(queued);
            let watch = Stopwatch::begin(span, subject, queued);
            // A caller who hung up while queued gets no work done; its attempt stays counted.
            match task {
                Task::Hash { reply, .. } if reply.is_closed() => {}
                Task::Verify { reply, .. } if reply.is_closed() => {}
                Task::Measure { reply, .. } if reply.is_closed() => {}
                Task::Measure { password, measure, reply } => {
                    watch.answer(reply, measure.guessability(&password));
                }
                Task::Hash { password, salt, measure, reply } => {
                    match measure.map_or(Ok(()), |measure| measure.guessability(&password)) {
                        Err(weakness) => watch.answer(reply, Err(weakness)),
                        Ok(()) => {
                            _ = self.hash(&password, &salt).map(|hash| watch.answer(reply, Ok(hash)));
                        }
                    }
                }
                Task::Verify { password, stored, reply } => {
                    watch.answer(reply, self.verify(&password, stored.as_deref()));
                }
            }
            drop(work);
            drop(place);
        }
    }

    fn hash(&mut self, password: &Password, salt: &[u8; 16]) -> Option<String> {
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(Algorithm::Argon2id, Version::V0x13, self.params.clone(), password, salt, &mut out)?;
        phc(&self.params, salt, &out)
    }

    fn verify(&mut self, password: &Password, stored: Option<&str>) -> Verdict {
        let compared = stored.and_then(|stored| self.compare(password, stored));
        if compared.is_some_and(|verdict| !verdict.matches && verdict.outdated) {
            self.make_up_for(password, stored.unwrap_or_default());
        }
        compared.unwrap_or_else(|| {
            let dummy = self.dummy.clone();
            self.compare(password, &dummy);
            Verdict { matches: false, outdated: false }
        })
    }

    /// The work by which a stored hash is cheaper than today's, so that a wrong password takes as long as
    /// for an address without an account; Argon2 takes time by memory and iterations.
    fn make_up_for(&mut self, password: &Password, stored: &str) -> Option<()> {
        let params = Params::try_from(&PasswordHash::new(stored).ok()?).ok()?;
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let missing = work(&self.params).checked_sub(work(&params))?;
        let (iterations, lanes) = (self.params.t_cost(), self.params.p_cost());
        let memory = u32::try_from(missing / u64::from(iterations)).ok()?;
        let params = Params::new(memory, iterations, lanes, None).ok()?;
        let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(Algorithm::Argon2id, Version::V0x13, params, password, &[0; 16], &mut out)
    }

    /// `None` if `stored` cannot be read as an Argon2 hash of bearable cost.
    fn compare(&mut self, password: &Password, stored: &str) -> Option<Verdict> {
        let phc = PasswordHash::new(stored).ok()?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
        let version = phc.version.map_or(Some(Version::V0x13), |v| Version::try_from(v).ok())?;
        let params = Params::try_from(&phc).ok().filter(|p| p.m_cost() <= MAX_MEMORY_KIB)?;
        let (salt, expected) = (phc.salt?, phc.hash?);
        let mut out = vec![0; expected.len()];
        self.fill(algorithm, version, params.clone(), password, &salt, &mut out)?;
        let current = (algorithm, version) == (Algorithm::Argon2id, Version::V0x13)
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        Some(Verdict { matches: out.ct_eq(expected.as_bytes()).into(), outdated: !current })
    }

    fn fill(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        password: &Password,
        salt: &[u8],
        out: &mut [u8],
    ) -> Option<()> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let argon2 = Argon2::new(algorithm, version, params);
        argon2
            .hash_password_into_with_memory(
                password.expose().as_bytes(),
                salt,
                out,
                &mut self.memory[..blocks],
            )
            .ok()
    }
}

fn phc(params: &Params, salt: &[u8; 16], hash: &[u8; Params::DEFAULT_OUTPUT_LEN]) -> Option<String> {
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(hash).ok()?),
    };
    Some(phc.to_string())
}

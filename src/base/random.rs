//! Randomness, injected: the machine's, or a seeded stream in tests.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

/// A source of random bytes fit for keys and tokens.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Mutex<ChaCha20Rng>>>);

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(None)
    }

    /// The same stream for the same seed, for tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))))
    }

    /// `N` fresh random bytes.
    ///
    /// # Panics
    /// If the operating system has no randomness to give: no token may be made without it.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Some(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes),
            #[expect(clippy::expect_used, reason = "no input reaches this, and going on would be worse")]
            None => SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes"),
        }
        bytes
    }
}

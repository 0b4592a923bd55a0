//! What a connection is doing, and until when it may: written by the requests on it, read by its clock.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the first look at the clock; never zero, which stands for "not at all".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Moment {
    pub(super) fn now() -> Self {
        Self(u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1)
    }

    pub(super) fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }

    pub(super) fn instant(self) -> Instant {
        *START + Duration::from_millis(self.0)
    }
}

/// Whoever takes nothing of an answer for so long leaves when there is no room for others.
const STALLED: Duration = Duration::from_secs(2);

/// How long each state may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request (or the connection itself) to the end of its header.
    pub(super) head: Duration,
    /// Between two requests. Load balancers keep connections for a minute: who closes first should be they.
    pub(super) idle: Duration,
    /// Without any progress while a request is answered.
    pub(super) answer: Duration,
    /// Without the other side taking anything of what is written.
    pub(super) write: Duration,
}

/// An answer of which pieces have been handed over and not taken.
struct Waiting {
    pieces: u32,
    /// Since when nothing of it was taken.
    since: Moment,
}

/// Shared by a connection, its bytes and its requests.
pub(super) struct Activity {
    /// Requests whose answer is not wholly taken.
    busy: AtomicU32,
    /// Since when the header of a request is coming in.
    head: AtomicU64,
    /// Since when nothing has happened.
    quiet: AtomicU64,
    /// Since when the other side has taken nothing.
    stuck: AtomicU64,
    /// Answers that wait until the other side takes more of them, by their number. On a connection of HTTP/2
    /// some may wait while others go on.
    waiting: Mutex<BTreeMap<u32, Waiting>>,
    numbers: AtomicU32,
    /// Bytes of all of its answers.
    held: AtomicUsize,
    has_served: AtomicBool,
    is_http2: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        let Moment(now) = Moment::now();
        Self {
            busy: AtomicU32::new(0),
            head: AtomicU64::new(now),
            quiet: AtomicU64::new(now),
            stuck: AtomicU64::new(0),
            waiting: Mutex::default(),
            numbers: AtomicU32::new(0),
            held: AtomicUsize::new(0),
            has_served: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
        }
    }

    /// How many requests are under way.
    pub(super) fn requests(&self) -> u32 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.requests() > 0
    }

    /// Whether a request is under way, or an answer still being taken.
    pub(super) fn is_in_use(&self) -> bool {
        self.is_busy() || self.stuck.load(Ordering::Relaxed) != 0
    }

    pub(super) fn has_served(&self) -> bool {
        self.has_served.load(Ordering::Relaxed)
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }

    pub(super) fn quiet_since(&self) -> Moment {
        Moment(self.quiet.load(Ordering::Relaxed))
    }

    /// Bytes have come. Between two requests of HTTP/2 they may be anything; there, pings tell who is gone.
    pub(super) fn heard(&self) {
        if !self.is_busy() && self.head.load(Ordering::Relaxed) == 0 && !self.is_http2() {
            self.head.store(Moment::now().0, Ordering::Relaxed);
        }
    }

    /// Whether the other side takes what is written.
    pub(super) fn wrote(&self, progress: bool) {
        let stuck = self.stuck.load(Ordering::Relaxed);
        if progress && stuck != 0 {
            self.stuck.store(0, Ordering::Relaxed);
        } else if !progress && stuck == 0 {
            self.stuck.store(Moment::now().0, Ordering::Relaxed);
        }
    }

    /// A request, which gets a number.
    pub(super) fn begin(&self, is_http2: bool) -> u32 {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
        self.is_http2.store(is_http2, Ordering::Relaxed);
        self.has_served.store(true, Ordering::Relaxed);
        self.go_on();
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn go_on(&self) -> Moment {
        let now = Moment::now();
        self.quiet.store(now.0, Ordering::Relaxed);
        now
    }

    /// A piece of an answer waits to be taken. Those before it were, or there is room for more.
    pub(super) fn hands_over(&self, number: u32) {
        let since = self.go_on();
        let mut waiting = self.waiting();
        let answer = waiting.entry(number).or_insert(Waiting { pieces: 0, since });
        *answer = Waiting { pieces: answer.pieces + 1, since };
    }

    /// Some of an answer was taken.
    pub(super) fn taken(&self, number: u32) {
        let since = self.go_on();
        if let Some(answer) = self.waiting().get_mut(&number) {
            answer.since = since;
        }
    }

    /// All of a piece was taken, or nobody wants it any more.
    pub(super) fn handed_over(&self, number: u32) {
        if let Entry::Occupied(mut answer) = self.waiting().entry(number) {
            match answer.get().pieces {
                0 | 1 => _ = answer.remove(),
                _ => answer.get_mut().pieces -= 1,
            }
        }
    }

    /// How much its answers hold.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Since when the answer has waited that has done so for longest.
    pub(super) fn waiting_since(&self) -> Option<Moment> {
        self.waiting().values().map(|answer| answer.since).min()
    }

    /// Whether an answer has waited for so long that the other side may be said not to want it.
    pub(super) fn is_stalled(&self) -> bool {
        self.waiting_since().is_some_and(|since| since.plus(STALLED) <= Moment::now())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u32, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self) {
        self.go_on();
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// When its present state will have lasted too long.
    pub(super) fn due(&self, patience: &Patience) -> Moment {
        let read = |moment: &AtomicU64| match moment.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Moment(since)),
        };
        let stuck = read(&self.stuck).into_iter().chain(self.waiting_since()).min();
        let stuck = stuck.map(|since| since.plus(patience.write));
        let state = match read(&self.head) {
            _ if self.is_busy() => self.quiet_since().plus(patience.answer),
            Some(since) => since.plus(patience.head),
            None => self.quiet_since().plus(patience.idle),
        };
        stuck.map_or(state, |stuck| stuck.min(state))
    }
}

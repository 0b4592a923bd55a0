//! Everybody who is connected to a listener, how many they may be, and who leaves when others come.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::activity::{Activity, Moment};
use super::held::{self, MOST};
use crate::base::network::Network;
use crate::base::seldom::Seldom;

/// How often it is said that connections were closed for what they held.
const TOLD: Duration = Duration::from_secs(60);

/// How often who waits for room looks himself.
const LOOK: Duration = Duration::from_millis(100);

/// What connections are told; a later one contains those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Go on.
    #[default]
    None,
    /// Answer, and let them come back elsewhere.
    Drain,
    /// Answer what is under way, and close.
    Stop,
    /// Close, unless a request has come in the meantime.
    Leave,
    /// Close, whatever is under way.
    Go,
}

/// Who is connected. Clones share it.
#[derive(Clone)]
pub struct Crowd(Arc<Inner>);

struct Inner {
    most: usize,
    open: AtomicUsize,
    dismissed: AtomicU64,
    /// Bytes of all answers.
    held: AtomicUsize,
    /// When room was last made for them.
    relieved: AtomicU64,
    /// Told when there is room again.
    freed: Notify,
    told: Seldom,
    state: Mutex<State>,
    departure: Notify,
}

struct State {
    order: Order,
    next: u64,
    members: HashMap<u64, Arc<Seat>>,
}

/// What the crowd knows of one of its members.
pub(super) struct Seat {
    pub(super) activity: Arc<Activity>,
    pub(super) network: Network,
    crowd: Crowd,
    order: AtomicU8,
    /// Whoever serves the connection, to be woken by an order.
    pub(super) servant: AtomicWaker,
}

impl Seat {
    fn new(network: Network, crowd: Crowd, order: Order) -> Self {
        Self {
            activity: Arc::new(Activity::new()),
            network,
            crowd,
            order: AtomicU8::new(order as u8),
            servant: AtomicWaker::new(),
        }
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::None,
            1 => Order::Drain,
            2 => Order::Stop,
            3 => Order::Leave,
            _ => Order::Go,
        }
    }

    /// An answer holds so much more.
    pub(super) fn hold(&self, bytes: usize) {
        if bytes > 0 {
            self.activity.hold(bytes);
            if self.crowd.0.held.fetch_add(bytes, Ordering::Relaxed) + bytes > MOST {
                self.crowd.relieve();
            }
        }
    }

    pub(super) fn release(&self, bytes: usize) {
        if bytes > 0 {
            self.activity.release(bytes);
            let before = self.crowd.0.held.fetch_sub(bytes, Ordering::Relaxed);
            if before > MOST && before - bytes <= MOST {
                self.crowd.0.freed.notify_waiters();
            }
        }
    }

    /// Resolves when another answer may be made: at once, unless answers hold too much until those have left
    /// who were told to. Never on a connection that was, and is closed with its requests.
    pub(super) async fn room(&self) {
        loop {
            let freed = self.crowd.0.freed.notified();
            if self.order() == Order::Go {
                return std::future::pending().await;
            }
            if self.crowd.held() <= MOST {
                return;
            }
            self.crowd.relieve();
            _ = timeout(LOOK, freed).await;
        }
    }

    fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::AcqRel);
        self.servant.wake();
    }

    /// Takes back that it should leave: it has work again.
    pub(super) fn stay(&self, order: Order) {
        let leave = Order::Leave as u8;
        _ = self.order.compare_exchange(leave, order as u8, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Crowd {
    pub fn new(most: usize) -> Self {
        let state = State { order: Order::None, next: 0, members: HashMap::new() };
        Self(Arc::new(Inner {
            most,
            open: AtomicUsize::new(0),
            dismissed: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            relieved: AtomicU64::new(0),
            freed: Notify::new(),
            told: Seldom::every(TOLD),
            state: Mutex::new(state),
            departure: Notify::new(),
        }))
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How many may be.
    pub fn most(&self) -> usize {
        self.0.most
    }

    /// How many had to leave since the start, for others or for what their answers held.
    pub fn dismissed(&self) -> u64 {
        self.0.dismissed.load(Ordering::Relaxed)
    }

    /// How many requests have not been answered to the end.
    pub fn requests(&self) -> u32 {
        self.state().members.values().map(|seat| seat.activity.requests()).sum()
    }

    pub(super) fn is_full(&self) -> bool {
        self.open() >= self.0.most
    }

    pub(super) fn join(&self, from: IpAddr) -> Member {
        let mut state = self.state();
        let seat = Arc::new(Seat::new(Network::of(from), self.clone(), state.order));
        let id = state.next;
        state.next += 1;
        state.members.insert(id, seat.clone());
        self.0.open.store(state.members.len(), Ordering::Relaxed);
        Member { crowd: self.clone(), id, seat }
    }

    /// Tells everybody, those who will come too.
    pub(super) fn tell(&self, order: Order) {
        let mut state = self.state();
        state.order = state.order.max(order);
        state.members.values().for_each(|seat| seat.tell(order));
    }

    /// Asks whoever has been without a request for longest to leave, or, where nobody is, whose answers have
    /// waited for longest to be taken; whether there is anybody.
    pub(super) fn dismiss_one(&self) -> bool {
        let state = self.state();
        let staying = || state.members.values().filter(|seat| seat.order() < Order::Leave);
        let idle = staying().filter(|seat| !seat.activity.is_busy());
        let idle = idle.min_by_key(|seat| seat.activity.quiet_since());
        let stalled = || {
            let stalled = staying().filter(|seat| seat.activity.is_stalled());
            stalled.min_by_key(|seat| seat.activity.waiting_since())
        };
        let Some(seat) = idle.or_else(stalled) else { return false };
        self.0.dismissed.fetch_add(1, Ordering::Relaxed);
        seat.tell(Order::Leave);
        true
    }

    /// How many bytes the answers of all connections hold.
    pub(super) fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Closes connections until the others hold no more than they may. Here and now: a task that did it would wait
    /// behind the requests whose answers are too much.
    fn relieve(&self) {
        let now = Moment::now().number();
        // Until who has to leave has left it seems to be too much still, and this looks at everybody.
        if self.0.relieved.swap(now, Ordering::Relaxed) == now {
            return;
        }
        let state = self.state();
        let staying = state.members.values().filter(|seat| seat.order() < Order::Go);
        let leaving = held::in_excess(staying.map(|seat| (seat.network, &*seat.activity, seat)));
        leaving.iter().for_each(|seat| seat.tell(Order::Go));
        let count = u64::try_from(leaving.len()).unwrap_or(u64::MAX);
        drop(state);
        self.0.dismissed.fetch_add(count, Ordering::Relaxed);
        if let Some(closed) = self.0.told.counting(count) {
            tracing::warn!(closed, held = self.held(), "answers that nobody takes hold too much");
        }
    }

    /// Resolves when somebody has left.
    pub(super) async fn departure(&self) {
        self.0.departure.notified().await;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the crowd, until it is dropped.
pub(super) struct Member {
    crowd: Crowd,
    id: u64,
    pub(super) seat: Arc<Seat>,
}

impl Member {
    /// Takes back that it should leave: it has work again.
    pub(super) fn stay(&self) {
        self.seat.stay(self.crowd.state().order);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.crowd.state();
        state.members.remove(&self.id);
        self.crowd.0.open.store(state.members.len(), Ordering::Relaxed);
        drop(state);
        self.crowd.0.departure.notify_one();
    }
}

#[cfg(test)]
impl Crowd {
    /// Whether nobody could be asked to leave.
    pub(super) fn is_busy(&self) -> bool {
        self.state().members.values().all(|seat| seat.activity.is_busy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(crowd: &Crowd) -> Member {
        crowd.join(IpAddr::from([192, 0, 2, 1]))
    }

    #[tokio::test]
    async fn who_has_been_idle_for_longest_leaves_first_and_who_is_busy_stays() {
        let crowd = Crowd::new(3);
        let busy = join(&crowd);
        busy.seat.activity.begin(false);
        let idle = [join(&crowd), join(&crowd)];
        std::thread::sleep(std::time::Duration::from_millis(5));
        idle[0].seat.activity.begin(false);
        idle[0].seat.activity.end();
        assert!(crowd.is_full() && crowd.dismiss_one());
        let orders = || [&busy, &idle[0], &idle[1]].map(|member| member.seat.order());
        assert_eq!(orders(), [Order::None, Order::None, Order::Leave]);
        assert!(crowd.dismiss_one() && !crowd.dismiss_one());
        assert_eq!(orders(), [Order::None, Order::Leave, Order::Leave]);
        idle[0].stay();
        assert_eq!((idle[0].seat.order(), crowd.dismissed()), (Order::None, 2));
        drop(idle);
        assert_eq!((crowd.open(), crowd.is_full()), (1, false));
        crowd.departure().await;
    }

    #[test]
    fn who_comes_late_is_told_what_the_others_were() {
        let crowd = Crowd::new(3);
        crowd.tell(Order::Drain);
        let member = join(&crowd);
        assert_eq!(member.seat.order(), Order::Drain);
        crowd.tell(Order::Stop);
        assert_eq!(member.seat.order(), Order::Stop);
    }
}

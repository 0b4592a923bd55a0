//! How many requests are under way, and how many may be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limit::Network;

/// How many requests may be under way at once: worked on, and still on their way here. The two are counted
/// apart, so that bodies that come slowly keep nobody out who has sent theirs.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub working: u32,
    pub receiving: u32,
}

/// Requests a connection to the database: at 5 ms of it for each, the last waits a third of a second, and
/// nobody so long for a connection that it would be given up.
const PER_CONNECTION: u32 = 64;
/// Each may hold 1 MiB until it is read to its end.
const BODIES: u32 = 256;
/// The part of these that one network may have on their way: whoever sends slowly keeps out himself.
const PER_NETWORK: u32 = 4;

impl Room {
    /// For a server with so many connections to its database.
    pub fn by_connections(connections: u32) -> Self {
        Self { working: connections.saturating_mul(PER_CONNECTION), receiving: BODIES }
    }

    /// A part of it.
    pub fn share(self, parts: u32) -> Self {
        Self { working: (self.working / parts).max(1), receiving: (self.receiving / parts).max(1) }
    }
}

/// All requests that are under way. Clones share it.
#[derive(Clone)]
pub struct Load(Arc<Lanes>);

struct Lanes {
    common: Lane,
    /// Routes that have a lane to themselves.
    reserved: Vec<(&'static [&'static str], Lane)>,
    refused: AtomicU64,
}

struct Lane {
    room: Room,
    working: AtomicU32,
    receiving: AtomicU32,
    /// How many of those each network sends.
    senders: Mutex<HashMap<Network, u32>>,
}

impl Load {
    /// Room for all, and beside it reserves for routes (as they are matched) that must not wait for others.
    pub fn new(common: Room, reserves: &[(&'static [&'static str], Room)]) -> Self {
        let reserved = reserves.iter().map(|(routes, room)| (*routes, Lane::new(*room))).collect();
        Self(Arc::new(Lanes { common: Lane::new(common), reserved, refused: AtomicU64::new(0) }))
    }

    /// How many requests are under way.
    pub fn under_way(&self) -> u32 {
        let reserved = self.0.reserved.iter().map(|(_, lane)| lane.under_way());
        self.0.common.under_way() + reserved.sum::<u32>()
    }

    /// How many were turned away since the start.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Lets a request in, unless there is no room. `sender` is where its body comes from, if it has one.
    pub(super) fn admit(&self, route: Option<&str>, sender: Option<Network>) -> Option<Ticket> {
        let has_body = sender.is_some();
        let is_for = |routes: &[&str]| route.is_some_and(|route| routes.contains(&route));
        let place = self.0.reserved.iter().position(|(routes, _)| is_for(routes));
        let ticket = Ticket { load: self.clone(), place, sender, is_receiving: AtomicBool::new(has_body) };
        let (lane, count) = (ticket.lane(), ticket.count(has_body));
        let most = if has_body { lane.room.receiving } else { lane.room.working };
        let before = count.fetch_add(1, Ordering::Relaxed);
        let sends_few = sender.is_none_or(|network| lane.begins(network));
        // Who sends a body is let in only if somebody could work on it, too.
        if before < most
            && sends_few
            && (!has_body || lane.working.load(Ordering::Relaxed) < lane.room.working)
        {
            return Some(ticket);
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Lane {
    fn new(room: Room) -> Self {
        let (working, receiving) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { room, working, receiving, senders: Mutex::default() }
    }

    /// One more body comes from there; whether these are not too many.
    fn begins(&self, network: Network) -> bool {
        let mut senders = self.senders();
        let count = senders.entry(network).or_default();
        *count += 1;
        *count <= (self.room.receiving / PER_NETWORK).max(1)
    }

    fn ends(&self, network: Network) {
        let mut senders = self.senders();
        if let Some(count) = senders.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                senders.remove(&network);
            }
        }
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<Network, u32>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> u32 {
        self.working.load(Ordering::Relaxed) + self.receiving.load(Ordering::Relaxed)
    }
}

/// A place of one request, given back when it is dropped.
pub(super) struct Ticket {
    load: Load,
    place: Option<usize>,
    sender: Option<Network>,
    is_receiving: AtomicBool,
}

impl Ticket {
    /// The body is here: from now on the request is worked on. That is never refused, for what has been
    /// read would have been read in vain; so the bodies on their way are what it can be over the limit by.
    pub(super) fn received(&self) {
        if self.is_receiving.swap(false, Ordering::Relaxed) {
            self.count(false).fetch_add(1, Ordering::Relaxed);
            self.arrived();
        }
    }

    fn arrived(&self) {
        self.count(true).fetch_sub(1, Ordering::Relaxed);
        if let Some(network) = self.sender {
            self.lane().ends(network);
        }
    }

    fn lane(&self) -> &Lane {
        let lanes = &*self.load.0;
        self.place.and_then(|place| lanes.reserved.get(place)).map_or(&lanes.common, |(_, lane)| lane)
    }

    fn count(&self, is_receiving: bool) -> &AtomicU32 {
        if is_receiving { &self.lane().receiving } else { &self.lane().working }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.is_receiving.load(Ordering::Relaxed) {
            true => self.arrived(),
            false => _ = self.count(false).fetch_sub(1, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { working: 2, receiving: 1 };

    const HOME: Network = Network::V4(1);

    fn load() -> Load {
        Load::new(ROOM, &[(&["/probe", "/other-probe"], Room { working: 1, receiving: 0 })])
    }

    #[test]
    fn room_is_given_back_and_who_found_none_is_counted() {
        let load = load();
        let held = [load.admit(None, None), load.admit(Some("/notes"), None)];
        assert!(held.iter().all(Option::is_some) && load.admit(None, None).is_none());
        assert_eq!((load.under_way(), load.refused()), (2, 1));
        drop(held);
        assert!(load.under_way() == 0 && load.admit(None, None).is_some());
    }

    #[test]
    fn a_reserve_is_there_when_the_room_is_full_and_is_bounded_too() {
        let load = load();
        let _held = [load.admit(None, None), load.admit(None, None)];
        let probe = load.admit(Some("/probe"), None);
        assert!(probe.is_some() && load.admit(Some("/other-probe"), None).is_none());
        assert_eq!(load.under_way(), 3);
    }

    #[test]
    fn a_body_on_its_way_keeps_nobody_out_but_bodies() {
        let load = load();
        let slow = load.admit(None, Some(HOME)).unwrap();
        assert!(load.admit(None, Some(HOME)).is_none());
        let others = [load.admit(None, None), load.admit(None, None)];
        assert!(others.iter().all(Option::is_some));
        slow.received();
        slow.received();
        assert_eq!(load.under_way(), 3);
        assert!(load.admit(None, Some(HOME)).is_none(), "nobody could work on it");
        drop(others);
        assert!(load.admit(None, Some(HOME)).is_some());
    }

    #[test]
    fn who_sends_many_bodies_slowly_keeps_out_nobody_but_himself() {
        let load = Load::new(Room { working: 100, receiving: 8 }, &[]);
        let slow = [load.admit(None, Some(HOME)), load.admit(None, Some(HOME))];
        assert!(slow.iter().all(Option::is_some) && load.admit(None, Some(HOME)).is_none());
        let other = load.admit(None, Some(Network::V4(2)));
        assert!(other.is_some());
        drop(slow);
        let again = load.admit(None, Some(HOME)).unwrap();
        again.received();
        drop((again, other));
        assert!(load.0.common.senders().is_empty());
    }
}

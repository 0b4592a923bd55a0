//! How many requests are under way, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

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

    /// Lets a request in, unless there is no room.
    pub(super) fn admit(&self, route: Option<&str>, has_body: bool) -> Option<Ticket> {
        let is_for = |routes: &[&str]| route.is_some_and(|route| routes.contains(&route));
        let place = self.0.reserved.iter().position(|(routes, _)| is_for(routes));
        let ticket = Ticket { load: self.clone(), place, is_receiving: AtomicBool::new(has_body) };
        let (lane, count) = (ticket.lane(), ticket.count(has_body));
        let most = if has_body { lane.room.receiving } else { lane.room.working };
        let before = count.fetch_add(1, Ordering::Relaxed);
        // Who sends a body is let in only if somebody could work on it, too.
        if before < most && (!has_body || lane.working.load(Ordering::Relaxed) < lane.room.working) {
            return Some(ticket);
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Lane {
    fn new(room: Room) -> Self {
        Self { room, working: AtomicU32::new(0), receiving: AtomicU32::new(0) }
    }

    fn under_way(&self) -> u32 {
        self.working.load(Ordering::Relaxed) + self.receiving.load(Ordering::Relaxed)
    }
}

/// A place of one request, given back when it is dropped.
pub(super) struct Ticket {
    load: Load,
    place: Option<usize>,
    is_receiving: AtomicBool,
}

impl Ticket {
    /// The body is here: from now on the request is worked on. That is never refused, for what has been
    /// read would have been read in vain; so the bodies on their way are what it can be over the limit by.
    pub(super) fn received(&self) {
        if self.is_receiving.swap(false, Ordering::Relaxed) {
            self.count(false).fetch_add(1, Ordering::Relaxed);
            self.count(true).fetch_sub(1, Ordering::Relaxed);
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
        self.count(self.is_receiving.load(Ordering::Relaxed)).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { working: 2, receiving: 1 };

    fn load() -> Load {
        Load::new(ROOM, &[(&["/probe", "/other-probe"], Room { working: 1, receiving: 0 })])
    }

    #[test]
    fn room_is_given_back_and_who_found_none_is_counted() {
        let load = load();
        let held = [load.admit(None, false), load.admit(Some("/notes"), false)];
        assert!(held.iter().all(Option::is_some) && load.admit(None, false).is_none());
        assert_eq!((load.under_way(), load.refused()), (2, 1));
        drop(held);
        assert!(load.under_way() == 0 && load.admit(None, false).is_some());
    }

    #[test]
    fn a_reserve_is_there_when_the_room_is_full_and_is_bounded_too() {
        let load = load();
        let _held = [load.admit(None, false), load.admit(None, false)];
        let probe = load.admit(Some("/probe"), false);
        assert!(probe.is_some() && load.admit(Some("/other-probe"), false).is_none());
        assert_eq!(load.under_way(), 3);
    }

    #[test]
    fn a_body_on_its_way_keeps_nobody_out_but_bodies() {
        let load = load();
        let slow = load.admit(None, true).unwrap();
        assert!(load.admit(None, true).is_none());
        let others = [load.admit(None, false), load.admit(None, false)];
        assert!(others.iter().all(Option::is_some));
        slow.received();
        slow.received();
        assert_eq!(load.under_way(), 3);
        assert!(load.admit(None, true).is_none(), "nobody could work on it");
        drop(others);
        assert!(load.admit(None, true).is_some());
    }
}

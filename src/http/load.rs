//! How many requests are under way, and how many may be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::network::Network;

/// How many requests may be under way at once: worked on, still on their way here, and answered piece by
/// piece. They are counted apart, so that whoever sends or takes slowly keeps out only those who do the same.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub working: u32,
    pub receiving: u32,
    pub sending: u32,
}

/// Requests a connection to the database: at 5 ms of it for each, the last waits a third of a second, and
/// nobody so long for a connection that it would be given up.
const PER_CONNECTION: u32 = 64;
/// Each may hold 1 MiB until it is read to its end.
const BODIES: u32 = 256;
/// Answers that are written while they are sent. Each holds a page of rows.
const STREAMS: u32 = 64;
/// The part of the bodies and streams that one network may have: whoever is slow keeps out himself.
const PER_NETWORK: u32 = 4;

impl Room {
    /// For a server with so many connections to its database.
    pub fn by_connections(connections: u32) -> Self {
        Self { working: connections.saturating_mul(PER_CONNECTION), receiving: BODIES, sending: STREAMS }
    }

    /// A part of it.
    pub fn share(self, parts: u32) -> Self {
        let part = |places: u32| (places / parts).max(1);
        Self { working: part(self.working), receiving: part(self.receiving), sending: part(self.sending) }
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
    most_at_work: u32,
    at_work: AtomicU32,
    receiving: Places,
    sending: Places,
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
    pub(super) fn admit(&self, route: Option<&str>, from: Network, has_body: bool) -> Option<Ticket> {
        let is_for = |routes: &[&str]| route.is_some_and(|route| routes.contains(&route));
        let lane = self.0.reserved.iter().position(|(routes, _)| is_for(routes));
        let stage = self.lane(lane).enter(from, has_body);
        let ticket = stage.map(|stage| Ticket { load: self.clone(), lane, from, stage: Mutex::new(stage) });
        self.count_refusal(ticket.is_none());
        ticket
    }

    fn lane(&self, reserve: Option<usize>) -> &Lane {
        reserve.and_then(|place| self.0.reserved.get(place)).map_or(&self.0.common, |(_, lane)| lane)
    }

    fn count_refusal(&self, is_refused: bool) {
        self.0.refused.fetch_add(is_refused.into(), Ordering::Relaxed);
    }
}

impl Lane {
    fn new(room: Room) -> Self {
        Self {
            most_at_work: room.working,
            at_work: AtomicU32::new(0),
            receiving: Places::new(room.receiving),
            sending: Places::new(room.sending),
        }
    }

    fn enter(&self, from: Network, has_body: bool) -> Option<Stage> {
        if has_body {
            // Who sends a body is let in only if somebody could work on it, too.
            let has_room = self.at_work.load(Ordering::Relaxed) < self.most_at_work;
            return (has_room && self.receiving.take(from)).then_some(Stage::Receiving);
        }
        let has_room = self.at_work.fetch_add(1, Ordering::Relaxed) < self.most_at_work;
        if !has_room {
            self.at_work.fetch_sub(1, Ordering::Relaxed);
        }
        has_room.then_some(Stage::Working)
    }

    fn leave(&self, stage: Stage, from: Network) {
        match stage {
            Stage::Receiving => self.receiving.give_back(from),
            Stage::Working => _ = self.at_work.fetch_sub(1, Ordering::Relaxed),
            Stage::Sending => self.sending.give_back(from),
            Stage::Refused => {}
        }
    }

    fn under_way(&self) -> u32 {
        self.at_work.load(Ordering::Relaxed) + self.receiving.taken() + self.sending.taken()
    }
}

/// Places of which one network gets a part.
struct Places {
    most: u32,
    holders: Mutex<HashMap<Network, u32>>,
}

impl Places {
    fn new(most: u32) -> Self {
        Self { most, holders: Mutex::default() }
    }

    fn take(&self, network: Network) -> bool {
        let mut holders = self.holders();
        let has_room = holders.values().sum::<u32>() < self.most;
        let held = holders.get(&network).copied().unwrap_or_default();
        let is_given = has_room && held < (self.most / PER_NETWORK).max(1);
        if is_given {
            holders.insert(network, held + 1);
        }
        is_given
    }

    fn give_back(&self, network: Network) {
        if let Entry::Occupied(mut held) = self.holders().entry(network) {
            match held.get() {
                0 | 1 => _ = held.remove(),
                _ => *held.get_mut() -= 1,
            }
        }
    }

    fn taken(&self) -> u32 {
        self.holders().values().sum()
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<Network, u32>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Its body is on its way.
    Receiving,
    Working,
    /// Its answer is written while it is sent.
    Sending,
    /// It was worked on, but its answer will not be sent.
    Refused,
}

/// A place of one request, given back when it is dropped.
pub(super) struct Ticket {
    load: Load,
    lane: Option<usize>,
    from: Network,
    stage: Mutex<Stage>,
}

impl Ticket {
    /// The body is here: from now on the request is worked on. That is never refused, for what has been
    /// read would have been read in vain; so the bodies on their way are what it can be over the limit by.
    pub(super) fn received(&self) {
        let (lane, mut stage) = (self.load.lane(self.lane), self.stage());
        if *stage == Stage::Receiving {
            lane.at_work.fetch_add(1, Ordering::Relaxed);
            lane.leave(std::mem::replace(&mut *stage, Stage::Working), self.from);
        }
    }

    /// The answer goes on beyond its beginning, for as long as its reader takes: unless too many do, it no
    /// longer counts as work.
    pub(super) fn sends(&self) -> bool {
        let (lane, mut stage) = (self.load.lane(self.lane), self.stage());
        let is_given = lane.sending.take(self.from);
        let next = if is_given { Stage::Sending } else { Stage::Refused };
        lane.leave(std::mem::replace(&mut *stage, next), self.from);
        self.load.count_refusal(!is_given);
        is_given
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.load.lane(self.lane).leave(*self.stage(), self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { working: 2, receiving: 1, sending: 1 };
    const HOME: Network = Network::V4(1);
    const ELSEWHERE: Network = Network::V4(2);

    fn load() -> Load {
        let reserve = Room { working: 1, receiving: 0, sending: 0 };
        Load::new(ROOM, &[(&["/probe", "/other-probe"], reserve)])
    }

    fn read(load: &Load, route: &str) -> Option<Ticket> {
        load.admit(Some(route), HOME, false)
    }

    #[test]
    fn room_is_given_back_and_who_found_none_is_counted() {
        let load = load();
        let held = [read(&load, "/"), read(&load, "/notes")];
        assert!(held.iter().all(Option::is_some) && read(&load, "/").is_none());
        assert_eq!((load.under_way(), load.refused()), (2, 1));
        drop(held);
        assert!(load.under_way() == 0 && read(&load, "/").is_some());
    }

    #[test]
    fn a_reserve_is_there_when_the_room_is_full_and_is_bounded_too() {
        let load = load();
        let _held = [read(&load, "/"), read(&load, "/")];
        let probe = read(&load, "/probe");
        assert!(probe.is_some() && read(&load, "/other-probe").is_none());
        assert_eq!(load.under_way(), 3);
    }

    #[test]
    fn a_body_on_its_way_keeps_nobody_out_but_bodies() {
        let load = load();
        let slow = load.admit(None, HOME, true).unwrap();
        assert!(load.admit(None, HOME, true).is_none());
        let others = [read(&load, "/"), read(&load, "/")];
        assert!(others.iter().all(Option::is_some));
        slow.received();
        slow.received();
        assert_eq!(load.under_way(), 3);
        assert!(load.admit(None, HOME, true).is_none(), "nobody could work on it");
        drop(others);
        assert!(load.admit(None, HOME, true).is_some());
    }

    #[test]
    fn who_sends_many_bodies_slowly_keeps_out_nobody_but_himself() {
        let load = Load::new(Room { working: 100, receiving: 8, sending: 0 }, &[]);
        let slow = [load.admit(None, HOME, true), load.admit(None, HOME, true)];
        assert!(slow.iter().all(Option::is_some) && load.admit(None, HOME, true).is_none());
        let other = load.admit(None, ELSEWHERE, true);
        assert!(other.is_some());
        drop(slow);
        let again = load.admit(None, HOME, true).unwrap();
        again.received();
        drop((again, other));
        assert!(load.0.common.receiving.holders().is_empty());
    }

    #[test]
    fn who_takes_answers_slowly_keeps_nobody_out_but_those_who_want_such_answers() {
        let load = Load::new(Room { sending: 4, ..ROOM }, &[]);
        let slow = read(&load, "/export").unwrap();
        assert!(slow.sends());
        let second = read(&load, "/export").unwrap();
        assert!(!second.sends(), "one network gets a part");
        let others = [read(&load, "/"), read(&load, "/")];
        assert!(others.iter().all(Option::is_some), "neither is work any more");
        assert_eq!((load.under_way(), load.refused()), (3, 1));
        drop(others);
        assert!(load.admit(None, ELSEWHERE, false).unwrap().sends());
        drop((slow, second));
        assert_eq!(load.under_way(), 0);
    }
}

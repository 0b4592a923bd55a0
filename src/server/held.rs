//! What answers hold until they are taken: how much it is on one listener, and who leaves when it is too much.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::activity::Moment;
use super::crowd::Seat;

/// Bytes of all answers that wait on a listener.
pub(super) const MOST: usize = 64 << 20;
/// What an answer takes beside its body: its stream, its header and its task, some 3 KiB.
pub(super) const BESIDE: usize = 4 << 10;

/// A network's connections that hold something, the one that has waited for longest at the end.
#[derive(Default)]
struct Share<'a> {
    held: usize,
    seats: Vec<(Moment, usize, &'a Arc<Seat>)>,
}

/// Who has to leave so that what the others hold is within bounds. It is always the network that holds most
/// which has to give, and of its connections the one from which nothing was taken for longest: whoever takes
/// answers slowly makes way for none of those who take none, unless his network holds more than theirs.
pub(super) fn in_excess<'a>(seats: impl Iterator<Item = &'a Arc<Seat>>) -> Vec<&'a Arc<Seat>> {
    let (now, mut shares) = (Moment::now(), HashMap::<_, Share<'_>>::new());
    for seat in seats {
        let held = seat.activity.held();
        if held > 0 {
            let share = shares.entry(seat.network).or_default();
            share.held += held;
            share.seats.push((seat.activity.waiting_since().unwrap_or(now), held, seat));
        }
    }
    let mut shares: Vec<_> = shares.into_values().collect();
    let all: usize = shares.iter().map(|share| share.held).sum();
    let mut excess = all.saturating_sub(MOST);
    for share in &mut shares {
        share.seats.sort_unstable_by_key(|(since, ..)| std::cmp::Reverse(*since));
    }
    let mut by_size: BinaryHeap<_> =
        shares.iter().enumerate().map(|(place, share)| (share.held, place)).collect();
    let mut leaving = Vec::new();
    while excess > 0 {
        let Some((left, place)) = by_size.pop() else { break };
        let Some((_, held, seat)) = shares.get_mut(place).and_then(|share| share.seats.pop()) else { break };
        leaving.push(seat);
        excess = excess.saturating_sub(held);
        by_size.push((left.saturating_sub(held), place));
    }
    leaving
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::server::crowd::{Crowd, Member};

    const PIECE: usize = MOST / 8;

    fn member(crowd: &Crowd, network: u8, pieces: usize) -> Member {
        let member = crowd.join(IpAddr::from([192, 0, 2, network]));
        member.seat.hold(pieces * PIECE);
        member
    }

    fn leaving(members: &[Member]) -> Vec<usize> {
        let leaving = in_excess(members.iter().map(|member| &member.seat));
        let place = |seat: &Arc<Seat>| members.iter().position(|member| Arc::ptr_eq(&member.seat, seat));
        leaving.into_iter().filter_map(place).collect()
    }

    /// So that the clock has gone on.
    fn pause() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }

    #[test]
    fn the_network_that_holds_most_gives_and_first_from_where_nothing_was_taken_for_longest() {
        let crowd = Crowd::new(9);
        let mut members = vec![member(&crowd, 1, 3), member(&crowd, 2, 2), member(&crowd, 2, 2)];
        members[0].seat.activity.hands_over(0);
        pause();
        members[2].seat.activity.hands_over(0);
        pause();
        members[1].seat.activity.hands_over(0);
        assert_eq!(leaving(&members), [0; 0], "there is room");
        members.push(member(&crowd, 3, 1));
        assert_eq!(leaving(&members), [0; 0], "it is just full");
        members.extend([member(&crowd, 4, 2), member(&crowd, 5, 1)]);
        assert_eq!(leaving(&members), [2, 0], "of the second network, and then of what is the largest");
        pause();
        members[2].seat.activity.taken(0);
        assert_eq!(leaving(&members), [1, 0]);
        members.truncate(1);
        assert_eq!(leaving(&members), [0; 0]);
        members[0].seat.hold(MOST);
        assert_eq!(leaving(&members), [0]);
    }
}

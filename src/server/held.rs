//! What answers hold until they are taken: how much it is on one listener, and who leaves when it is too much.

use std::collections::{BinaryHeap, HashMap};

use super::activity::{Activity, Moment};
use crate::base::network::Network;

/// Bytes of all answers that wait on a listener.
pub(super) const MOST: usize = 64 << 20;
/// What an answer takes beside its body: its stream, its header and its task, some 3 KiB.
pub(super) const BESIDE: usize = 4 << 10;

/// A network's connections that hold something, the one that has waited for longest at the end.
struct Share<T> {
    held: usize,
    seats: Vec<(Moment, usize, T)>,
}

/// Who has to leave so that what the others hold is within bounds. It is always the network that holds most
/// which has to give, and of its connections the one from which nothing was taken for longest: whoever takes
/// answers slowly makes way for none of those who take none, unless his network holds more than theirs.
pub(super) fn in_excess<'a, T>(seats: impl Iterator<Item = (Network, &'a Activity, T)>) -> Vec<T> {
    let (now, mut shares) = (Moment::now(), HashMap::new());
    for (network, activity, seat) in seats {
        let held = activity.held();
        if held > 0 {
            let share = shares.entry(network).or_insert_with(|| Share { held: 0, seats: Vec::new() });
            share.held += held;
            share.seats.push((activity.waiting_since().unwrap_or(now), held, seat));
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
    use super::*;

    const PIECE: usize = MOST / 8;

    fn member(network: u32, pieces: usize) -> (Network, Activity) {
        let activity = Activity::new();
        activity.hold(pieces * PIECE);
        (Network::V4(network), activity)
    }

    fn leaving(members: &[(Network, Activity)]) -> Vec<usize> {
        in_excess(members.iter().enumerate().map(|(place, (network, activity))| (*network, activity, place)))
    }

    /// So that the clock has gone on.
    fn pause() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }

    #[test]
    fn the_network_that_holds_most_gives_and_first_from_where_nothing_was_taken_for_longest() {
        let mut members = vec![member(1, 3), member(2, 2), member(2, 2)];
        members[0].1.hands_over(0);
        pause();
        members[2].1.hands_over(0);
        pause();
        members[1].1.hands_over(0);
        assert_eq!(leaving(&members), [0; 0], "there is room");
        members.push(member(3, 1));
        assert_eq!(leaving(&members), [0; 0], "it is just full");
        members.extend([member(4, 2), member(5, 1)]);
        assert_eq!(leaving(&members), [2, 0], "of the second network, and then of what is the largest");
        pause();
        members[2].1.taken(0);
        assert_eq!(leaving(&members), [1, 0]);
        members.truncate(1);
        assert_eq!(leaving(&members), [0; 0]);
        members[0].1.hold(MOST);
        assert_eq!(leaving(&members), [0]);
    }
}

//! What a caller's systems say to each other by way of ours (`tracestate`). It is passed on, and kept with each
//! recorded span, so a stranger must not make it long.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};

/// So many characters should be passed on at least (W3C Trace Context §3.3.1.5), and no more are.
const MOST: usize = 512;

/// Entries beyond this go first.
const LONG: usize = 128;

/// The same, without the entries that are too much: first those that are long, then the last.
pub fn bounded(caller: Context) -> Context {
    let parent = caller.span().span_context().clone();
    let state = parent.trace_state();
    if length(state) <= MOST {
        return caller;
    }
    let mut left = MOST + 1;
    let short = state.into_iter().filter(|entry| length_of(entry) <= LONG);
    let kept = short.take_while(|entry| {
        let room = left.checked_sub(length_of(entry) + 1);
        left = room.unwrap_or_default();
        room.is_some()
    });
    let state = TraceState::from_key_value(kept).unwrap_or_default();
    let (trace, span, flags) = (parent.trace_id(), parent.span_id(), parent.trace_flags());
    caller.with_remote_span_context(SpanContext::new(trace, span, flags, parent.is_remote(), state))
}

fn length(state: &TraceState) -> usize {
    state.into_iter().map(|entry| length_of(&entry) + 1).sum::<usize>().saturating_sub(1)
}

fn length_of((key, value): &(&str, &str)) -> usize {
    key.len() + 1 + value.len()
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

    use super::*;

    /// What is left of these entries.
    fn left(entries: &[(String, String)]) -> String {
        let state = TraceState::from_key_value(entries.to_vec()).unwrap();
        let (trace, span) = (TraceId::from(7), SpanId::from(8));
        let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state);
        let caller = bounded(Context::new().with_remote_span_context(parent));
        let parent = caller.span().span_context().clone();
        assert_eq!((parent.trace_id(), parent.span_id()), (trace, span));
        assert!(parent.is_sampled() && parent.is_remote());
        parent.trace_state().header()
    }

    fn entry(key: &str, length: usize) -> (String, String) {
        (key.to_owned(), "x".repeat(length - key.len() - 1))
    }

    #[test]
    fn what_is_short_enough_is_left_alone() {
        // Four entries and three commas.
        let entries = [entry("a", 200), entry("b", 200), entry("c", 100), entry("d", 9)];
        assert_eq!(left(&entries).len(), MOST);
        assert_eq!(left(&[]), "");
    }

    #[test]
    fn long_entries_go_first_and_then_the_last() {
        let entries =
            [entry("a", 100), entry("long", 129), entry("b", 128), entry("c", 128), entry("d", 128)];
        let short = [&entries[0], &entries[2], &entries[3], &entries[4]];
        assert_eq!(left(&entries), short.map(told).join(","));
        let many: Vec<_> = (0..32).map(|number| entry(&format!("k{number}"), 30)).collect();
        assert_eq!(left(&many), many[..16].iter().map(told).collect::<Vec<_>>().join(","));
        assert!(left(&many).len() <= MOST);
        assert_eq!(left(&[entry("a", 250), entry("b", 250), entry("c", 250)]), "");
    }

    fn told((key, value): &(String, String)) -> String {
        format!("{key}={value}")
    }
}

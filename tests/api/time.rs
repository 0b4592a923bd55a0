//! What time it is: that of the database.

use std::time::{Duration, Instant};

use stead::app::{self, Nature};
use stead::base::clock::{Clock, Timestamp};
use stead::base::random::Random;
use stead::db::{Change, Driver};
use stead::tasks::lease::{HolderId, Lease};
use stead::telemetry::metrics::Exposition;

use crate::harness::{App, Stage, behaviour};

const MINUTE: Duration = Duration::from_secs(60);

/// A clock that goes by another, which stopped long ago.
fn behind(clock: &Clock) {
    let long_ago: Timestamp = "2001-01-31T12:00:00Z".parse().unwrap();
    clock.follow(long_ago, Instant::now());
}

/// Whether it goes by a clock that shows what this machine's shows: the database is here, too.
fn is_right(clock: &Clock) -> bool {
    clock.machine_ahead().is_some_and(|ahead| ahead.abs() < 60.0)
}

behaviour! {
    async fn a_server_goes_by_the_time_of_its_database_from_the_start_and_at_every_look(stage: Stage) {
        let clock = Clock::system();
        behind(&clock);
        assert!(!is_right(&clock));
        let nature = Nature { clock: clock.clone(), random: Random::seeded(7) };
        let app = app::build(stage.config(), nature).await.unwrap();
        assert!(is_right(&clock), "{:?}", clock.machine_ahead());
        // With nothing in the feed, with something new, and with nothing new.
        for (announced, heard) in [(false, 0), (true, 1), (false, 0)] {
            if announced {
                // Committed by another, so that it is news.
                let mut tx = stage.start().await.state.db.write().await.unwrap();
                tx.announce(Change::Everything);
                tx.commit().await.unwrap();
            }
            behind(&clock);
            assert!(!is_right(&clock));
            let mut db = app.state.db.follow().await.unwrap();
            let changes = app.state.db.feed().poll(&mut db).await.unwrap();
            assert_eq!(changes.len(), heard);
            assert!(is_right(&clock), "{:?}", clock.machine_ahead());
        }
        let is_another = app.state.db.driver() == Driver::Postgres;
        assert_eq!(app.state.db.machine_ahead().is_some(), is_another, "SQLite's time is the machine's");
        let figures = app.state.metrics.scrape(Exposition::Text).unwrap();
        assert_eq!(figures.contains("\nclock_offset_seconds "), is_another, "{figures}");
    }

    async fn a_lease_that_a_clock_took_far_ahead_of_time_binds_nobody(app: App) {
        let (state, now) = (&app.state, app.state.clock.now());
        let [one, other] = [(); 2].map(|()| HolderId::fresh(&state.clock, &state.random));
        let take = |holder, now| Lease::take(&state.db, "test", holder, now, MINUTE);
        let early = take(one, now.plus(60 * MINUTE)).await.unwrap().unwrap();
        let taken = take(other, now).await.unwrap().unwrap();
        assert!(take(one, now).await.unwrap().is_none(), "it is held");
        // Somewhat ahead is no reason to take it away.
        assert!(take(one, now.minus(MINUTE)).await.unwrap().is_none());
        let mut tx = state.db.write().await.unwrap();
        assert!(!early.renew(&mut tx, now, MINUTE).await.unwrap());
        assert!(taken.renew(&mut tx, now, MINUTE).await.unwrap());
        tx.commit().await.unwrap();
    }
}

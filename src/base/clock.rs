//! The time, injected: nothing else in the house asks the machine what time it is.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reckoning::{Look, Reckoning};

/// A moment in UTC with microsecond precision, the finest both databases keep.
///
/// On the wire it is RFC 3339: any offset is read, `Z` is written. In SQLite it is text of fixed
/// width, so that text order is time order; in PostgreSQL it is `timestamptz`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    pub const EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Microseconds since 1970; `None` outside the years that chrono can hold.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Whole seconds since 1970, as JWT's NumericDate has them (RFC 7519 §2).
    pub fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Time passed since `earlier`; zero if `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// The moment `duration` later, or the same moment where that would overflow the calendar.
    pub fn plus(self, duration: Duration) -> Self {
        chrono::Duration::from_std(duration)
            .ok()
            .and_then(|d| self.0.checked_add_signed(d))
            .map_or(self, Self)
    }

    /// The moment `duration` earlier, or the same moment where that would overflow the calendar.
    pub fn minus(self, duration: Duration) -> Self {
        chrono::Duration::from_std(duration)
            .ok()
            .and_then(|d| self.0.checked_sub_signed(d))
            .map_or(self, Self)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an RFC 3339 time within the years 0001 to 9999.
#[derive(Debug, thiserror::Error)]
#[error("not an RFC 3339 time")]
pub struct InvalidTimestamp;

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?.to_utc();
        // Fixed-width text sorts as time only within four-digit years.
        let years = Self::from_micros(-62_135_596_800_000_000)..Self::from_micros(253_402_300_800_000_000);
        Some(Self::from(at)).filter(|t| years.contains(&Some(*t))).ok_or(InvalidTimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

mod codec {
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

    use super::{DateTime, Timestamp, Utc};

    impl Type<Sqlite> for Timestamp {
        fn type_info() -> <Sqlite as sqlx::Database>::TypeInfo {
            <String as Type<Sqlite>>::type_info()
        }
        fn compatible(ty: &<Sqlite as sqlx::Database>::TypeInfo) -> bool {
            <String as Type<Sqlite>>::compatible(ty)
        }
    }

    impl<'q> Encode<'q, Sqlite> for Timestamp {
        fn encode_by_ref(
            &self,
            buf: &mut <Sqlite as sqlx::Database>::ArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            <String as Encode<'q, Sqlite>>::encode(self.to_string(), buf)
        }
    }

    impl<'r> Decode<'r, Sqlite> for Timestamp {
        fn decode(value: <Sqlite as sqlx::Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
            Ok(<&str as Decode<'r, Sqlite>>::decode(value)?.parse()?)
        }
    }

    impl Type<Postgres> for Timestamp {
        fn type_info() -> <Postgres as sqlx::Database>::TypeInfo {
            <DateTime<Utc> as Type<Postgres>>::type_info()
        }
        fn compatible(ty: &<Postgres as sqlx::Database>::TypeInfo) -> bool {
            <DateTime<Utc> as Type<Postgres>>::compatible(ty)
        }
    }

    impl<'q> Encode<'q, Postgres> for Timestamp {
        fn encode_by_ref(
            &self,
            buf: &mut <Postgres as sqlx::Database>::ArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            <DateTime<Utc> as Encode<'q, Postgres>>::encode_by_ref(&self.0, buf)
        }
    }

    impl<'r> Decode<'r, Postgres> for Timestamp {
        fn decode(value: <Postgres as sqlx::Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
            <DateTime<Utc> as Decode<'r, Postgres>>::decode(value).map(Self::from)
        }
    }
}

/// Where the time comes from: the machine, a database that several machines share, or a test's hand.
/// Clones share it.
#[derive(Clone, Default)]
pub struct Clock(Arc<Mutex<Hands>>);

#[derive(Clone, Copy, Default)]
enum Hands {
    /// Nobody's clock was looked at yet.
    #[default]
    Machine,
    Reckoned(Reckoning),
    Manual(Timestamp),
}

impl Clock {
    /// The machine's clock, until another is looked at.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Hands::Manual(start))))
    }

    /// From the first look at a clock on ([`Clock::follow`]), this never goes back.
    pub fn now(&self) -> Timestamp {
        match &*self.hands() {
            Hands::Manual(at) => *at,
            Hands::Reckoned(reckoning) => at(reckoning.tells(Instant::now())),
            Hands::Machine => machine(),
        }
    }

    /// Tells the time of a clock that showed `shown` between then and now. A manual clock follows none.
    pub fn follow(&self, shown: Timestamp, asked: Instant) {
        let mut hands = self.hands();
        let now = Instant::now();
        let look = Look::between(asked, now, shown.micros());
        match &mut *hands {
            Hands::Manual(_) => {}
            Hands::Machine => *hands = Hands::Reckoned(Reckoning::first(look, now)),
            Hands::Reckoned(reckoning) => *reckoning = reckoning.corrected(look, now),
        }
    }

    /// Tells the machine's time as of now.
    pub fn follow_machine(&self) {
        self.follow(machine(), Instant::now());
    }

    /// By how many seconds the machine's clock is ahead of the one that is followed.
    pub fn machine_ahead(&self) -> Option<f64> {
        let Hands::Reckoned(reckoning) = *self.hands() else { return None };
        let ahead = machine().micros().saturating_sub(reckoning.shows(Instant::now()));
        Some(ahead as f64 / 1e6)
    }

    /// Time since some moment, the same for every clone; it never goes back, though the hands of the
    /// machine's clock may be moved.
    pub fn steady(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &*self.hands() {
            Hands::Manual(at) => at.since(Timestamp::EPOCH),
            Hands::Machine | Hands::Reckoned(_) => START.elapsed(),
        }
    }

    /// Moves a manual clock forward, for every holder of it; others stay as they are.
    pub fn advance(&self, by: Duration) {
        if let Hands::Manual(at) = &mut *self.hands() {
            *at = at.plus(by);
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
fn machine() -> Timestamp {
    Timestamp::from(Utc::now())
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
}

/// A duration in milliseconds, as logs and traces have it.
pub fn millis(time: Duration) -> f64 {
    // To the microsecond: what is beyond it is noise.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_read_and_utc_is_written_with_six_decimals() {
        let at: Timestamp = "2026-11-23T07:00:00.1234567+02:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-23T05:00:00.123456Z");
    }

    #[test]
    fn text_order_is_time_order_across_the_epoch() {
        let times = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.9Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ];
        let texts: Vec<_> = times.iter().map(|t| t.parse::<Timestamp>().unwrap().to_string()).collect();
        assert!(texts.is_sorted());
    }

    #[test]
    fn a_year_that_would_break_text_order_is_refused() {
        assert!("+10000-01-01T00:00:00Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_manual_clock_moves_for_every_holder() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let other = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(other.now().seconds(), 90);
        other.follow("2026-11-23T07:00:00Z".parse().unwrap(), Instant::now());
        assert_eq!((clock.now().seconds(), clock.machine_ahead()), (90, None), "it follows no other");
    }

    #[test]
    fn a_clock_that_follows_another_tells_its_time_and_how_far_the_machine_is_off() {
        let clock = Clock::system();
        let other = clock.clone();
        let hour = Duration::from_secs(3600);
        clock.follow(machine().minus(hour), Instant::now());
        let ahead = other.machine_ahead().unwrap();
        assert!((3599.0..3601.0).contains(&ahead), "{ahead}");
        assert!(machine().since(other.now()) > hour / 2);
        // Set back, it goes on from where it is.
        let before = clock.now();
        clock.follow(machine().minus(2 * hour), Instant::now());
        assert!(other.now() >= before && other.now().since(before) < hour / 2);
    }
}

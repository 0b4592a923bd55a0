//! The time as lines of the log have it.

use crate::base::clock::{Clock, Timestamp};

/// A time in RFC 3339, in UTC and to the microsecond. All but the fraction is spelt once a second.
#[derive(Default)]
pub(super) struct Spelling {
    clock: Clock,
    second: i64,
    text: String,
}

/// Where the fraction stands in `2030-01-02T03:04:05.678901Z`, and how long that is.
const FRACTION: std::ops::Range<usize> = 20..26;
const LENGTH: usize = 27;

impl Spelling {
    pub fn now(&mut self) -> &str {
        self.spell(self.clock.now())
    }

    fn spell(&mut self, time: Timestamp) -> &str {
        if self.second == time.seconds() && self.text.len() == LENGTH {
            self.text.replace_range(FRACTION, &format!("{:06}", time.micros().rem_euclid(1_000_000)));
        } else {
            self.second = time.seconds();
            self.text = time.to_string();
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spelt_alike_within_a_second_and_beyond_it() {
        let mut spelling = Spelling::default();
        for micros in [0, 1, 999_999, 1_000_000, 1_000_042, 1_893_553_445_678_901, 1_893_553_445_000_001, -1]
        {
            let time = Timestamp::from_micros(micros).unwrap();
            assert_eq!(spelling.spell(time), time.to_string());
        }
    }
}

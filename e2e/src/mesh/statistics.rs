//! Figures about what was measured.

use serde::Serialize;

/// How something that was measured many times is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How often it was measured.
    pub count: usize,
    /// Half of the values are not above it.
    pub p50: u64,
    /// 99 of 100 values are not above it; with fewer values than 100, the largest.
    pub p99: u64,
    /// The largest value.
    pub max: u64,
}

impl Spread {
    /// That of some values; none of no values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        Some(Self {
            count: values.len(),
            p50: percentile(&values, 50)?,
            p99: percentile(&values, 99)?,
            max: *values.last()?,
        })
    }
}

/// By the nearest rank: the smallest value that so many of a hundred are not above.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    sorted.get(rank.max(1).saturating_sub(1)).copied()
}

/// How many a second there were, and for how long there was none, in milliseconds, of things that
/// happened at these times: milliseconds since any moment, in any order.
#[must_use]
pub fn pace(times_ms: impl IntoIterator<Item = u64>) -> (u64, u64) {
    let mut times: Vec<u64> = times_ms.into_iter().collect();
    times.sort_unstable();
    let gaps = times.iter().zip(times.iter().skip(1));
    let longest = gaps.map(|(earlier, later)| later.saturating_sub(*earlier));
    let span = match (times.first(), times.last()) {
        (Some(first), Some(last)) => last.saturating_sub(*first),
        (_, _) => 0,
    };
    let count = u64::try_from(times.len()).unwrap_or(u64::MAX);
    let rate = count
        .saturating_sub(1)
        .saturating_mul(1000)
        .checked_div(span);
    (rate.unwrap_or_default(), longest.max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Spread, pace};

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(pace([]), (0, 0));
        assert_eq!(pace([5]), (0, 0));
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=100).rev()).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.max), (50, 99, 100));
        let spread = Spread::of([7]).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.max), (7, 7, 7));
    }

    #[test]
    fn one_of_a_few_values_is_not_hidden_by_the_99th_percentile() {
        let spread = Spread::of([1, 900, 1, 1, 1]).unwrap();
        assert_eq!((spread.count, spread.p50, spread.p99), (5, 1, 900));
    }

    #[test]
    fn a_pace_has_its_longest_pause() {
        // Eleven in a second, in any order; for 400 ms there was none.
        let times = [0, 1000, 100, 200, 300, 700, 800, 900, 950, 960, 970];
        assert_eq!(pace(times), (10, 400));
    }
}

//! Numbers over many traces.

use crate::run::{Hit, float};

/// Rates and times over the traces of one attack.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Detection {
    pub(crate) share: f64,
    pub(crate) seconds: Option<Spread>,
    pub(crate) requests: Option<Spread>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) p95: f64,
}

impl Detection {
    pub(crate) fn of(hits: &[Option<Hit>]) -> Self {
        let found: Vec<Hit> = hits.iter().flatten().copied().collect();
        let count = |length: usize| float(u64::try_from(length).unwrap_or(0));
        Self {
            share: if hits.is_empty() {
                0.0
            } else {
                count(found.len()) / count(hits.len())
            },
            seconds: spread(found.iter().map(|hit| hit.seconds).collect()),
            requests: spread(found.iter().map(|hit| hit.requests).collect()),
        }
    }
}

/// Median and 95th percentile, by the nearest rank.
pub(crate) fn spread(mut numbers: Vec<f64>) -> Option<Spread> {
    numbers.sort_by(f64::total_cmp);
    let rank = |percent: usize| {
        let index = (numbers.len() * percent).div_ceil(100).saturating_sub(1);
        numbers.get(index).copied()
    };
    Some(Spread {
        median: rank(50)?,
        p95: rank(95)?,
    })
}

/// The mean of which fewer events than were counted are seen in 5% of the cases only: an upper
/// bound for what a Poisson process of that count may have been.
pub(crate) fn poisson_bound(count: u64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0 * float(count) + 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(count, middle) > 0.05 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn at_most(count: u64, mean: f64) -> f64 {
    let mut logarithm = -mean;
    let mut sum = libm::exp(logarithm);
    for number in 1..=count {
        logarithm += libm::log(mean / float(number));
        sum += libm::exp(logarithm);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        for (count, expected) in [(0, 2.996), (1, 4.744), (5, 10.513), (20, 29.062)] {
            assert!((poisson_bound(count) - expected).abs() < 0.001, "{count}");
        }
    }

    #[test]
    fn percentiles_are_numbers_that_were_seen() {
        let numbers = (1..=20_u32).map(f64::from).collect();
        let spread = spread(numbers).unwrap();
        assert_eq!((spread.median, spread.p95), (10.0, 19.0));
    }
}

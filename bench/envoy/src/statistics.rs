//! Medians, their spread, and how sure a difference is.
//!
//! Turns of one round were measured within the same minutes, so differences within rounds are what is
//! compared. Their intervals come from resampling rounds (the percentile bootstrap of Efron), with a
//! seed that never changes: the same turns give the same intervals.

/// A median, with the interval in which 95 of 100 such medians lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// The median of all rounds.
    pub(crate) median: f64,
    /// The lower end.
    pub(crate) low: f64,
    /// The upper end.
    pub(crate) high: f64,
}

/// The median; 0 of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// A quantile, between neighbours by proportion; 0 of nothing.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share * float(last);
    let below = whole(place.floor()).min(last);
    let above = below.saturating_add(1).min(last);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * (place - place.floor()),
        (_, _) => 0.0,
    }
}

/// The distance between the quartiles.
pub(crate) fn spread(values: &[f64]) -> f64 {
    quantile(values, 0.75) - quantile(values, 0.25)
}

/// The median of a figure, over rounds.
pub(crate) fn of_rounds(values: &[f64]) -> Estimate {
    estimate(values.len(), |rounds| median(&pick(values, rounds)))
}

/// The median difference of two figures within rounds.
pub(crate) fn difference(values: &[f64], baseline: &[f64]) -> Estimate {
    of_rounds(&differences(values, baseline))
}

/// The ratio of two median differences, both to baselines within the same rounds.
pub(crate) fn ratio(above: [&[f64]; 2], below: [&[f64]; 2]) -> Estimate {
    let above = differences(above[0], above[1]);
    let below = differences(below[0], below[1]);
    estimate(above.len().min(below.len()), |rounds| {
        median(&pick(&above, rounds)) / median(&pick(&below, rounds))
    })
}

/// The ratio of two medians.
pub(crate) fn ratio_of_medians(above: &[f64], below: &[f64]) -> Estimate {
    estimate(above.len().min(below.len()), |rounds| {
        median(&pick(above, rounds)) / median(&pick(below, rounds))
    })
}

fn differences(values: &[f64], baseline: &[f64]) -> Vec<f64> {
    let pairs = values.iter().zip(baseline);
    pairs.map(|(value, baseline)| value - baseline).collect()
}

fn pick(values: &[f64], rounds: &[usize]) -> Vec<f64> {
    let picked = rounds.iter().filter_map(|round| values.get(*round));
    picked.copied().collect()
}

/// A statistic of all rounds, and its interval over resampled ones.
fn estimate(rounds: usize, statistic: impl Fn(&[usize]) -> f64) -> Estimate {
    let all: Vec<usize> = (0..rounds).collect();
    let median = statistic(&all);
    if rounds < 2 {
        return Estimate {
            median,
            low: f64::NAN,
            high: f64::NAN,
        };
    }
    let mut random = SplitMix(SEED);
    let samples: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<usize> = all.iter().map(|_| random.below(rounds)).collect();
            statistic(&drawn)
        })
        .collect();
    Estimate {
        median,
        low: quantile(&samples, 0.025),
        high: quantile(&samples, 0.975),
    }
}

/// SplitMix64 (Steele, Lea, Flood): enough to draw rounds.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(bits % limit).unwrap_or(0)
    }
}

/// A count as a number to calculate with.
#[expect(
    clippy::as_conversions,
    reason = "counts here are far below 2^53, where this loses nothing"
)]
pub(crate) const fn float(count: usize) -> f64 {
    count as f64
}

/// The same for larger counts.
#[expect(
    clippy::as_conversions,
    reason = "counts here are far below 2^53, where this loses nothing"
)]
pub(crate) const fn count(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::as_conversions,
    reason = "`as` saturates; callers bound it besides"
)]
const fn whole(number: f64) -> usize {
    number as usize
}

const RESAMPLES: usize = 10_000;
const SEED: u64 = 0x5a11_7907;

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert!(close(median(&values), 2.5));
        assert!(close(quantile(&values, 0.0), 1.0));
        assert!(close(quantile(&values, 1.0), 4.0));
        assert!(close(spread(&values), 1.5));
        assert!(close(median(&[]), 0.0));
    }

    #[test]
    fn a_drift_that_all_cells_share_does_not_blur_their_difference() {
        let baseline: Vec<f64> = (0..8)
            .map(|round| 100.0 + 10.0 * f64::from(round))
            .collect();
        let values: Vec<f64> = baseline.iter().map(|value| value + 5.0).collect();
        let found = difference(&values, &baseline);
        assert!(close(found.median, 5.0));
        assert!(close(found.low, 5.0) && close(found.high, 5.0));
    }

    #[test]
    fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
        let mut random = SplitMix(7);
        let mut draw = || float(random.below(1_000_001)) / 1_000_000.0;
        let experiments = 400;
        let covered = (0..experiments).filter(|_| {
            // Of twelve rounds, each the mean of six uniform numbers.
            let rounds: Vec<f64> = (0..12)
                .map(|_| (0..6).map(|_| draw()).sum::<f64>() / 6.0)
                .collect();
            let found = of_rounds(&rounds);
            found.low <= 0.5 && 0.5 <= found.high
        });
        let share = float(covered.count()) / f64::from(experiments);
        assert!((0.90..=1.0).contains(&share), "{share}");
    }

    #[test]
    fn the_interval_is_wide_where_rounds_differ() {
        let calm = of_rounds(&[5.0, 5.1, 4.9, 5.0, 5.1, 4.9, 5.0]);
        let wild = of_rounds(&[5.0, 9.0, 1.0, 5.0, 9.0, 1.0, 5.0]);
        assert!(close(calm.median, wild.median));
        assert!(wild.high - wild.low > 10.0 * (calm.high - calm.low));
    }

    #[test]
    fn a_ratio_is_that_of_what_was_added() {
        let plain = [100.0, 110.0, 120.0];
        let ours = [110.0, 120.0, 130.0];
        let theirs = [140.0, 150.0, 160.0];
        let found = ratio([&ours, &plain], [&theirs, &plain]);
        assert!(close(found.median, 0.25));
        assert!(close(ratio_of_medians(&ours, &plain).median, 120.0 / 110.0));
    }

    #[test]
    fn one_round_has_no_interval() {
        let found = of_rounds(&[3.0]);
        assert!(close(found.median, 3.0) && found.low.is_nan() && found.high.is_nan());
    }
}

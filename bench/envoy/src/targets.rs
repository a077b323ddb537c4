//! What the filter has to reach, and whether it does.

use crate::cold::ColdRound;
use crate::growth::Sample;
use crate::measurement::Rounds;
use crate::plan::{CORE, Cell, Variant};
use crate::results::{CPU, Figure, GroupResults, MEMORY, P99, Results, SATURATED, SATURATED_CPU};
use crate::statistics::{self, Estimate, count};

/// A number that was promised.
pub(crate) struct Target {
    /// What it is.
    pub(crate) what: &'static str,
    /// Its limit, as text.
    pub(crate) limit: &'static str,
    /// What was measured, if it was.
    pub(crate) found: Option<Found>,
}

/// What was measured of a target.
pub(crate) struct Found {
    /// In the unit of the limit.
    pub(crate) text: String,
    /// Whether it is within the limit.
    pub(crate) verdict: Verdict,
}

/// Whether a limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The limit lies in the interval: the rounds differ too much to say.
    Undecided,
}

impl Verdict {
    const fn of(is_met: bool) -> Self {
        if is_met { Self::Met } else { Self::Missed }
    }

    /// Of both ends of the interval; of the median where there is none.
    fn of_interval(found: Estimate, is_met: impl Fn(f64) -> bool) -> Self {
        let Estimate { median, low, high } = found;
        if low.is_nan() && high.is_nan() {
            return Self::of(is_met(median));
        }
        match (is_met(low), is_met(high)) {
            (true, true) => Self::Met,
            (false, false) => Self::Missed,
            (true, false) | (false, true) => Self::Undecided,
        }
    }
}

/// All targets.
pub(crate) fn targets(results: &Results) -> Vec<Target> {
    let core = results.group(CORE);
    let target = |what, limit, found| Target { what, limit, found };
    vec![
        target(
            "processor time over the no-op module, each request",
            "at most 8 us",
            core.and_then(|core| added(core, Variant::NoOp, CPU, "us", 8.0)),
        ),
        target(
            "the same at saturation",
            "at most 8 us",
            core.and_then(|core| added(core, Variant::NoOp, SATURATED_CPU, "us", 8.0)),
        ),
        target(
            "processor time that it adds, beside what jwt_authn (RS256, not cached) adds",
            "at most 0.45",
            core.and_then(|core| ratio(core, Variant::Jwt, CPU, 0.45)),
        ),
        target(
            "the same at saturation",
            "at most 0.45",
            core.and_then(|core| ratio(core, Variant::Jwt, SATURATED_CPU, 0.45)),
        ),
        target(
            "processor time that it adds, beside what ext_authz adds in Envoy and OPA",
            "at most 0.06",
            core.and_then(|core| ratio(core, Variant::Opa, CPU, 0.06)),
        ),
        target(
            "99th percentile over the no-op module's, upper end of the interval",
            "at most 100 us",
            core.and_then(tail),
        ),
        target(
            "throughput at saturation, beside the no-op module's",
            "at least 0.90",
            core.and_then(saturation),
        ),
        target(
            "processor time of a refusal over that of a request that passes",
            "at most 0 us",
            core.and_then(refusal),
        ),
        target(
            "memory over the no-op module's",
            "at most 12 MB",
            core.and_then(|core| added(core, Variant::NoOp, MEMORY, "MB", 12.0)),
        ),
        target(
            "size of the module",
            "at most 1.2 MB",
            core.map(|core| {
                let bytes = core.turns.environment.module_bytes;
                Found {
                    text: format!("{bytes} bytes"),
                    verdict: Verdict::of(bytes <= MODULE_BYTES),
                }
            }),
        ),
        target(
            "processor time over the no-op module, with 10 000 flows beside 10",
            "at most 1.3",
            results.group("flows").and_then(flows),
        ),
        target(
            "a hybrid certificate (RSA 2048, ML-DSA-65) that is new, once",
            "at most 500 us",
            results.cold.as_ref().and_then(|cold| {
                let costs: Vec<f64> = cold.rows.iter().map(ColdRound::cost).collect();
                at_most(statistics::of_rounds(&costs), "us", 500.0)
            }),
        ),
        target(
            "memory in the last quarter of the long run over that in the second one",
            "at most 1 %",
            results.growth.as_ref().map(growth),
        ),
    ]
}

fn ours(group: &GroupResults) -> Option<&Cell> {
    group.cell(Variant::Certificate)
}

fn added(
    group: &GroupResults,
    to: Variant,
    figure: Figure,
    unit: &str,
    limit: f64,
) -> Option<Found> {
    at_most(group.added(ours(group)?, to, figure)?, unit, limit)
}

fn ratio(group: &GroupResults, other: Variant, figure: Figure, limit: f64) -> Option<Found> {
    let figures = |variant| Some(group.figures(group.cell(variant)?, figure));
    let plain = figures(Variant::NoFilter)?;
    let (ours, other) = (figures(Variant::Certificate)?, figures(other)?);
    let found = statistics::ratio([&ours, &plain], [&other, &plain]);
    at_most(found, "", limit)
}

fn tail(group: &GroupResults) -> Option<Found> {
    let found = group.added(ours(group)?, Variant::NoOp, P99)?;
    Some(Found {
        text: format!("{:.0} us ({})", found.high, interval(found, "us")),
        verdict: Verdict::of(found.high <= 100.0),
    })
}

fn saturation(group: &GroupResults) -> Option<Found> {
    let ours = group.figures(ours(group)?, SATURATED);
    let noop = group.figures(group.cell(Variant::NoOp)?, SATURATED);
    let found = statistics::ratio_of_medians(&ours, &noop);
    judged(found, "", |ratio| ratio >= 0.90)
}

fn refusal(group: &GroupResults) -> Option<Found> {
    let denied = group.figures(group.cell(Variant::Deny)?, CPU);
    let passed = group.figures(ours(group)?, CPU);
    at_most(statistics::difference(&denied, &passed), "us", 0.0)
}

fn flows(group: &GroupResults) -> Option<Found> {
    let of = |flows| {
        let mut cells = group.group.cells.iter();
        cells.find(|cell| cell.variant == Variant::Certificate && cell.flows == flows)
    };
    let figures = |cell| group.figures(cell, CPU);
    let noop = figures(group.cell(Variant::NoOp)?);
    let (many, few) = (figures(of(10_000)?), figures(of(10)?));
    let found = statistics::ratio([&many, &noop], [&few, &noop]);
    at_most(found, "", 1.3)
}

fn growth(samples: &Rounds<Sample>) -> Found {
    let kib: Vec<f64> = samples
        .rows
        .iter()
        .map(|sample| count(sample.resident_kib))
        .collect();
    let quarter = kib.len() / 4;
    let median = |from: usize, to: usize| statistics::median(kib.get(from..to).unwrap_or_default());
    let before = median(quarter, quarter.saturating_mul(2));
    let after = median(quarter.saturating_mul(3), kib.len());
    let percent = (after / before - 1.0) * 100.0;
    Found {
        text: format!("{percent:.1} %"),
        verdict: Verdict::of(percent <= 1.0),
    }
}

fn at_most(found: Estimate, unit: &str, limit: f64) -> Option<Found> {
    judged(found, unit, |value| value <= limit)
}

/// None of what was not measured.
fn judged(found: Estimate, unit: &str, is_met: impl Fn(f64) -> bool) -> Option<Found> {
    found.median.is_finite().then(|| Found {
        text: interval(found, unit),
        verdict: Verdict::of_interval(found, is_met),
    })
}

/// A median with its interval.
pub(crate) fn interval(found: Estimate, unit: &str) -> String {
    let Estimate { median, low, high } = found;
    let number = |value: f64| {
        if median.abs() < 2.0 && unit.is_empty() {
            format!("{value:.3}")
        } else if median.abs() < 100.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        }
    };
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    };
    if low.is_nan() || high.is_nan() {
        return format!("{}{unit}", number(median));
    }
    format!(
        "{}{unit} [{}, {}]",
        number(median),
        number(low),
        number(high)
    )
}

/// The figure that `scripts/build-wasm` holds the module to.
const MODULE_BYTES: u64 = 1_200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_shown_where_there_is_one() {
        let found = |low, high| Estimate {
            median: 7.25,
            low,
            high,
        };
        assert_eq!(interval(found(6.0, 8.5), "us"), "7.2 us [6.0, 8.5]");
        assert_eq!(interval(found(f64::NAN, f64::NAN), "us"), "7.2 us");
    }

    #[test]
    fn the_interval_decides_whether_a_limit_is_kept() {
        let verdict = |low, high| {
            let median = 7.0;
            let found = Estimate { median, low, high };
            at_most(found, "us", 8.0).unwrap().verdict
        };
        assert_eq!(verdict(6.0, 8.0), Verdict::Met);
        assert_eq!(verdict(6.0, 8.1), Verdict::Undecided);
        assert_eq!(verdict(f64::NAN, f64::NAN), Verdict::Met);
        assert_eq!(verdict(8.1, 10.0), Verdict::Missed);
        assert_eq!(verdict(8.0, 10.0), Verdict::Undecided);
        let found = Estimate {
            median: 9.0,
            low: 8.1,
            high: 10.0,
        };
        assert_eq!(
            Verdict::of_interval(found, |value| value >= 8.0),
            Verdict::Met
        );
    }
}

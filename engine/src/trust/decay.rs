//! Exponential forgetting in integers.
//!
//! An amount falls by the factor `e^(-1/tau)` a second. Whole seconds only: a rounding error at
//! each event would let a busy peer forget faster than a quiet one.

/// An amount of evidence: milli-nats with 16 binary places, so that rounding at each second stays
/// far below a milli-nat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Amount(u64);

/// How fast an amount falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeScale {
    /// tau = 60 s: what happens now.
    Fast,
    /// tau = 1 h: what keeps happening.
    Slow,
}

impl Amount {
    pub(super) const ZERO: Self = Self(0);
    const BINARY_PLACES: u32 = 16;

    pub(super) fn milli_nats(self) -> u32 {
        u32::try_from(self.0 >> Self::BINARY_PLACES).unwrap_or(u32::MAX)
    }

    /// Adds evidence, up to a cap.
    pub(super) fn add(&mut self, milli_nats: u32, cap: u32) {
        let added = self.0.saturating_add(fixed_point(milli_nats));
        self.0 = added.min(fixed_point(cap));
    }

    /// Forgets for a number of whole seconds.
    pub(super) fn forget(&mut self, scale: TimeScale, seconds: u64) {
        let factors = match scale {
            TimeScale::Fast => &FACTORS_60_S,
            TimeScale::Slow => &FACTORS_1_H,
        };
        if seconds >> factors.len() != 0 {
            self.0 = 0;
            return;
        }
        // The factor for n seconds is the product of the factors for the powers of two in n.
        for (bit, factor) in factors.iter().enumerate() {
            if (seconds >> bit) & 1 == 1 {
                let product = u128::from(self.0).saturating_mul(u128::from(*factor)) >> 32;
                self.0 = u64::try_from(product).unwrap_or(u64::MAX);
            }
        }
    }
}

fn fixed_point(milli_nats: u32) -> u64 {
    u64::from(milli_nats) << Amount::BINARY_PLACES
}

/// `2^32 * e^(-2^i / 60)` for i = 0, 1, ..: the factors for 1, 2, 4, .. seconds, rounded.
const FACTORS_60_S: [u32; 17] = [
    4_223_977_731,
    4_154_161_520,
    4_017_971_906,
    3_758_840_784,
    3_289_637_164,
    2_519_626_327,
    1_478_129_259,
    508_703_782,
    60_251_806,
    845_240,
    166,
    0,
    0,
    0,
    0,
    0,
    0,
];

/// `2^32 * e^(-2^i / 3600)` for i = 0, 1, ..
const FACTORS_1_H: [u32; 17] = [
    4_293_774_415,
    4_292_581_866,
    4_290_197_760,
    4_285_433_521,
    4_275_920_909,
    4_256_958_985,
    4_219_287_029,
    4_144_940_299,
    4_000_153_878,
    3_725_576_924,
    3_231_671_503,
    2_431_613_557,
    1_376_668_105,
    441_264_145,
    45_335_397,
    478_536,
    53,
];

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn after(scale: TimeScale, seconds: u64) -> u32 {
        let mut amount = Amount::default();
        amount.add(20_000, 20_000);
        amount.forget(scale, seconds);
        amount.milli_nats()
    }

    #[test]
    fn tables_are_the_exponential_function() {
        for (table, tau) in [(FACTORS_60_S, 60.0), (FACTORS_1_H, 3600.0)] {
            for (bit, factor) in table.iter().enumerate() {
                let exact = 2_f64.powi(32) * (-(2_f64.powi(bit.try_into().unwrap())) / tau).exp();
                assert!((f64::from(*factor) - exact).abs() <= 0.5, "{tau} {bit}");
            }
        }
    }

    #[test]
    fn falls_to_a_third_within_its_time_scale() {
        for (scale, tau) in [(TimeScale::Fast, 60), (TimeScale::Slow, 3600)] {
            let left = after(scale, tau);
            assert!((7357..=7358).contains(&left), "{left}");
        }
    }

    #[test]
    fn forgets_the_same_in_one_step_and_second_by_second() {
        for scale in [TimeScale::Fast, TimeScale::Slow] {
            let mut stepwise = Amount::default();
            stepwise.add(20_000, 20_000);
            for _ in 0..300 {
                stepwise.forget(scale, 1);
            }
            let at_once = after(scale, 300);
            assert!(stepwise.milli_nats().abs_diff(at_once) <= 1, "{scale:?}");
        }
    }

    #[test]
    fn forgets_everything_in_the_end_and_nothing_at_once() {
        assert_eq!(after(TimeScale::Fast, 0), 20_000);
        assert_eq!(after(TimeScale::Slow, 1 << 17), 0);
        assert_eq!(after(TimeScale::Slow, u64::MAX), 0);
    }

    #[test]
    fn stops_at_its_cap() {
        let mut amount = Amount::default();
        for _ in 0..100 {
            amount.add(u32::MAX, 12_000);
        }
        assert_eq!(amount.milli_nats(), 12_000);
    }
}

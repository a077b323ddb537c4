//! Exponential forgetting in integers.
//!
//! An amount falls by the factor `e^(-1/tau)` a second. Whole seconds only: a rounding error at
//! each event would let a busy peer forget faster than a quiet one.

/// An amount of evidence: milli-nats with 16 binary places, so that rounding at each second stays
/// far below a milli-nat. At most 65 nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Amount(pub(super) u32);

/// How fast an amount falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeScale {
    /// tau = 60 s: what happens now.
    Fast,
    /// tau = 2 h: what keeps happening.
    Slow,
}

impl Amount {
    pub(super) const ZERO: Self = Self(0);
    const BINARY_PLACES: u32 = 16;

    pub(super) fn of(milli_nats: u32) -> Self {
        Self(milli_nats.saturating_mul(1 << Self::BINARY_PLACES))
    }

    pub(super) const fn milli_nats(self) -> u32 {
        self.0 >> Self::BINARY_PLACES
    }

    /// The sum, up to a cap in milli-nats.
    pub(super) fn plus(self, other: Self, cap: u32) -> Self {
        Self(self.0.saturating_add(other.0)).min(Self::of(cap))
    }

    /// What is left after a number of whole seconds.
    pub(super) fn after(self, scale: TimeScale, seconds: u32) -> Self {
        let factors: &[u32] = match scale {
            TimeScale::Fast => &FACTORS_60_S,
            TimeScale::Slow => &FACTORS_2_H,
        };
        let is_over = u32::try_from(factors.len())
            .is_ok_and(|bits| seconds.checked_shr(bits).unwrap_or(0) != 0);
        if is_over || self.0 == 0 {
            return Self::ZERO;
        }
        // The factor for n seconds is the product of the factors for the powers of two in n.
        let mut left = self.0;
        let mut bits = seconds;
        for factor in factors {
            if bits == 0 {
                break;
            }
            if bits & 1 == 1 {
                let product = u64::from(left).saturating_mul(u64::from(*factor)) >> 32;
                left = u32::try_from(product).unwrap_or(u32::MAX);
            }
            bits >>= 1;
        }
        Self(left)
    }
}

/// `2^32 * e^(-2^i / 60)` for i = 0, 1, ..: the factors for 1, 2, 4, .. seconds, rounded.
const FACTORS_60_S: [u32; 11] = [
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
];

/// `2^32 * e^(-2^i / 7200)` for i = 0, 1, ..
const FACTORS_2_H: [u32; 17] = [
    4_294_370_814,
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
];

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn left(scale: TimeScale, seconds: u32) -> u32 {
        Amount::of(20_000).after(scale, seconds).milli_nats()
    }

    #[test]
    fn tables_are_the_exponential_function() {
        for (table, tau) in [(&FACTORS_60_S[..], 60.0), (&FACTORS_2_H, 7_200.0)] {
            for (bit, factor) in table.iter().enumerate() {
                let exact = 2_f64.powi(32) * (-(2_f64.powi(bit.try_into().unwrap())) / tau).exp();
                assert!((f64::from(*factor) - exact).abs() <= 0.5, "{tau} {bit}");
            }
        }
    }

    #[test]
    fn falls_to_a_third_within_its_time_scale() {
        for (scale, tau) in [(TimeScale::Fast, 60), (TimeScale::Slow, 7_200)] {
            let left = left(scale, tau);
            assert!((7_357..=7_358).contains(&left), "{left}");
        }
    }

    #[test]
    fn forgets_the_same_in_one_step_and_second_by_second() {
        for scale in [TimeScale::Fast, TimeScale::Slow] {
            let stepwise = (0..300).fold(Amount::of(20_000), |amount, _| amount.after(scale, 1));
            assert!(
                stepwise.milli_nats().abs_diff(left(scale, 300)) <= 1,
                "{scale:?}"
            );
        }
    }

    #[test]
    fn forgets_everything_in_the_end_and_nothing_at_once() {
        assert_eq!(left(TimeScale::Fast, 0), 20_000);
        assert_eq!(left(TimeScale::Fast, 1 << 11), 0);
        assert_eq!(left(TimeScale::Slow, 1 << 17), 0);
        assert_eq!(left(TimeScale::Slow, u32::MAX), 0);
    }

    #[test]
    fn stops_at_its_cap() {
        let sum = (0..100).fold(Amount::ZERO, |sum, _| {
            sum.plus(Amount::of(u32::MAX), 12_000)
        });
        assert_eq!(sum.milli_nats(), 12_000);
    }
}

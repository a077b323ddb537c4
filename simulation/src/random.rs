//! Random numbers that a seed repeats on each machine.
//!
//! `SplitMix64` of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014):
//! a handful of lines, and its stream will not change under us as that of a library may. It is
//! for simulations; nothing secret comes from it.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another stream that depends on this one's seed and on a number.
    #[must_use]
    pub fn fork(&mut self, number: u64) -> Self {
        Self(self.bits() ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 if that is 0. Its bias is at most `end / 2^64`.
    pub const fn below(&mut self, end: u64) -> u64 {
        match self.bits().checked_rem(end) {
            Some(number) => number,
            None => 0,
        }
    }

    /// Whether something with a probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(high) / 4_294_967_296.0
    }

    /// Normally distributed, with mean 0 and variance 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(core::f64::consts::TAU * self.unit())
    }

    /// Log-normally distributed.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// A number of events with a mean (Knuth's product up to 30, rounded normal above).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            return whole(mean + libm::sqrt(mean) * self.normal() + 0.5);
        }
        let limit = libm::exp(-mean);
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }

    /// One of several; none if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(items.len()).unwrap_or(0);
        items.get(usize::try_from(self.below(length)).unwrap_or(0))
    }
}

/// The whole part of a number: 0 for less than 0 and for none.
#[must_use]
pub fn whole(number: f64) -> u64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, which is meant; there is no other one"
    )]
    let whole = number as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_stream_of_splitmix64() {
        // The first numbers of the reference implementation for the seed 1234567.
        let mut random = Random::new(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        for number in expected {
            assert_eq!(random.bits(), number);
        }
    }

    #[test]
    fn draws_with_the_means_that_are_asked_for() {
        let mut random = Random::new(1);
        for mean in [0.5, 7.0, 90.0] {
            let sum: u64 = (0..4_000).map(|_| random.poisson(mean)).sum();
            let average = f64::from(u32::try_from(sum).unwrap_or(0)) / 4_000.0;
            assert!((average / mean - 1.0).abs() < 0.06, "{mean}: {average}");
        }
    }

    #[test]
    fn cuts_numbers_out_of_range() {
        assert_eq!(whole(-3.0), 0);
        assert_eq!(whole(f64::NAN), 0);
        assert_eq!(whole(2.9), 2);
        assert_eq!(whole(f64::INFINITY), u64::MAX);
    }
}

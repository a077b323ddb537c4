//! Medians of a monotonic clock.

use std::hint::black_box;
use std::time::{Duration, Instant};

const SAMPLES: usize = 151;
/// Long enough for clocks that tick in microseconds, and shorter than the turns that a busy system
/// gives to programs: most samples are then of one turn, and so is their median.
const SAMPLE: Duration = Duration::from_micros(300);

/// The times of one call of each, in microseconds. Samples alternate, so that whatever else the
/// machine does meets all of them alike.
pub fn samples<const COUNT: usize>(calls: [&dyn Fn() -> bool; COUNT]) -> Vec<[f64; COUNT]> {
    let rounds = calls.map(rounds);
    let sample = || {
        let mut sample = [0.0; COUNT];
        for ((call, rounds), time) in calls.iter().zip(rounds).zip(&mut sample) {
            *time = once(*call, rounds).as_secs_f64() * 1e6 / f64::from(rounds);
        }
        sample
    };
    std::iter::repeat_with(sample).take(SAMPLES).collect()
}

/// The median of what is made of each sample.
pub fn median<const COUNT: usize>(
    samples: &[[f64; COUNT]],
    of: impl Fn(&[f64; COUNT]) -> f64,
) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many calls fill a sample. They also warm up.
fn rounds(call: &dyn Fn() -> bool) -> u32 {
    let mut rounds = 1_u32;
    while once(call, rounds) < SAMPLE {
        rounds = rounds.saturating_mul(2);
    }
    rounds
}

fn once(call: &dyn Fn() -> bool, rounds: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        assert!(black_box(call()), "what is measured has to hold");
    }
    start.elapsed()
}

//! Two scores from the literature, to compare with. Both watch the same requests and isolate below
//! a threshold, which is chosen on the seeds for choosing.

use std::collections::BTreeMap;

use sallyport_engine::trust::PeerKey;
use sallyport_simulation::replay::Step;
use sallyport_simulation::trace::Event;

/// Both baselines for all peers of a trace.
#[derive(Default)]
pub(crate) struct Baselines(BTreeMap<PeerKey, Watched>);

/// What the baselines know of one peer.
#[derive(Clone)]
pub(crate) struct Watched {
    average: Average,
    beta: Beta,
    pub(crate) is_labelled: bool,
    labelled: u64,
    /// For each baseline, when its score first fell below each hundredth.
    pub(crate) crossings: [Vec<Option<Crossing>>; 2],
}

/// When a score fell below a threshold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crossing {
    pub(crate) t_ms: u64,
    /// Requests of the attack up to then.
    pub(crate) labelled: u64,
}

/// An additive weighted average: certificate, allowed requests, accepted requests, usual rate.
#[derive(Clone)]
struct Average {
    allowed: f64,
    accepted: f64,
    last_ms: u64,
    minute: f64,
    hour: f64,
}

/// Beta reputation (Josang and Ismail, 2002) that forgets with a time constant of an hour.
#[derive(Clone)]
struct Beta {
    good: f64,
    bad: f64,
    last_ms: u64,
}

pub(crate) const NAMES: [&str; 2] = ["weighted average", "Beta reputation"];
pub(crate) const STEPS: u32 = 100;

impl Baselines {
    pub(crate) fn see(&mut self, event: &Event, step: &Step) {
        let key = &event.connection.key;
        if !self.0.contains_key(key) {
            self.0.insert(key.clone(), Watched::new(event.at.0));
        }
        if let Some(watched) = self.0.get_mut(key) {
            watched.see(event, step);
        }
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = &Watched> {
        self.0.values()
    }
}

impl Watched {
    fn new(now: u64) -> Self {
        let none = || (0..STEPS).map(|_| None).collect();
        Self {
            average: Average {
                allowed: 1.0,
                accepted: 1.0,
                last_ms: now,
                minute: 0.0,
                hour: 0.0,
            },
            beta: Beta {
                good: 0.0,
                bad: 0.0,
                last_ms: now,
            },
            is_labelled: false,
            labelled: 0,
            crossings: [none(), none()],
        }
    }

    fn see(&mut self, event: &Event, step: &Step) {
        if event.label.is_some() {
            self.is_labelled = true;
            self.labelled += 1;
        }
        let refused = matches!(event.outcome.status, 401 | 403 | 404);
        let is_accepted = !step.is_allowed || !refused;
        let scores = [
            self.average.see(event.at.0, step.is_allowed, is_accepted),
            self.beta.see(event.at.0, step.is_allowed && is_accepted),
        ];
        let crossing = Crossing {
            t_ms: event.at.0,
            labelled: self.labelled,
        };
        for (score, crossings) in scores.into_iter().zip(&mut self.crossings) {
            for (number, first) in (0..STEPS).zip(crossings) {
                if first.is_none() && score * f64::from(STEPS) < f64::from(number) {
                    *first = Some(crossing);
                }
            }
        }
    }
}

impl Average {
    fn see(&mut self, now: u64, is_allowed: bool, is_accepted: bool) -> f64 {
        let toward = |old: f64, good: bool| old + 0.02 * (f64::from(u8::from(good)) - old);
        self.allowed = toward(self.allowed, is_allowed);
        self.accepted = toward(self.accepted, is_accepted);
        let seconds = seconds(now, &mut self.last_ms);
        self.minute = self.minute * libm::exp(-seconds / 60.0) + 1.0 / 60.0;
        self.hour = self.hour * libm::exp(-seconds / 3_600.0) + 1.0 / 3_600.0;
        let usual = (5.0 * self.hour / self.minute).min(1.0);
        // The certificate verified, or the request would not be here.
        0.25 + 0.45 * self.allowed + 0.15 * self.accepted + 0.15 * usual
    }
}

impl Beta {
    fn see(&mut self, now: u64, is_good: bool) -> f64 {
        let kept = libm::exp(-seconds(now, &mut self.last_ms) / 3_600.0);
        self.good = self.good * kept + f64::from(u8::from(is_good));
        self.bad = self.bad * kept + f64::from(u8::from(!is_good));
        (self.good + 1.0) / (self.good + self.bad + 2.0)
    }
}

/// Since the last time; a clock that goes back counts as standing still.
fn seconds(now: u64, last: &mut u64) -> f64 {
    let passed = now.saturating_sub(*last);
    *last = (*last).max(now);
    f64::from(u32::try_from(passed).unwrap_or(u32::MAX)) / 1_000.0
}

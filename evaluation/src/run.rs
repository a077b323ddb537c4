//! One trace through the engine, and through the baselines.

use sallyport_engine::policy::Policy;
use sallyport_engine::trust::Behaviour;
use sallyport_simulation::account::Accounts;
use sallyport_simulation::generate::{Generator, Plan};
use sallyport_simulation::replay::Replay;

use crate::baseline::{Baselines, STEPS};

/// What came of a trace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) events: u64,
    /// Peers with requests of the attack or incident.
    pub(crate) labelled_peers: u64,
    pub(crate) labelled_restricted: u64,
    pub(crate) labelled_isolated: u64,
    /// The first of them that was restricted, and isolated.
    pub(crate) restricted: Option<Hit>,
    pub(crate) isolated: Option<Hit>,
    pub(crate) attack_requests: u64,
    pub(crate) attack_allowed: u64,
    /// The other peers.
    pub(crate) others: u64,
    pub(crate) others_restricted: u64,
    pub(crate) others_isolated: u64,
    /// How often a peer left TRUSTED again after it had come back.
    pub(crate) flaps: u64,
    /// Seconds from the last request of the attack until the peer was TRUSTED again.
    pub(crate) recovery: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) seconds: f64,
    pub(crate) requests: f64,
}

/// What a baseline comes to with a threshold: the first labelled peer below it, and how many others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Point {
    pub(crate) hit: Option<Hit>,
    pub(crate) others: u64,
}

/// The trust of the attackers over time: minutes since the attack began, and 0 to 99.
pub(crate) type Course = Vec<(f64, f64)>;

/// Replays a trace.
pub(crate) fn replay(plan: &Plan, policy: &Policy) -> Outcome {
    let mut replay = Replay::new(policy, CAPACITY);
    let mut last = None;
    for event in Generator::new(plan) {
        if event.label.is_some() {
            last = Some(event.at.0);
        }
        let _ = replay.step(&event);
    }
    outcome(&replay.finish(), last)
}

/// Replays a trace for the baselines, under a policy that does not act on its own score.
pub(crate) fn watch(plan: &Plan, passive: &Policy) -> [Vec<Point>; 2] {
    let mut replay = Replay::new(passive, CAPACITY);
    let mut baselines = Baselines::default();
    let mut first = None;
    for event in Generator::new(plan) {
        if event.label.is_some() && first.is_none() {
            first = Some(event.at.0);
        }
        let step = replay.step(&event);
        baselines.see(&event, &step);
    }
    [0, 1].map(|number| points(&baselines, number, first.unwrap_or(0)))
}

/// How the attackers' trust goes.
pub(crate) fn course(plan: &Plan, policy: &Policy) -> Course {
    let mut replay = Replay::new(policy, CAPACITY);
    let mut first = None;
    let mut course = Course::new();
    for event in Generator::new(plan) {
        let step = replay.step(&event);
        if event.label.is_none() {
            continue;
        }
        let first = *first.get_or_insert(event.at.0);
        if let Some(score) = step.score {
            course.push((seconds(first, event.at.0) / 60.0, f64::from(score.trust)));
        }
    }
    course
}

fn points(baselines: &Baselines, number: usize, first: u64) -> Vec<Point> {
    let mut points: Vec<Point> = (0..STEPS).map(|_| Point::default()).collect();
    for watched in baselines.peers() {
        let crossings = watched.crossings.get(number).into_iter().flatten();
        for (point, crossing) in points.iter_mut().zip(crossings) {
            let Some(crossing) = crossing else { continue };
            if !watched.is_labelled {
                point.others += 1;
            } else if crossing.labelled > 0 {
                let hit = Hit {
                    seconds: seconds(first, crossing.t_ms),
                    requests: float(crossing.labelled),
                };
                point.hit = earlier(point.hit, hit);
            }
        }
    }
    points
}

fn outcome(accounts: &Accounts, last: Option<u64>) -> Outcome {
    let mut outcome = Outcome {
        events: accounts.totals.requests,
        attack_requests: accounts.totals.labelled,
        attack_allowed: accounts.totals.labelled_allowed,
        ..Outcome::default()
    };
    let all = accounts.sorted();
    let first = all
        .iter()
        .filter_map(|(_, account)| account.first_labelled)
        .min();
    for (_, account) in all {
        let reached = |state| account.changes.iter().any(|change| change.to >= state);
        let (restricted, isolated) = (reached(Behaviour::Restricted), reached(Behaviour::Isolated));
        let begins = account
            .changes
            .iter()
            .filter(|one| one.from == Behaviour::Trusted);
        let begins = u64::try_from(begins.count()).unwrap_or(0);
        outcome.flaps += begins.saturating_sub(1);
        if account.first_labelled.is_none() {
            outcome.others += 1;
            outcome.others_restricted += u64::from(restricted);
            outcome.others_isolated += u64::from(isolated);
            continue;
        }
        outcome.labelled_peers += 1;
        outcome.labelled_restricted += u64::from(restricted);
        outcome.labelled_isolated += u64::from(isolated);
        let first = first.map_or(0, |time| time.0);
        let hit = |state| {
            // What happened before the attack is not its merit.
            let mut changes = account.changes.iter();
            let change = changes.find(|change| change.to >= state && change.labelled > 0)?;
            Some(Hit {
                seconds: seconds(first, change.t_ms),
                requests: float(change.labelled),
            })
        };
        if let Some(hit) = hit(Behaviour::Restricted) {
            outcome.restricted = earlier(outcome.restricted, hit);
        }
        if let Some(hit) = hit(Behaviour::Isolated) {
            outcome.isolated = earlier(outcome.isolated, hit);
        }
        if let (true, Some(last)) = (isolated, last) {
            let mut changes = account.changes.iter();
            let back = changes.find(|one| one.t_ms > last && one.to == Behaviour::Trusted);
            outcome.recovery = back.map(|change| seconds(last, change.t_ms));
        }
    }
    outcome
}

fn earlier(before: Option<Hit>, hit: Hit) -> Option<Hit> {
    match before {
        Some(before) if before.seconds <= hit.seconds => Some(before),
        _ => Some(hit),
    }
}

fn seconds(from: u64, to: u64) -> f64 {
    float(to.saturating_sub(from)) / 1_000.0
}

/// A number, exactly up to 2^32.
pub(crate) fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Peers that a worker of the filter keeps.
const CAPACITY: usize = 10_000;

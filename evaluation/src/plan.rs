//! What is run, and what is gathered from it.

use sallyport_engine::policy::Policy;
use sallyport_simulation::generate::{Plan, Scenario};

use crate::baseline::{NAMES, STEPS};
use crate::run::{self, Course, Outcome, Point, float};
use crate::summary::{Detection, Spread, poisson_bound, spread};
use crate::{parallel, policies};

/// Everything that the document says.
pub(crate) struct Findings {
    pub(crate) benign: Benign,
    pub(crate) attacks: Vec<Attack>,
    pub(crate) incidents: Vec<Incident>,
    pub(crate) baselines: Vec<Baseline>,
    pub(crate) ablation: Vec<Ablation>,
    pub(crate) courses: Vec<(Scenario, Course)>,
    pub(crate) tradeoff: Vec<Line>,
}

/// A name, and the points of its line.
pub(crate) type Line = (&'static str, Vec<(f64, f64)>);

/// Everyday life on held-out seeds.
#[derive(Default)]
pub(crate) struct Benign {
    pub(crate) peer_days: f64,
    pub(crate) events: u64,
    pub(crate) isolated: u64,
    pub(crate) restricted: u64,
    pub(crate) flaps: u64,
}

pub(crate) struct Attack {
    pub(crate) scenario: Scenario,
    pub(crate) restricted: Detection,
    pub(crate) isolated: Detection,
    /// The share of the attack's requests that went on.
    pub(crate) passed: f64,
    pub(crate) others_isolated: u64,
    pub(crate) recovery: Option<Spread>,
    pub(crate) baselines: [Detection; 2],
}

pub(crate) struct Incident {
    pub(crate) scenario: Scenario,
    pub(crate) peers: u64,
    pub(crate) restricted: u64,
    pub(crate) isolated: u64,
}

pub(crate) struct Baseline {
    pub(crate) name: &'static str,
    /// In hundredths.
    pub(crate) threshold: usize,
    pub(crate) isolated: u64,
}

pub(crate) struct Ablation {
    pub(crate) name: String,
    pub(crate) benign: Benign,
    /// Shares restricted and isolated, in the order of [`ABLATED`].
    pub(crate) shares: Vec<(f64, f64)>,
}

/// Seeds with which parameters, thresholds of the baselines among them, may be chosen.
pub(crate) const CHOOSING: std::ops::Range<u64> = 1..5;
/// Seeds of everyday life that nothing was chosen with.
pub(crate) const BENIGN: std::ops::Range<u64> = 1_001..1_014;
/// Seeds of attacks and incidents that nothing was chosen with.
pub(crate) const ATTACKS: std::ops::Range<u64> = 2_001..2_041;
/// The tenth of them for ablations and for the figure.
const FEW_BENIGN: std::ops::Range<u64> = 1_001..1_003;
const FEW_ATTACKS: std::ops::Range<u64> = 2_001..2_005;
/// Replicas in a trace of everyday life, and its days.
pub(crate) const PEERS: u32 = 40;
pub(crate) const DAYS: u32 = 10;
/// Attacks that the ablation is about.
pub(crate) const ABLATED: [Scenario; 8] = [
    Scenario::Scan,
    Scenario::SlowMinute,
    Scenario::SlowTenMinutes,
    Scenario::OnOff,
    Scenario::TokenReplay,
    Scenario::Exfiltration,
    Scenario::Flood,
    Scenario::RetryStorm,
];
const THRESHOLDS: [u32; 8] = [5, 7, 9, 11, 13, 16, 20, 24];
const TRADEOFF_BENIGN: std::ops::Range<u64> = 1_001..1_005;

pub(crate) fn carry_out() -> Result<Findings, String> {
    let usual = policies::usual()?;
    let passive = policies::passive()?;
    eprintln!("baselines: choosing thresholds");
    let chosen = parallel::map(&benign(CHOOSING), |plan| run::watch(plan, &passive));
    let thresholds = [0, 1].map(|number| threshold(&chosen, number));
    eprintln!("everyday life");
    let watched = parallel::map(&benign(BENIGN), |plan| run::watch(plan, &passive));
    let baselines = (0..2).map(|number| Baseline {
        name: NAMES.get(number).copied().unwrap_or_default(),
        threshold: thresholds.get(number).copied().unwrap_or(0),
        isolated: others(
            &watched,
            number,
            thresholds.get(number).copied().unwrap_or(0),
        ),
    });
    eprintln!("attacks and incidents");
    let attacks = Scenario::ALL
        .into_iter()
        .filter(|one| one.attack().is_some());
    let attacks = attacks.map(|scenario| attack(scenario, &usual, &passive, thresholds));
    let attacks = attacks.collect();
    let incidents = Scenario::ALL.into_iter();
    let incidents = incidents.filter(|one| one.incident_minutes().is_some());
    let incidents = incidents
        .map(|scenario| incident(scenario, &usual))
        .collect();
    eprintln!("without each family, and with other thresholds");
    let mut ablation = vec![ablate("all families", &usual)];
    for family in policies::FAMILIES {
        ablation.push(ablate(
            &format!("without {family}"),
            &policies::without(family)?,
        ));
    }
    Ok(Findings {
        benign: live(&benign(BENIGN), &usual),
        attacks,
        incidents,
        baselines: baselines.collect(),
        ablation,
        courses: courses(&usual),
        tradeoff: tradeoff(&watched, &passive)?,
    })
}

/// Traces of everyday life.
fn benign(seeds: std::ops::Range<u64>) -> Vec<Plan> {
    let plan = |seed| Plan {
        scenario: Scenario::Benign,
        seed,
        peers: PEERS,
        days: DAYS,
    };
    seeds.map(plan).collect()
}

/// Traces of an attack or an incident.
fn traces(scenario: Scenario, seeds: std::ops::Range<u64>) -> Vec<Plan> {
    let plan = |seed| Plan {
        scenario,
        seed,
        peers: 6,
        days: 1,
    };
    seeds.map(plan).collect()
}

fn live(plans: &[Plan], policy: &Policy) -> Benign {
    let outcomes = parallel::map(plans, |plan| run::replay(plan, policy));
    let mut benign = Benign::default();
    for (plan, outcome) in plans.iter().zip(outcomes) {
        benign.peer_days += f64::from(plan.peers) * f64::from(plan.days);
        benign.events += outcome.events;
        benign.isolated += outcome.others_isolated;
        benign.restricted += outcome.others_restricted;
        benign.flaps += outcome.flaps;
    }
    benign
}

/// The most sensitive threshold with at most one false isolation in a thousand peer-days.
fn threshold(watched: &[[Vec<Point>; 2]], number: usize) -> usize {
    let allowed = days(watched.len()) / 1_000.0;
    let steps = usize::try_from(STEPS).unwrap_or(0);
    let fits = |step: &usize| float(others(watched, number, *step)) <= allowed;
    (0..steps).rev().find(fits).unwrap_or(0)
}

fn others(watched: &[[Vec<Point>; 2]], number: usize, step: usize) -> u64 {
    let points = watched
        .iter()
        .filter_map(|both| both.get(number)?.get(step));
    points.map(|point| point.others).sum()
}

fn days(traces: usize) -> f64 {
    float(u64::try_from(traces).unwrap_or(0)) * f64::from(PEERS) * f64::from(DAYS)
}

fn attack(scenario: Scenario, usual: &Policy, passive: &Policy, thresholds: [usize; 2]) -> Attack {
    let plans = traces(scenario, ATTACKS);
    let runs: Vec<(Outcome, [Vec<Point>; 2])> = parallel::map(&plans, |plan| {
        (run::replay(plan, usual), run::watch(plan, passive))
    });
    let hits = |choose: fn(&Outcome) -> Option<run::Hit>| {
        let hits: Vec<_> = runs.iter().map(|(outcome, _)| choose(outcome)).collect();
        Detection::of(&hits)
    };
    let sum = |choose: fn(&Outcome) -> u64| runs.iter().map(|(outcome, _)| choose(outcome)).sum();
    let (requests, allowed): (u64, u64) = (
        sum(|one| one.attack_requests),
        sum(|one| one.attack_allowed),
    );
    let recovery = runs.iter().filter_map(|(outcome, _)| outcome.recovery);
    Attack {
        scenario,
        restricted: hits(|one| one.restricted),
        isolated: hits(|one| one.isolated),
        passed: float(allowed) / float(requests.max(1)),
        others_isolated: sum(|one| one.others_isolated),
        recovery: spread(recovery.collect()),
        baselines: [0, 1].map(|number| {
            let step = thresholds.get(number).copied().unwrap_or(0);
            let points = runs.iter();
            let hits: Vec<_> = points
                .map(|(_, both)| both.get(number).and_then(|points| points.get(step)?.hit))
                .collect();
            Detection::of(&hits)
        }),
    }
}

fn incident(scenario: Scenario, usual: &Policy) -> Incident {
    let outcomes = parallel::map(&traces(scenario, ATTACKS), |plan| run::replay(plan, usual));
    let sum = |choose: fn(&Outcome) -> u64| outcomes.iter().map(choose).sum();
    Incident {
        scenario,
        peers: sum(|one| one.labelled_peers),
        restricted: sum(|one| one.labelled_restricted),
        isolated: sum(|one| one.labelled_isolated),
    }
}

fn ablate(name: &str, policy: &Policy) -> Ablation {
    let shares = ABLATED.map(|scenario| {
        let plans = traces(scenario, FEW_ATTACKS);
        let outcomes = parallel::map(&plans, |plan| run::replay(plan, policy));
        let share = |choose: fn(&Outcome) -> bool| {
            let found = outcomes.iter().filter(|outcome| choose(outcome)).count();
            float(u64::try_from(found).unwrap_or(0))
                / float(u64::try_from(plans.len()).unwrap_or(1))
        };
        (
            share(|one| one.restricted.is_some()),
            share(|one| one.isolated.is_some()),
        )
    });
    Ablation {
        name: name.to_owned(),
        benign: live(&benign(FEW_BENIGN), policy),
        shares: shares.to_vec(),
    }
}

fn courses(usual: &Policy) -> Vec<(Scenario, Course)> {
    let attacks = Scenario::ALL
        .into_iter()
        .filter(|one| one.attack().is_some());
    let jobs: Vec<Plan> = attacks.flat_map(|one| traces(one, 2_001..2_002)).collect();
    let courses = parallel::map(&jobs, |plan| run::course(plan, usual));
    jobs.iter().map(|plan| plan.scenario).zip(courses).collect()
}

/// False isolations in a thousand peer-days, and the median seconds until a scan is isolated, by
/// the threshold.
fn tradeoff(watched: &[[Vec<Point>; 2]], passive: &Policy) -> Result<Vec<Line>, String> {
    let plans = traces(Scenario::Scan, FEW_ATTACKS);
    let mut ours = Vec::new();
    for nats in THRESHOLDS {
        let policy = policies::isolating_at(nats)?;
        let benign = live(&benign(TRADEOFF_BENIGN), &policy);
        let outcomes = parallel::map(&plans, |plan| run::replay(plan, &policy).isolated);
        if let Some(seconds) = median_of_all(&outcomes) {
            ours.push((1_000.0 * float(benign.isolated) / benign.peer_days, seconds));
        }
    }
    let mut all = vec![("Sallyport", ours)];
    let attacked = parallel::map(&plans, |plan| run::watch(plan, passive));
    for (number, name) in NAMES.into_iter().enumerate() {
        let steps = usize::try_from(STEPS).unwrap_or(0);
        let points = (0..steps).filter_map(|step| {
            let hits: Vec<_> = attacked
                .iter()
                .map(|both| both.get(number).and_then(|points| points.get(step)?.hit))
                .collect();
            let false_isolations = float(others(watched, number, step));
            let rate = 1_000.0 * false_isolations / days(watched.len());
            Some((rate, median_of_all(&hits)?))
        });
        all.push((name, points.collect()));
    }
    Ok(all)
}

/// The median, if at least half of the traces have one.
fn median_of_all(hits: &[Option<run::Hit>]) -> Option<f64> {
    let detection = Detection::of(hits);
    detection
        .seconds
        .filter(|_| detection.share >= 0.5)
        .map(|spread| spread.median)
}

impl Benign {
    /// False isolations in a thousand peer-days, and their upper bound.
    pub(crate) fn isolations(&self) -> (f64, f64) {
        let scale = 1_000.0 / self.peer_days;
        (
            scale * float(self.isolated),
            scale * poisson_bound(self.isolated),
        )
    }

    pub(crate) fn restrictions(&self) -> f64 {
        1_000.0 * float(self.restricted) / self.peer_days
    }
}

//! Measuring a group: two rounds at a time with fresh processes, the second one backwards, so that a
//! drift of the machine favours nobody (ABBA).

use std::time::Instant;

use sallyport_e2e::envoy::Processes;

use crate::credentials::Authorities;
use crate::error::BenchError;
use crate::load::{Client, Load, Outcome, Pace};
use crate::machine::{self, Environment};
use crate::measurement::{Rounds, Saturation, Turn};
use crate::plan::Group;
use crate::stand::{Place, Programs, Stand, cpus};
use crate::statistics::count;
use crate::usage;

/// Measures until the group has so many rounds; at most `blocks` times two of them now.
pub(crate) fn measure(
    programs: &Programs,
    group: &Group,
    store: &mut Rounds<Turn>,
    [rounds, blocks]: [usize; 2],
    processes: &Processes,
) -> Result<(), BenchError> {
    if store.count() >= rounds {
        return Ok(());
    }
    let authorities = Authorities::new()?;
    let most = group.cells.iter().map(|cell| cell.peers).max();
    let callers = authorities.hybrid_peers(0..most.unwrap_or(0))?;
    for _ in 0..blocks {
        let first = store.count();
        if first >= rounds {
            break;
        }
        anstream::println!(
            "{}: rounds {} and {} of {rounds}",
            group.name,
            first + 1,
            first + 2
        );
        let load_before = machine::load()?;
        if load_before > QUIET {
            anstream::println!(
                "  warning: the load of this machine is {load_before}; something else runs"
            );
        }
        anstream::println!("  starting Envoys");
        let stand = Stand::start(programs, group, (&authorities, &callers), processes)?;
        let bench = Bench {
            stand: &stand,
            load: Load {
                oha: programs.oha.clone(),
                cpus: cpus::CALLERS,
                headers: stand.headers.clone(),
            },
            environment: &store.environment,
            load_before,
        };
        for place in &stand.places {
            bench.warm(place)?;
        }
        let mut turns = Vec::new();
        for place in &stand.places {
            turns.push(bench.turn(place, first)?);
        }
        for place in stand.places.iter().rev() {
            turns.push(bench.turn(place, first.saturating_add(1))?);
        }
        store.add_all(turns)?;
    }
    Ok(())
}

struct Bench<'a> {
    stand: &'a Stand,
    load: Load,
    environment: &'a Environment,
    load_before: f64,
}

impl Bench<'_> {
    fn warm(&self, place: &Place) -> Result<(), BenchError> {
        let pace = Pace::EachSecond(self.environment.rate);
        self.load.run(&url(place), pace, WARM_SECONDS, None)?;
        Ok(())
    }

    fn turn(&self, place: &Place, round: usize) -> Result<Turn, BenchError> {
        let Environment {
            rate,
            seconds,
            saturated_seconds,
            ..
        } = self.environment;
        let constant = self.watch(place, || {
            let pace = Pace::EachSecond(*rate);
            self.load.run(&url(place), pace, *seconds, None)
        })?;
        if constant.outcome.rate < LEAST_SHARE * f64::from(*rate) {
            let problem = format!(
                "{:.0} requests a second came, not {rate}",
                constant.outcome.rate
            );
            return Err(place.invalid(problem));
        }
        let resident_kib = usage::resident_kib(place.inbound.id())?;
        let saturated = match saturated_seconds {
            0 => None,
            seconds => Some(self.saturate(place, *seconds)?),
        };
        let turn = Turn {
            cell: place.cell,
            round,
            load_before: self.load_before,
            requests: constant.requests,
            cpu_us: constant.cpu_us,
            helper_cpu_us: constant.helper_cpu_us,
            p50_us: constant.outcome.p50_us,
            p90_us: constant.outcome.p90_us,
            p99_us: constant.outcome.p99_us,
            resident_kib,
            helper_resident_kib: self.stand.helpers_kib(&place.cell)?,
            start_ms: place.started.as_secs_f64() * 1e3,
            saturation: saturated.map(|watched| Saturation {
                rate: watched.outcome.rate,
                cpu_us: watched.cpu_us,
                share: watched.share,
            }),
        };
        print(place, &turn);
        Ok(turn)
    }

    /// Asks the called Envoy directly: with another Envoy in between, that one would be the slow one.
    fn saturate(&self, place: &Place, seconds: u32) -> Result<Watched, BenchError> {
        let client = Client {
            certificate: &place.certificate,
            key: &place.key,
        };
        let mut load = self.load.clone();
        load.headers.extend(place.token.iter().cloned());
        let path = place.cell.variant.path();
        let url = format!("https://localhost:{}{path}", place.inbound_port);
        self.watch(place, || {
            load.run(&url, Pace::Saturating, seconds, Some(&client))
        })
    }

    /// Runs load, and sees to it that exactly its requests were what the cell stands for.
    fn watch(
        &self,
        place: &Place,
        load: impl FnOnce() -> Result<Outcome, BenchError>,
    ) -> Result<Watched, BenchError> {
        let counters = place.counters()?;
        let helpers = self.stand.helpers_cpu_ns(&place.cell)?;
        let (cpu, start) = (usage::cpu_ns(place.inbound.id())?, Instant::now());
        let outcome = load()?;
        let (used, passed) = (usage::cpu_ns(place.inbound.id())?, start.elapsed());
        let used = used.saturating_sub(cpu);
        let helpers_used = self
            .stand
            .helpers_cpu_ns(&place.cell)?
            .saturating_sub(helpers);
        let requests = only_status(&outcome, place)?;
        for (before, after) in counters.iter().zip(place.counters()?) {
            let counted = after.saturating_sub(*before);
            if counted != requests {
                let problem = format!("of {requests} answers its counters show {counted}");
                return Err(place.invalid(problem));
            }
        }
        let each = |nanoseconds: u64| microseconds(nanoseconds) / count(requests);
        Ok(Watched {
            cpu_us: each(used),
            helper_cpu_us: each(helpers_used),
            share: microseconds(used) / 1e6 / passed.as_secs_f64(),
            requests,
            outcome,
        })
    }
}

struct Watched {
    outcome: Outcome,
    requests: u64,
    cpu_us: f64,
    helper_cpu_us: f64,
    share: f64,
}

/// The number of answers, all of which must have the status that the cell stands for.
fn only_status(outcome: &Outcome, place: &Place) -> Result<u64, BenchError> {
    let expected = place.cell.variant.status().to_string();
    match outcome.statuses.iter().next() {
        Some((status, requests)) if outcome.statuses.len() == 1 && *status == expected => {
            Ok(*requests)
        }
        _ => {
            let problem = format!("it answered {:?}", outcome.statuses);
            Err(place.invalid(problem))
        }
    }
}

fn print(place: &Place, turn: &Turn) {
    let Turn {
        cpu_us,
        helper_cpu_us,
        p50_us,
        p99_us,
        saturation,
        ..
    } = turn;
    let saturation = saturation.as_ref().map_or_else(String::new, |found| {
        let Saturation { rate, share, .. } = found;
        format!(", saturated at {rate:.0}/s ({:.0} %)", share * 100.0)
    });
    let name = place.cell.variant.title();
    let (flows, peers) = (place.cell.flows, place.cell.peers);
    anstream::println!(
        "  {name:<30} {flows:>5} flows {peers:>5} peers: {:6.1} us of processor, p50 {p50_us:5.0} us, p99 {p99_us:5.0} us{saturation}",
        cpu_us + helper_cpu_us,
    );
}

fn url(place: &Place) -> String {
    let path = place.cell.variant.path();
    format!("http://127.0.0.1:{}{path}", place.outbound_port)
}

fn microseconds(nanoseconds: u64) -> f64 {
    count(nanoseconds) / 1e3
}

/// Below this share of the rate it asked for, the load generator was the one who was slow.
const LEAST_SHARE: f64 = 0.98;
/// What a machine that does nothing else has, with what is left of the rounds before.
pub(crate) const QUIET: f64 = 3.0;
/// Enough for each of a hundred callers to have called.
const WARM_SECONDS: u32 = 2;

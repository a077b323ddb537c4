//! Attacks and the accidents that resemble them: how long until the score answers, and whom it must
//! leave alone. Run with `--nocapture` to see the figures.

use sallyport_engine::trust::Behaviour;

use crate::mesh::{Caller, Worker};

/// Random numbers that are the same in each run (a linear congruential generator).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A waiting time with this mean, in milliseconds: exponential, so that arrivals are random.
    fn wait_ms(&mut self, mean_ms: f64) -> u64 {
        (-(1.0 - self.next()).ln() * mean_ms) as u64
    }

    /// Log-normal with a median of one.
    fn log_normal(&mut self, sigma: f64) -> f64 {
        let uniform: f64 = (0..12).map(|_| self.next()).sum::<f64>() - 6.0;
        (uniform * sigma).exp()
    }
}

/// When a caller was restricted and isolated, in seconds and requests since it began.
#[derive(Debug, Default, Clone, Copy)]
struct Reached {
    restricted: Option<(f64, usize)>,
    isolated: Option<(f64, usize)>,
}

impl Reached {
    fn note(&mut self, standing: Behaviour, since_ms: u64, requests: usize) {
        let here = (since_ms as f64 / 1_000.0, requests);
        if standing >= Behaviour::Restricted {
            self.restricted.get_or_insert(here);
        }
        if standing == Behaviour::Isolated {
            self.isolated.get_or_insert(here);
        }
    }
}

/// A word that no other probe has.
fn word(number: usize) -> String {
    let letter = |place: usize| (b'a' + (number / 26_usize.pow(place as u32) % 26) as u8) as char;
    (0..5).map(letter).collect()
}

/// Probes for distinct words, with a share of allowed requests between them.
fn scan(seed: u64, mean_ms: f64, denied: f64, random_times: bool, for_ms: u64) -> Reached {
    let (mut worker, mut random) = (Worker::new(8), Random(seed));
    let caller = Caller::client(1);
    let (mut reached, mut ms, mut requests) = (Reached::default(), 0, 0);
    while ms < for_ms && reached.isolated.is_none() {
        requests += 1;
        if random.next() < denied {
            let path = format!("/{}", word(requests));
            let _ = worker.ask(&caller, "GET", &path, ms);
        } else {
            worker.serve(&caller, ("GET", "/v1/items"), (200, 500), ms);
        }
        let state = worker.peers.state(&caller.key);
        reached.note(state.unwrap().standing(), ms, requests);
        ms += if random_times {
            random.wait_ms(mean_ms)
        } else {
            (mean_ms * (0.8 + 0.4 * random.next())) as u64
        };
    }
    reached
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn share(runs: &[Reached], of: impl Fn(&Reached) -> Option<(f64, usize)>, within: f64) -> f64 {
    let hits = runs
        .iter()
        .filter(|run| of(run).is_some_and(|at| at.0 <= within));
    hits.count() as f64 / runs.len() as f64
}

#[test]
fn a_scan_is_isolated_within_seconds() {
    let runs: Vec<Reached> = (0..200)
        .map(|seed| scan(seed, 500.0, 0.8, true, 60_000))
        .collect();
    let seconds = median(runs.iter().map(|run| run.isolated.unwrap().0).collect());
    let requests = median(
        runs.iter()
            .map(|run| run.isolated.unwrap().1 as f64)
            .collect(),
    );
    println!("scan of 2 rps: isolated after a median of {seconds} s and {requests} requests");
    assert!(seconds <= 8.0 && requests <= 15.0);
}

#[test]
fn a_probe_a_minute_is_isolated_within_ten_minutes() {
    let runs: Vec<Reached> = (0..200)
        .map(|seed| scan(seed, 60_000.0, 1.0, false, 3_600_000))
        .collect();
    let share = share(&runs, |run| run.isolated, 600.0);
    let seconds = median(runs.iter().map(|run| run.isolated.unwrap().0).collect());
    println!("one probe a minute: {share} isolated in ten minutes, median {seconds} s");
    assert!(share >= 1.0);
}

#[test]
fn a_probe_in_ten_minutes_is_restricted_and_then_isolated() {
    // At random times the wait for a tenth probe alone has a wide spread: one run in ten has fewer
    // than seven probes in a hundred minutes.
    for (name, random_times, least) in [("regular", false, 0.95), ("random", true, 0.9)] {
        let runs: Vec<Reached> = (0..300)
            .map(|seed| scan(seed, 600_000.0, 1.0, random_times, 4 * 3_600_000))
            .collect();
        let restricted = share(&runs, |run| run.restricted, 6_000.0);
        let isolated = share(&runs, |run| run.isolated, 10_800.0);
        println!(
            "one probe in ten minutes, {name}: {restricted} restricted in 100 min, {isolated} isolated in 3 h"
        );
        assert!(restricted >= least && isolated >= 0.8);
    }
}

/// A client that is known: one request in `mean_ms` for half an hour, with sizes around 2 KB.
fn known_client(mean_ms: f64, seed: u64) -> (Worker, Caller, Random, u64) {
    let (mut worker, mut random) = (Worker::new(8), Random(seed));
    let caller = Caller::client(1);
    let mut ms = 0;
    while ms < 1_800_000 {
        let bytes = (2_000.0 * random.log_normal(0.7)) as u64;
        assert!(worker.serve(&caller, ("GET", "/v1/items/7"), (200, bytes), ms));
        ms += random.wait_ms(mean_ms);
    }
    (worker, caller, random, ms)
}

/// A change of what a client does: how often, and how much it gets.
fn change(mean_ms: f64, seed: u64, faster: f64, more: f64) -> Option<f64> {
    let (mut worker, caller, mut random, start) = known_client(mean_ms, seed);
    let mut ms = start;
    while ms < start + 120_000 {
        let bytes = (2_000.0 * more * random.log_normal(0.7)) as u64;
        worker.serve(&caller, ("GET", "/v1/items/7"), (200, bytes), ms);
        let standing = worker.peers.state(&caller.key).unwrap().standing();
        if standing >= Behaviour::Restricted {
            return Some((ms - start) as f64 / 1_000.0);
        }
        ms += random.wait_ms(mean_ms / faster);
    }
    None
}

#[test]
fn exfiltration_and_floods_are_restricted() {
    for (name, faster, more, within) in [
        ("exfiltration x20", 1.0, 20.0, 60.0),
        ("flood x10", 10.0, 1.0, 30.0),
    ] {
        for mean_ms in [1_000.0, 200.0] {
            let times: Vec<Option<f64>> = (0..60)
                .map(|seed| change(mean_ms, seed, faster, more))
                .collect();
            let hits = times.iter().flatten().filter(|time| **time <= within);
            let share = hits.count() as f64 / times.len() as f64;
            let median = median(times.iter().map(|time| time.unwrap_or(999.0)).collect());
            println!("{name}, one in {mean_ms} ms: {share} within {within} s, median {median} s");
            assert!(share >= 0.95, "{name} {mean_ms}: {times:?}");
        }
    }
}

/// Benign days: load that follows the hour and wanders, sizes that scatter, 404 now and then, a
/// deploy with new operations and an undeclared path, a retry storm.
#[test]
fn benign_days_isolate_nobody() {
    benign_days(false, 0.05);
    // A busy client that repeats an undeclared path is restricted for a while: that is meant so.
    benign_days(true, 0.25);
}

fn benign_days(with_deploy: bool, share_restricted: f64) {
    let (mut restricted, mut isolated, mut days) = (0, 0, 0);
    for seed in 0..60 {
        let (mut worker, mut random) = (Worker::new(8), Random(seed));
        let caller = Caller::client(1);
        let mean_ms = 4_000.0 * random.log_normal(1.0);
        let (mut ms, mut mood) = (0_u64, 0.0_f64);
        let mut worst = Behaviour::Trusted;
        while ms < 86_400_000 {
            let hour = ms as f64 / 3_600_000.0;
            mood = 0.98 * mood + 0.06 * (random.next() - 0.5);
            let day = (0.6 * (hour / 24.0 * std::f64::consts::TAU).sin()).exp();
            let is_deploy = with_deploy && (9.0..9.1).contains(&hour);
            let is_storm = (15.0..15.05).contains(&hour);
            let storm = if is_storm { 3.0 } else { 1.0 };
            let bytes = (2_000.0 * random.log_normal(1.0)) as u64;
            let status = if random.next() < 0.01 { 404 } else { 200 };
            let status = if is_storm { 503 } else { status };
            if is_deploy && random.next() < 0.2 {
                worker.serve(&caller, ("GET", "/v2/undeclared/17"), (200, bytes), ms);
            } else if is_deploy && random.next() < 0.3 {
                worker.serve(&caller, ("GET", "/v1/extra/new"), (200, bytes), ms);
            } else {
                worker.serve(&caller, ("GET", "/v1/items/7"), (status, bytes), ms);
            }
            let standing = worker.peers.state(&caller.key).unwrap().standing();
            worst = worst.max(standing);
            ms += 1 + random.wait_ms(mean_ms / (day * mood.exp() * storm));
        }
        days += 1;
        restricted += usize::from(worst >= Behaviour::Restricted);
        isolated += usize::from(worst == Behaviour::Isolated);
    }
    println!(
        "{days} benign days, deploys {with_deploy}: {restricted} with a restriction, {isolated} with an isolation"
    );
    assert_eq!(isolated, 0);
    assert!(
        restricted as f64 <= share_restricted * f64::from(days),
        "{restricted}"
    );
}

#[test]
fn on_and_off_does_not_help() {
    // Bursts of three probes with ten minutes of good behaviour between them.
    let mut worker = Worker::new(8);
    let caller = Caller::client(1);
    let (mut probes, mut ms) = (0, 0);
    while worker.standing(&caller, ms) < Behaviour::Isolated {
        for _ in 0..3 {
            probes += 1;
            let _ = worker.ask(&caller, "GET", &format!("/{}", word(probes)), ms);
        }
        for second in 0..600 {
            worker.serve(
                &caller,
                ("GET", "/v1/items"),
                (200, 500),
                ms + second * 1_000,
            );
        }
        ms += 600_000;
        assert!(ms < 7_200_000);
    }
    println!(
        "on and off: isolated after {probes} probes and {} min",
        ms / 60_000
    );
    assert!(probes <= 12);
}

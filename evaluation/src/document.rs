//! The document.

use std::fmt::Write;

use sallyport_simulation::generate::Scenario;

use crate::plan::{ABLATED, ATTACKS, Attack, BENIGN, CHOOSING, DAYS, Findings, PEERS};
use crate::run::float;
use crate::summary::{Detection, Spread};

pub(crate) fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for part in [
        introduction(findings),
        targets(findings),
        attacks(findings),
        everyday(findings),
        compared(findings),
        ablation(findings),
        LIMITS.to_owned(),
    ] {
        text.push_str(&part);
    }
    text
}

fn introduction(findings: &Findings) -> String {
    let benign = &findings.benign;
    format!(
        "# Evaluation of the trust score

How soon the score stops attacks, and how often it stops the innocent. `make evaluate` writes this
page and its figures from seeds; the same seeds give the same bytes. All requests go through the real
engine (`session::answer`, `session::observe_response`, the compiled policy `simulation/mesh.json`)
with the numbers that apply where a policy says nothing ([trust.md](trust.md)), at one worker.

| seeds | for |
|---|---|
| {} to {} | choosing the thresholds of the baselines; the numbers of the score were chosen before, without this program |
| {} to {} | everyday life: {} peer-days, {} requests |
| {} to {} | each attack and each incident: {} traces |

A peer is a replica. Everyday life has {PEERS} of them for {DAYS} days a seed, at log-normal rates (median
1.1 a minute, up to 12: low, so that the peer-days fit into 20 million requests), with days and
nights, autocorrelated load, clusters, hourly batch jobs at every tenth replica, renewed certificates
(daily), deploys (0.3 a day and service), failures of the called workload with retries (0.25 a day), and
undeclared paths (one in a hundred days and service). Attackers take over a replica of about 40 requests
a minute after two hours of its usual work. The generator and the score rest on the same
assumptions: results on recorded traffic (`sallyport simulate`, [operations.md](operations.md)) count for more.

",
        CHOOSING.start,
        CHOOSING.end - 1,
        BENIGN.start,
        BENIGN.end - 1,
        benign.peer_days,
        benign.events,
        ATTACKS.start,
        ATTACKS.end - 1,
        ATTACKS.end - ATTACKS.start,
    )
}

fn targets(findings: &Findings) -> String {
    let mut text = String::from("## Targets\n\n| target | measured | met |\n|---|---|---|\n");
    let mut row = |target: &str, measured: String, met: bool| {
        let met = if met { "yes" } else { "**no**" };
        let _ = writeln!(text, "| {target} | {measured} | {met} |");
    };
    let (rate, bound) = findings.benign.isolations();
    row(
        "at most 1 false isolation in 1000 peer-days",
        format!("{rate:.2}, at 95% below {bound:.2}"),
        rate <= 1.0,
    );
    let of = |scenario| {
        findings
            .attacks
            .iter()
            .find(|attack| attack.scenario == scenario)
    };
    let median = |detection: &Detection| detection.seconds.map_or(f64::INFINITY, |one| one.median);
    let requests =
        |detection: &Detection| detection.requests.map_or(f64::INFINITY, |one| one.median);
    let measured = |detection: &Detection| {
        let (seconds, requests) = (median(detection), requests(detection));
        format!(
            "TPR {:.2}, median {seconds:.1} s, {requests} requests",
            detection.share
        )
    };
    if let Some(scan) = of(Scenario::Scan) {
        let one = &scan.isolated;
        row(
            "scan ISOLATED with TPR 1.00, median <= 8 s and <= 15 requests",
            measured(one),
            one.share >= 1.0 && median(one) <= 8.0 && requests(one) <= 15.0,
        );
    }
    if let Some(slow) = of(Scenario::SlowMinute) {
        let one = &slow.isolated;
        row(
            "one probe a minute ISOLATED with TPR 1.00, median <= 10 min",
            measured(one),
            one.share >= 1.0 && median(one) <= 600.0,
        );
    }
    if let Some(slow) = of(Scenario::SlowTenMinutes) {
        let one = &slow.restricted;
        row(
            "one probe in ten minutes RESTRICTED with TPR >= 0.95 within 100 min",
            measured(one),
            one.share >= 0.95 && one.seconds.is_some_and(|one| one.p95 <= 6_000.0),
        );
        let one = &slow.isolated;
        row(
            "the same ISOLATED with TPR >= 0.8 within 3 h",
            measured(one),
            one.share >= 0.8 && median(one) <= 10_800.0,
        );
    }
    for (scenario, target, seconds) in [
        (
            Scenario::Exfiltration,
            "answers of 20 times the size RESTRICTED, median <= 60 s",
            60.0,
        ),
        (
            Scenario::Flood,
            "ten times the requests RESTRICTED, median <= 30 s",
            30.0,
        ),
    ] {
        if let Some(attack) = of(scenario) {
            let one = &attack.restricted;
            row(
                target,
                measured(one),
                one.share >= 0.5 && median(one) <= seconds,
            );
        }
    }
    text + "\n"
}

fn attacks(findings: &Findings) -> String {
    let mut text = String::from(
        "## Attacks

The score that the attackers have while they are at it:

![trust of the attackers over time](evaluation/score.svg)

TPR is the share of traces in which an attacker reached the state. Times count from the first request of
the attack, median and 95th percentile; requests are those of the attack. *Passed* is the share of
the attack's requests that the policy let through, of all traces; *bystanders* are other peers that were
isolated in all traces.

| attack | RESTRICTED: TPR | seconds | requests | ISOLATED: TPR | seconds | requests | passed | bystanders |
|---|---|---|---|---|---|---|---|---|
",
    );
    for attack in &findings.attacks {
        let (restricted, isolated) = (&attack.restricted, &attack.isolated);
        let _ = writeln!(
            text,
            "| {} {} | {:.2} | {} | {} | {:.2} | {} | {} | {:.1}% | {} |",
            attack.scenario.attack().unwrap_or_default(),
            attack.scenario,
            restricted.share,
            show(restricted.seconds),
            show(restricted.requests),
            isolated.share,
            show(isolated.seconds),
            show(isolated.requests),
            100.0 * attack.passed,
            attack.others_isolated,
        );
    }
    let scan = findings
        .attacks
        .iter()
        .find(|one| one.scenario == Scenario::Scan);
    let recovery = show(scan.and_then(|scan| scan.recovery));
    let _ = writeln!(
        text,
        "
A replica that scanned for ten minutes and then works as before is TRUSTED again after {recovery} seconds
(median, 95th percentile).

What the numbers do not say by themselves:

- A1, A11, A12, A13 and A16 are refused request by request, whatever the score is; it only adds how soon
  the peer is shut out altogether. `expiry` is no evidence, so its peers stay TRUSTED; `downgrade` shows the
  same failing certificate again and again, which a client that is stuck does too.
- RESTRICTED is counted from the first request of the attack on, whatever the reason: in the hours of
  A4 and A7 also for the rate of the replica's own batch jobs. ISOLATED cannot come from those.
- **Missed:** `sybil` makes three probes a certificate, which is below each threshold; certificates of one
  identity are scored one by one until some of them are isolated. All of its probes are refused.
- **Missed:** `baseline-poisoning`: a rate that creeps up by a factor of five in eight hours becomes the usual one.
- `rotation`: its bystanders are the replicas of the identity that was stolen. Three isolated certificates
  within an hour isolate the identity, so that new ones do not help, and the healthy ones pay for it.
- `framing`: tokens that name another workload count against the connection that presents them; the victims
  would be bystanders.
- `state-exhaustion`: 12 000 new identities in twelve minutes; *passed* tells whether the scanner was forgotten.

How each attack of the threat model is shown:

| attack | in a trace by | and in tests |
|---|---|---|
| A2 stolen identity | another `certificate` of the same `peer` | `engine/src/trust/peers/tests.rs` |
| A10 rotation | a new `certificate` every two minutes | `engine/src/trust/wire/tests.rs`, `three_certificates_isolated_at_different_workers_isolate_the_identity` |
| A11 downgrade | `certificate_fault` | `credentials/tests/vectors`, `e2e/scenarios/hybrid-certificate.yaml` |
| A12 replay on another connection | `token` with a `fault` | `credentials/tests/vectors`, `e2e/scenarios/hybrid-token.yaml` |
| A13 expiry | `not_after_ms` | `e2e/scenarios/expiry.yaml` |
| A15 spoofed headers | not: such headers never reach the score | `engine/src/headers/tests.rs`, `removes_credentials_and_spoofed_headers`; `e2e/scenarios/spoofed-headers.yaml` |
| A17 state exhaustion | a flood of `peer`s | `engine/src/trust/peers/tests.rs`, `a_flood_of_identities_evicts_neither_isolated_nor_suspicious_peers` |
| A18 clock skew | `t_ms` that jumps two hours ahead and back | `engine/src/trust/peers/tests.rs`, `a_clock_far_ahead_and_back_does_not_stop_forgetting` |
| the others | what is asked for, how often, and how large | `engine/tests/trust/attacks.rs` |

"
    );
    text
}

fn everyday(findings: &Findings) -> String {
    let benign = &findings.benign;
    let (rate, bound) = benign.isolations();
    let mut text = format!(
        "## Everyday life

In {} peer-days: {} isolations, {rate:.2} in 1000 peer-days, at 95% below {bound:.2} (Poisson). {} certificates were
RESTRICTED at some time ({:.1} in 1000 peer-days), and came back to that state {} times: most of them belong
to replicas with an hourly batch job that is quiet otherwise. Rate and volume count its first runs as
unusual, until it is a habit; a renewed certificate begins anew. A segment of callers that must not be
restricted even then should have lower `weights` for `rate` and `volume`.

Incidents, one a trace, by the replicas that live through them:

| incident | replicas | RESTRICTED | ISOLATED |
|---|---|---|---|
",
        benign.peer_days, benign.isolated, benign.restricted, benign.restrictions(), benign.flaps
    );
    for incident in &findings.incidents {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            incident.scenario, incident.peers, incident.restricted, incident.isolated
        );
    }
    text + "
`typo-names` is the mistake that the score cannot tell from a scan: a path that the policy forgot and that
holds names, so that each request asks for another target. `key-rotation` is a service whose fresh tokens,
one every quarter of an hour, come from an authority that the called sidecar does not know yet. Some
5% of the replicas are RESTRICTED in any of these traces, for their batch jobs.

"
}

fn compared(findings: &Findings) -> String {
    let mut text = String::from(
        "## Other scores

On the same requests: an additive weighted average (certificate 0.25, share of allowed requests 0.45, of
accepted ones 0.15, usual rate 0.15; moving averages over some 50 requests), and Beta reputation that
forgets within an hour. Each isolates below the highest threshold that cost at most one false
isolation in 1000 peer-days on the seeds for choosing:

",
    );
    for baseline in &findings.baselines {
        let rate = 1_000.0 * float(baseline.isolated) / findings.benign.peer_days;
        let _ = writeln!(
            text,
            "- {}: 0.{:02}; on the held-out seeds {rate:.2} in 1000 peer-days",
            baseline.name, baseline.threshold
        );
    }
    text.push_str(
        "
| attack | Sallyport: TPR | seconds | weighted average: TPR | seconds | Beta reputation: TPR | seconds |
|---|---|---|---|---|---|---|
",
    );
    for attack in &findings.attacks {
        let Attack {
            scenario,
            isolated,
            baselines: [average, beta],
            ..
        } = attack;
        let _ = write!(
            text,
            "| {} {scenario}",
            scenario.attack().unwrap_or_default()
        );
        for detection in [isolated, average, beta] {
            let _ = write!(
                text,
                " | {:.2} | {}",
                detection.share,
                show(detection.seconds)
            );
        }
        text.push_str(" |\n");
    }
    text + "
The others count failures beside successes: they shut out a new peer at its first failures, and a busy
one late or never. They would also isolate where Sallyport does not mean to (`expiry`). In the
figure, each dot is a threshold; dots to the left and below are better. Beta reputation has none: where it
isolates half of the scans, it isolates more than 50 others in 1000 peer-days.

![time to isolate against false isolations](evaluation/tradeoff.svg)

"
}

fn ablation(findings: &Findings) -> String {
    let mut text = String::from(
        "## Without each family\n\nOn a tenth of the seeds: the share of traces RESTRICTED / ISOLATED; in everyday life, RESTRICTED\nand ISOLATED certificates in 1000 peer-days.\n\n| | everyday life",
    );
    for scenario in ABLATED {
        let _ = write!(text, " | {scenario}");
    }
    text.push_str(" |\n|---|---|");
    text.push_str(&"---|".repeat(ABLATED.len()));
    text.push('\n');
    for ablation in &findings.ablation {
        let (isolations, _) = ablation.benign.isolations();
        let restrictions = ablation.benign.restrictions();
        let _ = write!(
            text,
            "| {} | {restrictions:.1} / {isolations:.1}",
            ablation.name
        );
        for (restricted, isolated) in &ablation.shares {
            let _ = write!(text, " | {restricted:.2} / {isolated:.2}");
        }
        text.push_str(" |\n");
    }
    text + "\n"
}

/// Median and 95th percentile.
fn show(spread: Option<Spread>) -> String {
    match spread {
        None => "-".to_owned(),
        Some(spread) if spread.p95 >= 100.0 => format!("{:.0}, {:.0}", spread.median, spread.p95),
        Some(spread) => format!("{:.1}, {:.1}", spread.median, spread.p95),
    }
}

const LIMITS: &str = "\
## What the score cannot see

- Attacks within what the policy allows, at the usual rate and size: a thief who reads one order a
  minute looks like the workload.
- Fewer than three probes an hour and certificate, and probes spread over many certificates of one
  identity.
- Identifiers: walking the numbers of one refused route counts as one target, so that a policy
  that forgot the route isolates nobody. It restricts at most, and each of these requests is refused.
- Who is behind an aggregator: such callers raise an alarm and are not restricted for it.
- A peer that is new: its rate, volume and novelty are judged once it has a baseline.
- Load that doubles or triples: rate and volume count from about five times the usual on, as deploys and
  retries reach that.
";

//! docs/performance.md: what was measured, in words and tables.

use std::fmt::Write;

use crate::growth::Sample;
use crate::machine::Environment;
use crate::measurement::{Rounds, Turn};
use crate::plan::{Cell, Variant, groups};
use crate::results::{CPU, Figure, GroupResults, MEMORY, P99, Results, SATURATED, SATURATED_CPU};
use crate::run::QUIET;
use crate::statistics::{self, median, spread};
use crate::targets::{Verdict, interval, targets};

/// The document with what was measured between its marks; none where it has no marks.
pub(crate) fn insert(page: &str, results: &Results) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}\n{}{END}{after}", text(results)))
}

fn text(results: &Results) -> String {
    let mut text = String::new();
    let sections = [
        environments(results),
        reached(results),
        METHOD.to_owned(),
        results.groups.iter().map(group).collect::<String>(),
        cold(results),
        growth(results),
        missing(results),
    ];
    for section in sections {
        text.push_str(&section);
    }
    text
}

fn environments(results: &Results) -> String {
    let mut text = String::new();
    let found = results.environments();
    if found.len() > 1 {
        text.push_str(
            "\nNot all of this was measured with the same programs: compare within tables only.\n",
        );
    }
    if results.groups.iter().any(|group| load(group) > QUIET) {
        text.push_str(
            "\n**The machine did other work at the same time: the figures are those of a busy one, and not final.**\n",
        );
    }
    for environment in found {
        let Environment {
            processor,
            processors,
            kernel,
            envoy,
            oha,
            opa,
            module_sha256,
            module_bytes,
            noop_bytes,
            ..
        } = environment;
        let short = module_sha256.get(..12).unwrap_or(module_sha256);
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "\nMeasured on {processors} processors ({processor}; {kernel}) with Envoy {envoy}, {oha}, OPA {opa}; the module \
             (SHA-256 {short}..) has {module_bytes} bytes, the one that does nothing {noop_bytes}.\n"
        );
    }
    text
}

fn reached(results: &Results) -> String {
    let mut text = String::from(
        "\n## What it has to reach\n\nAllowed requests with hybrid certificates, warm, 100 flows, 100 callers, unless it says otherwise.\n\n\
         | What | Limit | Measured | |\n|---|---|---|---|\n",
    );
    for target in targets(results) {
        let (measured, verdict) = match &target.found {
            None => ("not measured".to_owned(), ""),
            Some(found) => {
                let verdict = match found.verdict {
                    Verdict::Met => "met",
                    Verdict::Missed => "**missed**",
                    Verdict::Undecided => "undecided: within the interval",
                };
                (found.text.clone(), verdict)
            }
        };
        let (what, limit) = (target.what, target.limit);
        let _ = writeln!(text, "| {what} | {limit} | {measured} | {verdict} |");
    }
    text.push_str("\n![Processor time](performance/processor.svg)\n");
    text
}

fn group(found: &GroupResults) -> String {
    let group = &found.group;
    let rounds = found.turns.count();
    let Environment { rate, .. } = found.turns.environment;
    let mut text = format!(
        "\n## {}\n\n{rounds} rounds; latencies at {rate} requests a second; the load of the machine before them was {:.1}.\n\n\
         | | us of processor | over no filter | over no-op | p50, us | p90, us | p99, us | p99 over no-op | MB | start, ms | saturated: answers a second | us of processor | over no-op |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        group.title,
        load(found)
    );
    for cell in &group.cells {
        let number = |figure: Figure| {
            let values = found.figures(cell, figure);
            format!("{:.0}", median(&values))
        };
        let over = |variant, figure| match found.added(cell, variant, figure) {
            Some(added) if cell.variant != variant && added.median.is_finite() => {
                interval(added, "us").replace(" us", "")
            }
            Some(_) | None => String::new(),
        };
        let cpu = found.figures(cell, CPU);
        let saturated = match found.estimate(cell, SATURATED).median {
            rate if rate.is_finite() => {
                let share = median(&found.turns.figures(cell, |turn| {
                    turn.saturation.as_ref().map_or(0.0, |found| found.share)
                }));
                let cpu = found.figures(cell, SATURATED_CPU);
                format!(
                    "{rate:.0} ({:.0} %) | {:.1} ± {:.1} | {}",
                    share * 100.0,
                    median(&cpu),
                    spread(&cpu),
                    over(Variant::NoOp, SATURATED_CPU)
                )
            }
            _ => " | | ".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {:.1} ± {:.1} | {} | {} | {} | {} | {} | {} | {:.1} | {} | {saturated} |",
            title(found, cell),
            median(&cpu),
            spread(&cpu),
            over(Variant::NoFilter, CPU),
            over(Variant::NoOp, CPU),
            number(|turn: &Turn| turn.p50_us),
            number(|turn: &Turn| turn.p90_us),
            number(P99),
            over(Variant::NoOp, P99),
            median(&found.figures(cell, MEMORY)),
            number(|turn: &Turn| turn.start_ms),
        );
    }
    if group.cells.iter().any(|cell| cell.variant == Variant::Opa) {
        text.push_str(&helpers(found));
    }
    let _ = writeln!(text, "\n![Latency](performance/latency-{}.svg)", group.name);
    text
}

fn load(found: &GroupResults) -> f64 {
    let loads = found.turns.rows.iter().map(|turn| turn.load_before);
    median(&loads.collect::<Vec<_>>())
}

/// How OPA's figure divides.
fn helpers(found: &GroupResults) -> String {
    let Some(cell) = found.cell(Variant::Opa) else {
        return String::new();
    };
    let of = |figure: Figure| median(&found.figures(cell, figure));
    format!(
        "\nOf ext_authz with OPA, {:.0} us are Envoy's and {:.0} us those of OPA's server.\n",
        of(|turn| turn.cpu_us),
        of(|turn| turn.helper_cpu_us)
    )
}

/// What a row is called: with flows and callers only where these differ in its group.
pub(crate) fn title(found: &GroupResults, cell: &Cell) -> String {
    let cells = &found.group.cells;
    let mut title = cell.variant.title().to_owned();
    if cells.iter().any(|other| other.flows != cell.flows) && cell.variant != Variant::NoOp {
        let _ = write!(title, ", {} flows", cell.flows);
    }
    if cells.iter().any(|other| other.peers != cell.peers) {
        let callers = if cell.peers == 1 { "caller" } else { "callers" };
        let _ = write!(title, ", {} {callers}", cell.peers);
    }
    title
}

fn cold(results: &Results) -> String {
    let Some(cold) = &results.cold else {
        return String::new();
    };
    let of = |figure: fn(&crate::cold::ColdRound) -> f64| {
        median(&cold.rows.iter().map(figure).collect::<Vec<_>>())
    };
    let costs: Vec<f64> = cold.rows.iter().map(crate::cold::ColdRound::cost).collect();
    format!(
        "\n## A certificate that is new\n\n\
         {} rounds of 800 callers, each with a connection and one request of its own, twice. With the filter a call takes {:.0} us the first time \
         and {:.0} us the second (TLS included), with the no-op module {:.0} and {:.0}. What verifying costs is what remains: {}.\n",
        cold.rows.len(),
        of(|round| round.first),
        of(|round| round.again),
        of(|round| round.noop_first),
        of(|round| round.noop_again),
        interval(statistics::of_rounds(&costs), "us")
    )
}

fn growth(results: &Results) -> String {
    let Some(growth) = &results.growth else {
        return String::new();
    };
    let Some(last) = growth.rows.last() else {
        return String::new();
    };
    let Sample {
        second,
        requests,
        refused,
        configurations,
        callers,
        ..
    } = last;
    let peers = most_peers(growth);
    format!(
        "\n## A long run\n\n\
         {requests} requests in {second} s, of a hundred callers that take turns and of {callers} that come with a connection for one request each and come \
         again, while {configurations} configurations were pushed. Each configuration starts with empty caches and, but for what shared data holds, an empty \
         table of callers; at most {peers} were in it at once. {refused} requests were answered with 503: right after a push a worker verifies at most 500 \
         signatures a second.\n\n![Memory](performance/memory.svg)\n"
    )
}

fn most_peers(growth: &Rounds<Sample>) -> u64 {
    let peers = growth.rows.iter().map(|sample| sample.peers);
    peers.max().unwrap_or(0)
}

fn missing(results: &Results) -> String {
    let all = groups();
    let names: Vec<&str> = all
        .iter()
        .map(|group| group.name)
        .filter(|name| results.group(name).is_none())
        .chain(results.cold.is_none().then_some(crate::cold::COLD))
        .chain(results.growth.is_none().then_some(crate::growth::GROWTH))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let names = names.join("`, `");
    format!("\nNot measured yet: `{names}`. `make bench-full` does.\n")
}

const START: &str =
    "<!-- envoys: written by scripts/bench report, from target/bench; edits here are lost -->";
const END: &str = "<!-- envoys: end -->";

const METHOD: &str = r"
## How it is measured

`make bench` measures the six cells of the next section, `make bench-full` everything; both go on where they were ended.

- Two Envoys with mutual TLS and one worker each. Each of a hundred callers has its own certificate and connection (hybrid, RSA 2048 and ML-DSA-65; with
  tokens classical), and requests take turns among them. All cells get the same requests, JWT included; only hybrid tokens, 6 kB of headers, come to none but the
  cells that are named after them. Answers are made by the called Envoy itself, or where a table says so by another one behind it, with 1 kB.
- `oha` sends at a constant rate whatever the answers; latencies count from when a request was due. Saturation is measured without the callers' Envoy,
  which would be the slow one: `oha` asks the called one directly, with a caller's certificate, on 50 connections. In parentheses: how much of its
  processor the called Envoy used then; where that is far from 100 % the load generator was the limit.
- The called Envoy has a processor of its own; the load generator, the callers' Envoy and the application share the other one; OPA may use both.
- Processor time is that of all threads of the called Envoy, and of OPA's server, from the kernel's scheduler, over requests answered. At saturation it
  is the called Envoy's alone.
- Rounds measure all cells, every second one backwards (ABBA), and each two rounds have fresh processes. Differences are those within rounds. Shown are
  medians, after ± the distance of the quartiles, and in brackets 95 % of the bootstrap over rounds.
- A turn counts only if every answer has the status that the cell stands for, and if Envoy's and the filter's own counters rose by as many requests as the
  load generator sent. Before, each filter is seen to refuse what it must.
- RBAC has one rule about the caller's identity, not a hundred flows. OPA's server has the same flows in Rego, and neither logs, metrics nor bundles, so it
  costs less than the usual one. Neither of them verifies ML-DSA, scores callers or writes records.
- The no-op module is what the SDK makes of an empty filter: Envoy enters it seven times for a request without a body, and the filter, which exports only
  the callbacks that it needs, five times. *Host calls only* is a module with the filter's callbacks that asks Envoy for what the filter asks for a warm request,
  and decides nothing.
";

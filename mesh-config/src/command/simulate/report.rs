//! What a replay came to, as text and as JSON.

use sallyport_engine::hexadecimal;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Behaviour, PeerKey};
use sallyport_mesh_config::finding::Printable;
use sallyport_simulation::account::{Account, Accounts, Change, Totals};
use serde::Serialize;

use super::compare::Differences;
use crate::clock;
use crate::command::failure::Failure;
use crate::terminal::{Tone, toned};

/// The accounts of another policy, and how the answers differ.
type Other<'a> = Option<(&'a Accounts, &'a Differences)>;

#[derive(Serialize)]
struct Report<'a> {
    totals: &'a Totals,
    /// Requests of peers that were too many to keep account of.
    unaccounted: u64,
    peers: Vec<Peer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared<'a>>,
}

#[derive(Serialize)]
struct Compared<'a> {
    #[serde(flatten)]
    differences: &'a Differences,
    totals: &'a Totals,
    peers: Vec<Peer<'a>>,
}

#[derive(Serialize)]
struct Peer<'a> {
    peer: &'a str,
    certificate: String,
    segment: Option<&'a str>,
    recorded_segment: &'a str,
    state: Behaviour,
    trust: Option<u8>,
    lowest_trust: Option<u8>,
    #[serde(flatten)]
    totals: &'a Totals,
    changes: &'a [Change],
    further_changes: u64,
}

pub(super) fn json(accounts: &Accounts, other: Other<'_>) -> Result<String, Failure> {
    let report = Report {
        totals: &accounts.totals,
        unaccounted: accounts.unaccounted,
        peers: peers(accounts),
        compared: other.map(|(accounts, differences)| Compared {
            differences,
            totals: &accounts.totals,
            peers: peers(accounts),
        }),
    };
    serde_json::to_string_pretty(&report).map_err(|_| Failure::Encoding("JSON"))
}

fn peers(accounts: &Accounts) -> Vec<Peer<'_>> {
    let all = accounts.sorted().into_iter();
    all.map(|(key, account)| Peer {
        peer: &key.identity,
        certificate: hexadecimal::encode(&key.certificate_sha256),
        segment: account.segment.as_deref(),
        recorded_segment: &account.recorded_segment,
        state: account.standing,
        trust: account.trust,
        lowest_trust: account.lowest_trust,
        totals: &account.totals,
        changes: &account.changes,
        further_changes: account.further_changes,
    })
    .collect()
}

pub(super) fn text(accounts: &Accounts, other: Other<'_>) -> String {
    let all = accounts.sorted();
    let mut lines = vec![format!(
        "{}: {}",
        count(all.len(), "peer"),
        sums(&accounts.totals)
    )];
    let is_quiet = |account: &Account| account.changes.is_empty() && account.totals.denied() == 0;
    let quiet = all.iter().filter(|(_, account)| is_quiet(account)).count();
    for (key, account) in all.iter().filter(|(_, account)| !is_quiet(account)) {
        peer(key, account, &mut lines);
    }
    if quiet > 0 {
        lines.push(format!(
            "{}: all allowed, TRUSTED throughout",
            count(quiet, "peer")
        ));
    }
    if accounts.unaccounted > 0 {
        lines.push(format!(
            "{} requests of further peers are in the sums only",
            accounts.unaccounted
        ));
    }
    if let Some((other, differences)) = other {
        compared(accounts, other, differences, &mut lines);
    }
    lines.join("\n")
}

fn peer(key: &PeerKey, account: &Account, lines: &mut Vec<String>) {
    let certificate = hexadecimal::encode(&key.certificate_sha256);
    let certificate: String = certificate.chars().take(12).collect();
    let segment = account.segment.as_deref().unwrap_or("none");
    let trust = match (account.trust, account.lowest_trust) {
        (Some(trust), Some(lowest)) => format!(", trust {trust} (lowest {lowest})"),
        _ => String::new(),
    };
    lines.push(format!(
        "{} certificate {certificate}, segment {segment}: {}{trust}; {}",
        Printable(&key.identity),
        state(account.standing),
        sums(&account.totals)
    ));
    if account
        .segment
        .as_deref()
        .is_some_and(|name| name != &*account.recorded_segment)
    {
        let recorded = Printable(&account.recorded_segment);
        lines.push(format!(
            "  the trace was recorded with it in segment {recorded}"
        ));
    }
    lines.extend(account.changes.iter().map(change));
    if account.further_changes > 0 {
        lines.push(format!("  and {} changes more", account.further_changes));
    }
}

fn change(change: &Change) -> String {
    let labelled = match change.labelled {
        0 => String::new(),
        some => format!(" ({some} labelled)"),
    };
    let cause = change.cause.map(|cause| format!(", by {cause}"));
    format!(
        "  {} after {} requests{labelled}: {} -> {}{}",
        clock::show(TimeMs(change.t_ms)),
        change.requests,
        change.from.as_str(),
        state(change.to),
        cause.unwrap_or_default()
    )
}

fn compared(
    accounts: &Accounts,
    other: &Accounts,
    differences: &Differences,
    lines: &mut Vec<String>,
) {
    lines.push("with the other policy:".to_owned());
    let before = lines.len();
    for (code, requests) in &differences.newly_denied {
        lines.push(format!(
            "  {requests} requests are refused that were allowed: {code}"
        ));
    }
    for (code, requests) in &differences.newly_allowed {
        lines.push(format!(
            "  {requests} requests are allowed that were refused: {code}"
        ));
    }
    if differences.other_reason > 0 {
        let requests = differences.other_reason;
        lines.push(format!(
            "  {requests} requests are refused for another reason"
        ));
    }
    for (key, account) in accounts.sorted() {
        let Some(changed) = other.get(key) else {
            continue;
        };
        if worst(account) != worst(changed) {
            let certificate = hexadecimal::encode(&key.certificate_sha256);
            let certificate: String = certificate.chars().take(12).collect();
            lines.push(format!(
                "  {} certificate {certificate}: {} at worst, was {}",
                Printable(&key.identity),
                state(worst(changed)),
                worst(account).as_str()
            ));
        }
    }
    if lines.len() == before {
        lines.push("  nothing changes".to_owned());
    }
}

fn worst(account: &Account) -> Behaviour {
    let changes = account.changes.iter().map(|change| change.to);
    changes.max().unwrap_or(Behaviour::Trusted)
}

fn sums(totals: &Totals) -> String {
    let reasons: Vec<String> = totals
        .reasons
        .iter()
        .map(|(code, requests)| format!("{code} {requests}"))
        .collect();
    let reasons = match reasons.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    let (allowed, denied) = (totals.allowed, totals.denied());
    format!(
        "{} requests, {allowed} allowed, {denied} denied{reasons}",
        totals.requests
    )
}

fn state(state: Behaviour) -> String {
    let tone = match state {
        Behaviour::Trusted => Tone::Good,
        Behaviour::Restricted => Tone::Warning,
        Behaviour::Isolated => Tone::Bad,
    };
    toned(tone, state.as_str())
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

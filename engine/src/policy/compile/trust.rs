//! The numbers of the trust score: each in its range, and together of a sense.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::errors::Errors;
use super::limits::{MAXIMUM_AUTHORITIES, MAXIMUM_DWELL_SECONDS, MINIMUM_PRIOR};
use super::signals::signals;
use crate::policy::trust::Trust;
use crate::policy::{PolicyErrorCause as Cause, raw};
use crate::trust::{FleetGuard, Params, PerFamily, Threshold};

#[inline(never)]
pub(super) fn trust(spec: &raw::Spec, errors: &mut Errors) -> Trust {
    let written = spec.trust.as_ref();
    let mut defaults = Params::default();
    if let Some(numbers) = written.and_then(|trust| trust.defaults.as_ref()) {
        let path = "spec.trust.defaults";
        defaults = overridden(&defaults, numbers, path, errors);
        check(&defaults, path, errors);
    }
    let segments = spec.segments.iter().enumerate();
    let segments: Vec<Params> = segments
        .map(|(number, segment)| {
            let path = format!("spec.segments[{number}].trust");
            let mut params = match &segment.trust {
                None => defaults.clone(),
                Some(numbers) => {
                    let params = overridden(&defaults, numbers, &path, errors);
                    check(&params, &path, errors);
                    params
                }
            };
            params.aggregator = segment.callers == Some(raw::Callers::Aggregator);
            params
        })
        .collect();
    Trust {
        defaults,
        segments,
        fleet_guard: fleet_guard(written.and_then(|trust| trust.fleet_guard.as_ref()), errors),
        levels: levels(spec),
        fresh_start_authorities: authorities(spec, errors),
        signals: signals(spec, errors),
    }
}

fn overridden(
    base: &Params,
    numbers: &raw::TrustNumbers,
    path: &str,
    errors: &mut Errors,
) -> Params {
    let prior = numbers.prior.unwrap_or(base.prior);
    if !(MINIMUM_PRIOR..=0).contains(&prior) {
        let (least, most) = (MINIMUM_PRIOR.into(), 0);
        errors.add(&format!("{path}.prior"), Cause::OutOfRange { least, most });
    }
    let rate = numbers
        .restricted_requests_per_minute
        .unwrap_or(base.restricted_requests_per_minute);
    if rate == 0 {
        let (least, most) = (1, u16::MAX.into());
        errors.add(
            &format!("{path}.restrictedRequestsPerMinute"),
            Cause::OutOfRange { least, most },
        );
    }
    let restricted = threshold(
        base.restricted,
        numbers.restricted.as_ref(),
        &format!("{path}.restricted"),
        errors,
    );
    let isolated = threshold(
        base.isolated,
        numbers.isolated.as_ref(),
        &format!("{path}.isolated"),
        errors,
    );
    Params {
        prior,
        weights: families(
            base.weights,
            numbers.weights.as_ref(),
            &format!("{path}.weights"),
            errors,
        ),
        caps: families(
            base.caps,
            numbers.caps.as_ref(),
            &format!("{path}.caps"),
            errors,
        ),
        restricted,
        isolated,
        restricted_requests_per_minute: rate,
        aggregator: base.aggregator,
    }
}

fn families(
    base: PerFamily,
    written: Option<&raw::Families>,
    path: &str,
    errors: &mut Errors,
) -> PerFamily {
    let Some(written) = written else { return base };
    let mut number = |name: &str, written: Option<u32>, base: u32| {
        milli_nats(written.unwrap_or(base), &format!("{path}.{name}"), errors)
    };
    PerFamily {
        denial: number("denial", written.denial, base.denial),
        novelty: number("novelty", written.novelty, base.novelty),
        credential: number("credential", written.credential, base.credential),
        rate: number("rate", written.rate, base.rate),
        volume: number("volume", written.volume, base.volume),
        error: number("error", written.error, base.error),
    }
}

fn threshold(
    base: Threshold,
    written: Option<&raw::TrustThreshold>,
    path: &str,
    errors: &mut Errors,
) -> Threshold {
    let Some(written) = written else { return base };
    let threshold = Threshold {
        enter: milli_nats(
            written.enter.unwrap_or(base.enter),
            &format!("{path}.enter"),
            errors,
        ),
        exit: milli_nats(
            written.exit.unwrap_or(base.exit),
            &format!("{path}.exit"),
            errors,
        ),
        dwell_seconds: written.dwell_seconds.unwrap_or(base.dwell_seconds),
    };
    if !(1..=MAXIMUM_DWELL_SECONDS).contains(&threshold.dwell_seconds) {
        let (least, most) = (1, MAXIMUM_DWELL_SECONDS.into());
        errors.add(
            &format!("{path}.dwellSeconds"),
            Cause::OutOfRange { least, most },
        );
    }
    threshold
}

fn milli_nats(value: u32, path: &str, errors: &mut Errors) -> u32 {
    if !(1..=Params::MAXIMUM).contains(&value) {
        let (least, most) = (1, Params::MAXIMUM.into());
        errors.add(path, Cause::OutOfRange { least, most });
    }
    value
}

/// Whether the numbers work together.
fn check(params: &Params, path: &str, errors: &mut Errors) {
    let Params {
        weights,
        caps,
        restricted,
        isolated,
        ..
    } = params;
    for (name, threshold) in [("restricted", restricted), ("isolated", isolated)] {
        if threshold.enter <= threshold.exit {
            errors.add(&format!("{path}.{name}"), Cause::NoMargin);
        }
    }
    if isolated.enter <= restricted.enter || isolated.exit < restricted.exit {
        errors.add(
            &format!("{path}.isolated"),
            Cause::IsolationBelowRestriction,
        );
    }
    let deliberate = caps.denial.saturating_add(caps.credential);
    let all = [caps.novelty, caps.rate, caps.volume, caps.error]
        .into_iter()
        .fold(deliberate, u32::saturating_add);
    if deliberate < Params::ISOLATION_MINIMUM || all < isolated.enter {
        errors.add(&format!("{path}.caps"), Cause::IsolationImpossible);
    }
    for (name, weight, cap) in [
        ("denial", weights.denial, caps.denial),
        ("novelty", weights.novelty, caps.novelty),
        ("credential", weights.credential, caps.credential),
        ("rate", weights.rate, caps.rate),
        ("volume", weights.volume, caps.volume),
        ("error", weights.error, caps.error),
    ] {
        if weight > cap {
            errors.add(&format!("{path}.weights.{name}"), Cause::WeightAboveCap);
        }
    }
}

fn fleet_guard(written: Option<&raw::FleetGuard>, errors: &mut Errors) -> FleetGuard {
    let default = FleetGuard::default();
    let Some(written) = written else {
        return default;
    };
    let guard = FleetGuard {
        minimum_peers: written.minimum_peers.unwrap_or(default.minimum_peers),
        share_percent: written.share_percent.unwrap_or(default.share_percent),
    };
    let path = "spec.trust.fleetGuard";
    // One peer that crosses is no fleet.
    if !(2..=MAXIMUM_GUARD_PEERS).contains(&guard.minimum_peers) {
        let (least, most) = (2, MAXIMUM_GUARD_PEERS.into());
        errors.add(
            &format!("{path}.minimumPeers"),
            Cause::OutOfRange { least, most },
        );
    }
    if !(1..=100).contains(&guard.share_percent) {
        let (least, most) = (1, 100);
        errors.add(
            &format!("{path}.sharePercent"),
            Cause::OutOfRange { least, most },
        );
    }
    guard
}

fn levels(spec: &raw::Spec) -> BTreeMap<String, raw::AlternativeAlgorithm> {
    let Some(authorities) = &spec.authorities else {
        return BTreeMap::new();
    };
    let certificates = authorities.certificates.iter().flatten();
    let certificates = certificates.filter_map(|entry| {
        let key = entry.alternative_key.as_ref()?;
        Some((entry.name.clone(), key.algorithm))
    });
    let tokens = authorities.tokens.iter().flatten();
    let tokens = tokens
        .filter_map(|entry| Some((entry.name.clone(), entry.alternative_key.algorithm.level()?)));
    certificates.chain(tokens).collect()
}

fn authorities(spec: &raw::Spec, errors: &mut Errors) -> BTreeSet<String> {
    let names = spec.trust.as_ref();
    let names = names.and_then(|trust| trust.fresh_start_authorities.as_ref());
    let Some(names) = names else {
        return BTreeSet::new();
    };
    let path = "spec.trust.freshStartAuthorities";
    errors.count(path, names.len(), MAXIMUM_AUTHORITIES);
    let certificates = spec.authorities.iter().flat_map(|all| &all.certificates);
    let known: BTreeSet<&str> = certificates
        .flatten()
        .map(|authority| authority.name.as_str())
        .collect();
    let entries = names.iter().enumerate();
    entries
        .filter_map(|(number, name)| {
            errors.authority_named(&format!("{path}[{number}]"), name, &known)
        })
        .collect()
}

/// As many crossings as are remembered.
const MAXIMUM_GUARD_PEERS: u16 = 64;

#[cfg(test)]
mod tests;

//! What a certificate costs that the filter has never seen: callers connect with new certificates,
//! then the same callers connect again. All is the same the second time but the verification.

use sallyport_e2e::envoy::Processes;
use serde::{Deserialize, Serialize};

use crate::credentials::{Authorities, Peer};
use crate::error::BenchError;
use crate::measurement::Rounds;
use crate::plan::{Application, Cell, Group, Protocol, Variant};
use crate::prelude::call;
use crate::stand::{Place, Programs, Stand};
use crate::statistics::{count, float};
use crate::usage;

/// One round, in microseconds of the called Envoy's processor for each connection with one request.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ColdRound {
    /// Sallyport, new certificates.
    pub(crate) first: f64,
    /// Sallyport, the same certificates again.
    pub(crate) again: f64,
    /// The no-op module, new certificates.
    pub(crate) noop_first: f64,
    /// The no-op module, the same certificates again.
    pub(crate) noop_again: f64,
}

impl ColdRound {
    /// What the verification costs: what the second time saves, less what it saves without a
    /// verification.
    pub(crate) fn cost(&self) -> f64 {
        (self.first - self.again) - (self.noop_first - self.noop_again)
    }
}

/// The file of its results.
pub(crate) const COLD: &str = "cold";

/// Measures until there are so many rounds, each with fresh processes.
pub(crate) fn measure(
    programs: &Programs,
    store: &mut Rounds<ColdRound>,
    [rounds, now]: [usize; 2],
    processes: &Processes,
) -> Result<(), BenchError> {
    let group = Group {
        name: COLD,
        title: "Certificates that are new",
        cells: vec![
            Cell::new(Variant::NoOp, 100, 1),
            Cell::new(Variant::Certificate, 100, CALLERS),
        ],
        protocol: Protocol::Http1,
        application: Application::Direct,
        meets_all: false,
    };
    for _ in 0..now {
        if store.rows.len() >= rounds {
            break;
        }
        let number = store.rows.len().saturating_add(1);
        anstream::println!("{COLD}: round {number} of {rounds}");
        let authorities = Authorities::new()?;
        let callers = authorities.hybrid_peers(0..CALLERS)?;
        let stand = Stand::start(programs, &group, (&authorities, &callers), processes)?;
        let [noop, sallyport] = stand.places.as_slice() else {
            return Err(BenchError::invalid(COLD, "two Envoys were expected"));
        };
        let (warm, measured) = callers.split_at(WARM_UP.min(callers.len()));
        for place in [noop, sallyport] {
            stand.call_all(place, warm)?;
        }
        let verified = verifications(sallyport)?;
        let noop_first = stand.cost_of(noop, measured)?;
        let first = stand.cost_of(sallyport, measured)?;
        let now_verified = verifications(sallyport)?.saturating_sub(verified);
        let again = stand.cost_of(sallyport, measured)?;
        let noop_again = stand.cost_of(noop, measured)?;
        let later = verifications(sallyport)?
            .saturating_sub(verified)
            .saturating_sub(now_verified);
        if usize::try_from(now_verified) != Ok(measured.len()) || later != 0 {
            let problem = format!(
                "{now_verified} certificates were verified the first time and {later} the second, of {}",
                measured.len()
            );
            return Err(BenchError::invalid(COLD, problem));
        }
        let row = ColdRound {
            first,
            again,
            noop_first,
            noop_again,
        };
        anstream::println!("  a new certificate: {:.0} us", row.cost());
        store.add(row)?;
    }
    Ok(())
}

impl Stand {
    fn call_all(&self, place: &Place, callers: &[Peer]) -> Result<(), BenchError> {
        callers
            .iter()
            .try_for_each(|peer| call(place, peer, &self.server))
    }

    /// Microseconds of the called Envoy's processor for each call.
    fn cost_of(&self, place: &Place, callers: &[Peer]) -> Result<f64, BenchError> {
        let before = usage::cpu_ns(place.inbound.id())?;
        self.call_all(place, callers)?;
        let used = usage::cpu_ns(place.inbound.id())?.saturating_sub(before);
        Ok(count(used) / 1e3 / float(callers.len().max(1)))
    }
}

fn verifications(place: &Place) -> Result<u64, BenchError> {
    let found = place
        .inbound
        .stat("wasmcustom.sallyport.cold_verification")?;
    Ok(found.unwrap_or(0))
}

/// Callers, of whom some only warm up. Fewer than the certificates that a worker may verify at once
/// after a new configuration.
const CALLERS: usize = 1_000;
const WARM_UP: usize = 200;

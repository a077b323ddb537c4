//! A mesh at work: services with replicas that call one workload, and what goes wrong with them.

use std::sync::Arc;

use sallyport_engine::facts::CredentialFault;

use super::peer::{FAIR, Operation, Peer, Weather, certificate, connection};
use super::{Plan, Scenario, label};
use crate::random::Random;
use crate::trace::{Connection, Event, Token};

/// Minutes before the incident of an incident's trace.
pub const INCIDENT_START: u64 = 180;
/// Minutes of an incident's trace.
pub const INCIDENT_END: u64 = 540;

/// Services and what befalls them.
#[derive(Debug)]
pub struct Mesh {
    services: Vec<Service>,
    /// Until when the called workload fails, and by what factor its callers retry.
    storm: Option<(u64, f64)>,
    scenario: Scenario,
    random: Random,
}

#[derive(Debug)]
struct Service {
    segment: &'static str,
    account: String,
    replicas: Vec<Peer>,
    /// Minute of the day at which its certificates are renewed.
    renewal: u64,
    /// A path that the policy forgot, until it is mended.
    forgotten: Option<(u64, Operation)>,
    /// Until when its tokens fail.
    rotating: u64,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most scenarios need nothing special at each place"
)]
impl Mesh {
    pub(super) fn new(plan: &Plan, mut random: Random) -> Self {
        let mut services = Vec::new();
        let mut left = plan.peers.max(1);
        let is_attack = plan.scenario.attack().is_some();
        while left > 0 {
            let number = services.len();
            let replicas = if is_attack { 3 } else { 2 + random.below(4) };
            let replicas = u32::try_from(replicas).unwrap_or(1).min(left);
            left -= replicas;
            let segment = ["web", "reports", "batch"][..]
                .get(number % 3)
                .copied()
                .unwrap_or("web");
            let account = format!("{segment}-{number}");
            let rate = if is_attack && number == 0 {
                random.log_normal(40.0, 0.4)
            } else {
                random.log_normal(1.1, 0.8).min(12.0)
            };
            let peers = (0..replicas).filter_map(|_| {
                let digest = certificate(&mut random);
                let connection = connection(segment, &account, digest, None, None)?;
                let rate = if is_attack && number == 0 {
                    rate
                } else {
                    random.log_normal(rate, 0.3)
                };
                let own = random.fork(2);
                Some(Peer::new(connection, rate, own))
            });
            let replicas = peers.collect();
            services.push(Service {
                segment,
                account,
                replicas,
                renewal: random.below(1_440),
                forgotten: None,
                rotating: 0,
            });
        }
        let mut mesh = Self {
            services,
            storm: None,
            scenario: plan.scenario,
            random,
        };
        if is_attack {
            // Only the first replica of the first service is busy; its siblings are quiet.
            let siblings = mesh.services.iter_mut().take(1);
            for peer in siblings.flat_map(|service| service.replicas.iter_mut().skip(1)) {
                peer.rate = 3.0;
            }
        }
        mesh
    }

    /// The connection of the replica that attacks take over.
    pub(super) fn victim(&self) -> Option<&Arc<Connection>> {
        let service = self.services.first()?;
        Some(&service.replicas.first()?.connection)
    }

    /// The requests in a minute of the replica that attacks take over.
    pub(super) fn victim_rate(&self) -> f64 {
        let replica = self.services.first().and_then(|one| one.replicas.first());
        replica.map_or(1.0, |peer| peer.rate)
    }

    pub(super) fn minute(&mut self, minute: u64, events: &mut Vec<Event>) {
        self.befall(minute);
        let storm = self.storm.filter(|(until, _)| minute < *until);
        for service in &mut self.services {
            let forgotten = service.forgotten.filter(|(until, _)| minute < *until);
            let weather = Weather {
                factor: storm.map_or(1.0, |(_, factor)| factor),
                failing: if storm.is_some() { 0.5 } else { 0.0 },
                forgotten: forgotten.map(|(_, operation)| (0.2, operation)),
                ..FAIR
            };
            let from = events.len();
            for peer in &mut service.replicas {
                peer.minute(minute, &weather, events);
            }
            if minute < service.rotating {
                for event in events.iter_mut().skip(from) {
                    // A new token every quarter of an hour, signed by an authority that is not known.
                    let id = format!("{}-{}", service.account, minute / 15);
                    event.token = Some(Token {
                        id: Arc::from(id),
                        fault: Some(CredentialFault::AuthorityUnknown),
                    });
                }
            }
            if is_incident(self.scenario) && minute >= INCIDENT_START {
                for event in events.iter_mut().skip(from) {
                    event.label = Some(label(self.scenario));
                }
            }
        }
    }

    /// What happens at the beginning of a minute.
    fn befall(&mut self, minute: u64) {
        match self.scenario {
            Scenario::Benign => self.live(minute),
            _ if minute == INCIDENT_START && is_incident(self.scenario) => self.incident(minute),
            _ => {}
        }
    }

    /// Everyday life.
    fn live(&mut self, minute: u64) {
        let random = &mut self.random;
        if random.happens(0.25 / DAY) {
            let factor = 1.0 + 5.0 * random.unit();
            self.storm = Some((minute + 2 + random.below(9), factor));
        }
        for service in &mut self.services {
            if minute % 1_440 == service.renewal {
                service.renew(random);
            }
            if random.happens(0.3 / DAY) {
                service.deploy(random);
            }
            if random.happens(0.01 / DAY) {
                let operation = match random.below(10) {
                    0..6 => FORGOTTEN_STATIC,
                    6..9 => FORGOTTEN_NUMBERS,
                    _ => FORGOTTEN_NAMES,
                };
                service.forgotten = Some((minute + 30 + random.below(60), operation));
            }
        }
    }

    fn incident(&mut self, minute: u64) {
        let random = &mut self.random;
        let all = &mut self.services;
        let until = minute + 60;
        let forget = |service: Option<&mut Service>, operation| {
            if let Some(service) = service {
                service.forgotten = Some((until, operation));
            }
        };
        match self.scenario {
            Scenario::Deploy => all.iter_mut().for_each(|service| service.deploy(random)),
            Scenario::RetryStorm => self.storm = Some((minute + 10, 6.0)),
            Scenario::CalleeIncident => self.storm = Some((minute + 30, 1.0)),
            Scenario::TypoStatic => forget(all.first_mut(), FORGOTTEN_STATIC),
            Scenario::TypoNumbers => forget(all.first_mut(), FORGOTTEN_NUMBERS),
            Scenario::TypoNames => forget(all.first_mut(), FORGOTTEN_NAMES),
            Scenario::KeyRotation => {
                if let Some(service) = all.first_mut() {
                    service.rotating = until;
                }
            }
            _ => {}
        }
    }
}

impl Service {
    fn renew(&mut self, random: &mut Random) {
        for peer in &mut self.replicas {
            let digest = certificate(random);
            if let Some(fresh) = connection(self.segment, &self.account, digest, None, None) {
                peer.connection = fresh;
            }
        }
    }

    /// A new version uses up to five more operations: in new pods, or behind a flag in the old ones.
    fn deploy(&mut self, random: &mut Random) {
        if random.happens(0.5) {
            self.renew(random);
        }
        let more = 1 + random.below(5);
        for peer in &mut self.replicas {
            peer.variety = (peer.variety + more).min(24);
        }
    }
}

fn is_incident(scenario: Scenario) -> bool {
    scenario.incident_minutes().is_some()
}

const DAY: f64 = 1_440.0;
const FORGOTTEN_STATIC: Operation = ("GET", "/v1/recommendations");
const FORGOTTEN_NUMBERS: Operation = ("GET", "/v1/loyalty/#/points");
const FORGOTTEN_NAMES: Operation = ("GET", "/v1/partners/@");

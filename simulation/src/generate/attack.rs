//! Attacks on the mesh, by a replica that was taken over or by strangers.

use std::sync::Arc;

use sallyport_engine::facts::CredentialFault;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::Outcome;

use super::benign::Mesh;
use super::peer::{FAIR, Peer, Weather, certificate, connection, path};
use super::{MINUTE_MS, START_MS, Scenario, label};
use crate::random::Random;
use crate::trace::{Connection, Event, Token};

/// An attack that is under way.
#[derive(Debug)]
pub struct Attack {
    scenario: Scenario,
    start: u64,
    /// The replica that was taken over, as the attacker drives it.
    taken: Peer,
    /// The certificate that the attacker uses.
    connection: Arc<Connection>,
    /// How many distinct targets were tried.
    probes: u64,
    label: Arc<str>,
    random: Random,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most scenarios need nothing special at each place"
)]
impl Attack {
    /// The attack of a scenario; none if it is no attack.
    pub(super) fn new(scenario: Scenario, mesh: &Mesh, mut random: Random) -> Option<Self> {
        scenario.attack()?;
        let victim = mesh.victim()?.clone();
        let own = certificate(&mut random);
        let words = victim.words();
        let account = words.peer.as_str().rsplit('/').next()?.to_owned();
        let segment = words.segment.clone();
        let connection = match scenario {
            Scenario::OffFlow | Scenario::Framing => {
                connection("sandbox", "notebook", own, None, None)?
            }
            Scenario::StolenIdentity => connection(&segment, &account, own, None, None)?,
            Scenario::Downgrade => {
                let fault = Some(CredentialFault::HybridSignatureMissing);
                connection(&segment, &account, own, fault, None)?
            }
            Scenario::Expiry => {
                let end = START_MS + WARM_UP * MINUTE_MS;
                connection(&segment, &account, own, None, Some(end))?
            }
            _ => victim,
        };
        let taken = Peer::new(connection.clone(), mesh.victim_rate(), random.fork(3));
        Some(Self {
            scenario,
            start: match scenario {
                Scenario::TrustBanking | Scenario::BaselinePoisoning => 480,
                _ => WARM_UP,
            },
            taken,
            connection,
            probes: 0,
            label: label(scenario),
            random,
        })
    }

    /// When the trace ends, in minutes.
    pub(super) const fn end(&self) -> u64 {
        let minutes = match self.scenario {
            Scenario::SlowMinute => 30,
            Scenario::SlowTenMinutes => 300,
            Scenario::OnOff => 180,
            Scenario::Scan => 250,
            _ => 15,
        };
        self.start + minutes
    }

    /// By how much the clock is wrong in a minute, in milliseconds.
    pub(super) fn skew(&self, minute: u64) -> i64 {
        let is_skewed = self.scenario == Scenario::ClockSkew && minute == self.start + 5;
        if is_skewed { 7_200_000 } else { 0 }
    }

    /// The requests of a minute, beside those of the mesh.
    pub(super) fn minute(&mut self, minute: u64, mesh: &Mesh, events: &mut Vec<Event>) {
        let Some(since) = minute.checked_sub(self.start) else {
            self.prepare(minute, events);
            return;
        };
        let from = events.len();
        match self.scenario {
            Scenario::OffFlow => self.each(5_000, |me, at| me.usual(minute, at), events),
            Scenario::StolenIdentity | Scenario::TrustBanking | Scenario::ClockSkew => {
                self.scan(minute, events);
            }
            // Afterwards the replica is mended, to see how long it takes to recover.
            Scenario::Scan if since < 10 => self.scan(minute, events),
            Scenario::StateExhaustion => {
                if since == 0 {
                    self.scan(minute, events);
                } else if since <= 12 {
                    self.each(60, |me, at| me.stranger(minute, at), events);
                } else {
                    self.each(5_000, |me, at| me.usual(minute, at), events);
                }
            }
            Scenario::SlowMinute => self.probe_in(minute, events),
            Scenario::SlowTenMinutes if since.is_multiple_of(10) => self.probe_in(minute, events),
            Scenario::OnOff if since.is_multiple_of(20) => {
                self.each(20_000, |me, at| me.probe(minute, at), events);
            }
            Scenario::Exfiltration => self.drive(minute, 1.0, 20.0, events),
            Scenario::Flood | Scenario::BaselinePoisoning => self.drive(minute, 10.0, 1.0, events),
            Scenario::Sybil => {
                self.take_certificate();
                self.each(20_000, |me, at| me.probe(minute, at), events);
            }
            Scenario::Rotation => {
                if since.is_multiple_of(2) {
                    self.take_certificate();
                }
                self.scan(minute, events);
            }
            Scenario::Downgrade | Scenario::Expiry => {
                self.each(5_000, |me, at| me.usual(minute, at), events);
            }
            Scenario::TokenReplay | Scenario::Framing => {
                self.each(5_000, |me, at| me.replay(minute, at, mesh), events);
            }
            _ => {}
        }
        for event in events.iter_mut().skip(from) {
            event.label = Some(self.label.clone());
        }
    }

    /// What the attacker does before it shows itself.
    fn prepare(&mut self, minute: u64, events: &mut Vec<Event>) {
        let done = f64::from(u32::try_from(minute).unwrap_or(0)) / 480.0;
        match self.scenario {
            Scenario::TrustBanking => self.drive(minute, 1.0, 1.0, events),
            // Up to five times as much, beside what the replica does anyway.
            Scenario::BaselinePoisoning => {
                self.drive(minute, libm::exp(1.6 * done) - 1.0, 1.0, events);
            }
            Scenario::Expiry => self.drive(minute, 1.0, 1.0, events),
            _ => {}
        }
    }

    fn each(
        &mut self,
        every_ms: u64,
        mut request: impl FnMut(&mut Self, u64) -> Event,
        events: &mut Vec<Event>,
    ) {
        let mut at = self.random.below(every_ms);
        while at < MINUTE_MS {
            let event = request(self, at);
            events.push(event);
            at += every_ms;
        }
    }

    /// Two requests a second, of which 80% are probes.
    fn scan(&mut self, minute: u64, events: &mut Vec<Event>) {
        let request = |me: &mut Self, at| {
            if me.random.happens(0.8) {
                me.probe(minute, at)
            } else {
                me.usual(minute, at)
            }
        };
        self.each(500, request, events);
    }

    fn probe_in(&mut self, minute: u64, events: &mut Vec<Event>) {
        let at = self.random.below(MINUTE_MS);
        let event = self.probe(minute, at);
        events.push(event);
    }

    fn drive(&mut self, minute: u64, factor: f64, size: f64, events: &mut Vec<Event>) {
        let weather = Weather {
            factor,
            size,
            ..FAIR
        };
        self.taken.minute(minute, &weather, events);
    }

    /// Asks for something that the policy does not declare, each time for something else.
    fn probe(&mut self, minute: u64, at: u64) -> Event {
        let count = u64::try_from(WORDS.len()).unwrap_or(1);
        let word = |number: u64| {
            let index = usize::try_from(number % count).unwrap_or(0);
            WORDS.get(index).copied().unwrap_or("admin")
        };
        let path = format!("/{}/{}", word(self.probes), word(self.probes / count));
        self.probes += 1;
        self.event(minute, at, path)
    }

    /// Asks for something that the policy declares.
    fn usual(&mut self, minute: u64, at: u64) -> Event {
        let mut event = self.taken.request(minute, at, &FAIR);
        event.connection = self.connection.clone();
        event
    }

    /// An identity that nobody saw before.
    fn stranger(&mut self, minute: u64, at: u64) -> Event {
        let mut event = self.usual(minute, at);
        let number = self.random.bits();
        let digest = certificate(&mut self.random);
        let account = format!("job-{number:x}");
        if let Some(stranger) = connection("sandbox", &account, digest, None, None) {
            event.connection = stranger;
        }
        event
    }

    /// A token that is bound to another connection, each time another one.
    fn replay(&mut self, minute: u64, at: u64, mesh: &Mesh) -> Event {
        let mut event = self.usual(minute, at);
        let subject = mesh
            .victim()
            .map_or("", |victim| victim.words().peer.as_str());
        self.probes += 1;
        event.token = Some(Token {
            id: Arc::from(format!("{subject}-{}", self.probes)),
            fault: Some(CredentialFault::BindingMismatch),
        });
        event
    }

    fn take_certificate(&mut self) {
        let digest = certificate(&mut self.random);
        let words = self.connection.words();
        let account = words.peer.as_str().rsplit('/').next().unwrap_or_default();
        if let Some(fresh) = connection(&words.segment, account, digest, None, None) {
            self.connection = fresh;
        }
    }

    fn event(&mut self, minute: u64, at: u64, template: String) -> Event {
        let path = path(&template, &mut self.random);
        Event {
            at: TimeMs(START_MS + minute * MINUTE_MS + at),
            connection: self.connection.clone(),
            method: Arc::from("GET"),
            path: Arc::from(path),
            token: None,
            outcome: Outcome {
                status: 404,
                request_bytes: 0,
                response_bytes: 200,
            },
            response_ms: 3,
            label: None,
        }
    }
}

/// Minutes before most attacks begin.
const WARM_UP: u64 = 120;

const WORDS: [&str; 40] = [
    "admin",
    "api",
    "backup",
    "config",
    "console",
    "dashboard",
    "db",
    "debug",
    "dev",
    "docs",
    "dump",
    "env",
    "export",
    "files",
    "git",
    "graphql",
    "health",
    "internal",
    "keys",
    "login",
    "logs",
    "manage",
    "metrics",
    "old",
    "panel",
    "private",
    "root",
    "secret",
    "secrets",
    "server",
    "shell",
    "status",
    "swagger",
    "system",
    "test",
    "tmp",
    "token",
    "upload",
    "users",
    "vault",
];

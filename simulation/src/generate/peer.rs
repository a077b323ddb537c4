//! A replica that calls: how often, for what, and how its requests look.

use std::sync::Arc;

use sallyport_engine::facts::CredentialFault;
use sallyport_engine::identity::SpiffeId;
use sallyport_engine::policy::raw::RequiredAssurance;
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::Outcome;

use super::{CALLED, MINUTE_MS, START_MS};
use crate::random::{Random, whole};
use crate::trace::{Connection, Event, Words};

/// A method and the template of a path; `#` stands for a number, `@` for a name.
pub(super) type Operation = (&'static str, &'static str);

/// What the policy declares.
pub(super) const OPERATIONS: [Operation; 24] = [
    ("GET", "/v1/orders/#"),
    ("GET", "/v1/orders"),
    ("GET", "/v1/products/#"),
    ("POST", "/v1/orders"),
    ("GET", "/v1/prices/#"),
    ("GET", "/v1/orders/#/items"),
    ("GET", "/v1/products/#/stock"),
    ("GET", "/v1/products"),
    ("POST", "/v1/orders/#/items"),
    ("GET", "/v1/customers/#/orders"),
    ("GET", "/v1/orders/#/items/#"),
    ("GET", "/v1/orders/#/history"),
    ("GET", "/v1/orders/#/invoice"),
    ("GET", "/v1/prices"),
    ("GET", "/v1/shipments/#"),
    ("POST", "/v1/orders/#/cancel"),
    ("GET", "/v1/returns"),
    ("GET", "/v1/returns/#"),
    ("POST", "/v1/returns"),
    ("POST", "/v1/quotes"),
    ("GET", "/v1/reports/daily"),
    ("GET", "/v1/reports/weekly"),
    ("POST", "/v1/exports"),
    ("GET", "/v1/exports/#"),
];

/// A replica.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) connection: Arc<Connection>,
    /// Requests in a minute, on average.
    pub(super) rate: f64,
    /// Logarithm of what the load is beside the average, now.
    load: f64,
    /// The largest share of its load that depends on the hour.
    pub(super) swing: f64,
    /// The hour at which it has most to do, in minutes.
    pub(super) phase: f64,
    /// How many operations it uses, the usual ones first.
    pub(super) variety: u64,
    /// Median of the bytes of an answer.
    size: f64,
    /// In each hour it has this many requests at one time.
    batch: u64,
    batch_minute: u64,
    pub(super) random: Random,
}

/// What a minute is like for a peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Its load beside the usual.
    pub(super) factor: f64,
    /// How many answers are 503.
    pub(super) failing: f64,
    /// The share of requests for an operation that the policy forgot, and which.
    pub(super) forgotten: Option<(f64, Operation)>,
    /// The size of answers beside the usual.
    pub(super) size: f64,
}

impl Peer {
    pub(super) fn new(connection: Arc<Connection>, rate: f64, mut random: Random) -> Self {
        let batch = if random.happens(0.1) {
            20 + random.below(60)
        } else {
            0
        };
        Self {
            connection,
            rate,
            load: 0.0,
            swing: 0.6 * random.unit(),
            phase: 1_440.0 * random.unit(),
            variety: 4 + random.below(10),
            size: random.log_normal(3_000.0, 0.6),
            batch,
            batch_minute: random.below(60),
            random,
        }
    }

    /// The requests of a minute.
    pub(super) fn minute(&mut self, minute: u64, weather: &Weather, events: &mut Vec<Event>) {
        // Autocorrelated: what was busy a minute ago is busy now.
        self.load = 0.97 * self.load + 0.12 * self.random.normal();
        let of_day = f64::from(u32::try_from(minute % 1_440).unwrap_or(0));
        let angle = core::f64::consts::TAU * (of_day - self.phase) / 1_440.0;
        let day = 1.0 + self.swing * libm::cos(angle);
        // Half of all requests come alone, the rest with others of the same cause.
        let mean = self.rate * day * libm::exp(self.load) * weather.factor / MEAN_CLUSTER;
        let clusters = self.random.poisson(mean);
        for _ in 0..clusters {
            let mut at = self.random.below(MINUTE_MS);
            loop {
                let event = self.request(minute, at, weather);
                events.push(event);
                at = (at + 20 + self.random.below(400)).min(MINUTE_MS - 1);
                if self.random.happens(0.5) {
                    break;
                }
            }
        }
        if self.batch > 0 && minute % 60 == self.batch_minute {
            for number in 0..self.batch {
                let at = (1_000 + number * 300).min(MINUTE_MS - 1);
                let event = self.request(minute, at, weather);
                events.push(event);
            }
        }
    }

    /// A request of its usual kind.
    pub(super) fn request(&mut self, minute: u64, at: u64, weather: &Weather) -> Event {
        if let Some((share, operation)) = weather.forgotten
            && self.random.happens(share)
        {
            let path = path(operation.1, &mut self.random);
            return self.event(minute, at, operation.0, &path, weather);
        }
        // The first operations are used most, the last seldom.
        let unit = self.random.unit();
        let variety = f64::from(u32::try_from(self.variety).unwrap_or(1));
        let number = whole(variety * unit * unit);
        let operation = OPERATIONS.get(usize::try_from(number).unwrap_or(0));
        let (method, template) = operation.copied().unwrap_or(("GET", "/v1/orders"));
        let path = path(template, &mut self.random);
        self.event(minute, at, method, &path, weather)
    }

    fn event(
        &mut self,
        minute: u64,
        at: u64,
        method: &str,
        path: &str,
        weather: &Weather,
    ) -> Event {
        let random = &mut self.random;
        let chance = random.unit();
        let status = if random.happens(weather.failing) {
            503
        } else if chance < 0.003 {
            404
        } else if chance < 0.0033 {
            401
        } else {
            200
        };
        let sent = if method == "POST" { 600.0 } else { 0.0 };
        Event {
            at: TimeMs(START_MS + minute * MINUTE_MS + at),
            connection: self.connection.clone(),
            method: Arc::from(method),
            path: Arc::from(path),
            token: None,
            outcome: Outcome {
                status,
                request_bytes: whole(sent * random.log_normal(1.0, 0.5)),
                response_bytes: whole(weather.size * random.log_normal(self.size, 0.8)),
            },
            response_ms: whole(random.log_normal(20.0, 0.7)),
            label: None,
        }
    }
}

/// A path by its template.
pub(super) fn path(template: &str, random: &mut Random) -> String {
    let mut path = String::new();
    for character in template.chars() {
        match character {
            '#' => path.push_str(&(100_000 + random.below(900_000)).to_string()),
            '@' => path.push_str(&name(random)),
            other => path.push(other),
        }
    }
    path
}

fn name(random: &mut Random) -> String {
    let word = |random: &mut Random| {
        let mut word = String::new();
        for _ in 0..3 {
            word.push_str(random.pick(&SYLLABLES).copied().unwrap_or("la"));
        }
        word
    };
    let first = word(random);
    format!("{first}-{}", word(random))
}

/// A connection to the called workload.
pub(super) fn connection(
    segment: &str,
    account: &str,
    certificate: [u8; 32],
    fault: Option<CredentialFault>,
    not_after_ms: Option<u64>,
) -> Option<Arc<Connection>> {
    let peer = format!("spiffe://mesh.example/ns/{segment}/sa/{account}");
    let (Ok(peer), Ok(to)) = (peer.parse::<SpiffeId>(), CALLED.parse()) else {
        return None;
    };
    Some(Arc::new(Connection::new(Words {
        peer,
        certificate,
        segment: Arc::from(segment),
        to,
        port: 8080,
        assurance: RequiredAssurance::Hybrid,
        not_after_ms,
        fault,
    })))
}

/// A new certificate.
pub(super) fn certificate(random: &mut Random) -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.as_chunks_mut::<8>().0 {
        *chunk = random.bits().to_be_bytes();
    }
    bytes
}

pub(super) const FAIR: Weather = Weather {
    factor: 1.0,
    failing: 0.0,
    forgotten: None,
    size: 1.0,
};

/// Requests of one cause, on average.
const MEAN_CLUSTER: f64 = 2.0;

const SYLLABLES: [&str; 12] = [
    "ba", "ko", "li", "mar", "ne", "ro", "sa", "ti", "vo", "wen", "ya", "zu",
];

//! What a decision costs with ten thousand peers in the table, and what the table takes.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a measurement, not part of a program"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sallyport_engine::facts::{
    CertifiedKeys, ConnectionFacts, CredentialFacts, KeyExchange, MutualTls, PeerCertificate,
    PeerMetadata, PeerValidation, TlsVersion, Transport,
};
use sallyport_engine::headers::RequestHead;
use sallyport_engine::identity::Assurance;
use sallyport_engine::policy::{Policy, compile};
use sallyport_engine::session::{Request, answer, observe_response};
use sallyport_engine::time::TimeMs;
use sallyport_engine::trust::{Outcome, PeerKey, PeerState, PeerTable, TargetHasher};
use sallyport_engine::verdict::{Basis, DecisionId};

const PEERS: usize = 10_000;
const SAMPLE: usize = 200;
const START_MS: u64 = 1_800_000_000_000;
const POLICY: &str = r#"{
  "apiVersion": "security.sallyport.dev/v1alpha1", "kind": "MeshTrustPolicy",
  "metadata": {"name": "mesh"},
  "spec": {
    "mode": "enforce", "trustDomains": ["d"], "minimumAssurance": "classical",
    "segments": [{"name": "a", "namespaces": ["a"]}, {"name": "b", "namespaces": ["b"]}],
    "flows": [{"name": "use", "from": ["a"], "to": "b", "operations": [
      {"methods": ["GET", "POST"], "paths": ["/v1/items", "/v1/items/{id}"]}
    ]}]
  }
}"#;

fn main() {
    let policy = compile(&serde_json::from_str(POLICY).unwrap()).unwrap();
    let mut peers = PeerTable::new(PEERS, TargetHasher::new([9; 16]));
    let callers: Vec<(ConnectionFacts, PeerKey)> = (0..PEERS).map(caller).collect();
    let before = allocated_bytes();
    let mut now = START_MS;
    for round in 0..3 {
        for (connection, key) in &callers {
            now += 1;
            // Each peer has some evidence, so that there is something to add up.
            let path = format!("/forbidden-{}", ["a", "b", "c"][round]);
            ask(&policy, &mut peers, connection, key, &path, now);
        }
    }
    println!("state of a peer: {} bytes", size_of::<PeerState>());
    println!(
        "table of {} peers: {} KiB",
        peers.len(),
        (allocated_bytes() - before) / 1024
    );

    for (name, with_response) in [("request", false), ("request and response", true)] {
        let nanoseconds = median(20 * PEERS, |number| {
            let (connection, key) = &callers[number % PEERS];
            now += 1;
            ask(&policy, &mut peers, connection, key, "/v1/items/7", now);
            if with_response {
                respond(&policy, &mut peers, connection, key, now);
            }
        });
        println!("{name}: {nanoseconds:.0} ns, another peer each time");
    }
    let (connection, key) = &callers[0];
    let nanoseconds = median(20 * PEERS, |_| {
        ask(&policy, &mut peers, connection, key, "/v1/items/7", now);
    });
    println!("request: {nanoseconds:.0} ns, the same peer again");

    let nanoseconds = median(2 * PEERS, |number| {
        let (connection, key) = caller(PEERS + number);
        ask(&policy, &mut peers, &connection, &key, "/v1/items/7", now);
    });
    println!("request: {nanoseconds:.0} ns, a new peer in a full table (its facts included)");
}

/// The median time of a call, in nanoseconds. Samples are shorter than the turns that a busy system
/// gives to programs.
fn median(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let mut samples: Vec<f64> = (0..calls / SAMPLE)
        .map(|sample| {
            let started = Instant::now();
            for number in 0..SAMPLE {
                call(sample * SAMPLE + number);
            }
            started.elapsed().as_nanos() as f64 / SAMPLE as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn caller(number: usize) -> (ConnectionFacts, PeerKey) {
    let id = format!("spiffe://d/ns/a/sa/client-{number}");
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let credential = CredentialFacts {
        authority: None,
        subject: id.parse().unwrap(),
        assurance: Assurance::Classical,
        number: None,
        keys: CertifiedKeys::default(),
        issued: TimeMs(0),
        not_before: TimeMs(0),
        not_after: TimeMs(u64::MAX),
    };
    let connection = ConnectionFacts {
        own: Some("spiffe://d/ns/b/sa/server".parse().unwrap()),
        transport: Transport::Mutual(MutualTls {
            validation: PeerValidation::Validated,
            version: TlsVersion::Tls13,
            key_exchange: KeyExchange::Hidden,
            certificate_sha256: digest,
            certificate: PeerCertificate::Read {
                subject: id.parse().unwrap(),
                credential: Ok(credential),
            },
        }),
        destination_port: 8080,
        peer_metadata: PeerMetadata::Absent,
    };
    let key = connection.peer().unwrap();
    (connection, key)
}

fn ask(
    policy: &Policy,
    peers: &mut PeerTable,
    connection: &ConnectionFacts,
    key: &PeerKey,
    path: &str,
    now: u64,
) {
    let pairs = [(&b":method"[..], &b"GET"[..]), (b":path", path.as_bytes())];
    let head = RequestHead::read(pairs);
    let request = Request {
        policy,
        connection,
        peer: Some(key),
        head: &head,
        now: TimeMs(now),
        decision_id: DecisionId {
            vm: [0; 8],
            counter: 0,
        },
    };
    let verdict = answer(
        &request,
        peers,
        || Ok([127, 0, 0, 1].into()),
        |_, _| Err(sallyport_engine::reason::DenyReason::InternalBug),
    );
    std::hint::black_box(verdict);
}

fn respond(
    policy: &Policy,
    peers: &mut PeerTable,
    connection: &ConnectionFacts,
    key: &PeerKey,
    now: u64,
) {
    let outcome = Outcome {
        status: 200,
        request_bytes: 100,
        response_bytes: 2_000,
    };
    let now = TimeMs(now);
    observe_response(
        policy,
        connection,
        Some(key),
        Basis::Flow,
        &outcome,
        peers,
        now,
    );
}

/// Counts what is allocated: the same number on each machine.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocated_bytes() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

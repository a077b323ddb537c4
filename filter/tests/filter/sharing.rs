//! Several workers of one proxy, and what they tell each other about peers.

use sallyport_credentials::issue::Leaf;
use sallyport_engine::time::TimeMs;
use sallyport_filter::plugin::{Configured, Next, Plugin};

use crate::support::{FakeHost, GATEWAY, INFER, NOW, configuration, mesh, policy, word};

/// Workers with one host between them.
struct Proxy {
    host: FakeHost,
    workers: Vec<Plugin>,
}

impl Proxy {
    fn new(workers: usize) -> Self {
        let host = FakeHost::new(&configuration(&policy()));
        let workers = (0..workers)
            .map(|_| {
                let mut plugin = Plugin::default();
                assert_eq!(plugin.configure(&host), Configured::InForce);
                plugin
            })
            .collect();
        Self { host, workers }
    }

    /// A request of a peer on a connection of its own to one worker.
    fn ask(&mut self, worker: usize, leaf: &Leaf, path: &str) -> Next {
        let [a, b, c, d, ..] = leaf.sha256();
        let leaf_number = u64::from(u32::from_le_bytes([a, b, c, d]));
        let connection = leaf_number * 100 + u64::try_from(worker).unwrap();
        self.host.connect(connection, leaf);
        let (method, path): (&[u8], &[u8]) = match path {
            "" => (INFER[0].1, INFER[1].1),
            path => (b"GET", path.as_bytes()),
        };
        self.host.request(&[(":method", method), (":path", path)]);
        self.workers[worker].on_request_headers(&self.host)
    }

    /// Lets time pass, and all workers tick.
    fn pass(&mut self, milliseconds: u64) {
        self.host
            .clock
            .set(TimeMs(self.host.clock.get().0 + milliseconds));
        for worker in &mut self.workers {
            worker.tick(&self.host);
        }
    }

    fn isolates(&mut self, worker: usize, leaf: &Leaf) -> bool {
        self.ask(worker, leaf, "") == Next::Stop && self.host.denied() == "peer_isolated"
    }
}

#[test]
fn a_peer_that_one_worker_isolates_is_refused_by_all_after_their_next_tick() {
    let mut proxy = Proxy::new(8);
    let (rogue, sibling) = (mesh().hybrid_leaf(GATEWAY), mesh().hybrid_leaf(GATEWAY));
    for worker in 0..8 {
        assert_eq!(proxy.ask(worker, &rogue, ""), Next::Continue);
    }
    for number in 0..8 {
        proxy.ask(0, &rogue, &format!("/secret/{}", word(number)));
    }
    proxy.pass(250);
    for worker in 0..8 {
        assert!(proxy.isolates(worker, &rogue), "worker {worker}");
        assert_eq!(proxy.ask(worker, &sibling, ""), Next::Continue);
    }
}

#[test]
fn a_scan_that_is_spread_over_workers_isolates_as_soon() {
    for workers in [1, 2, 8] {
        let mut proxy = Proxy::new(workers);
        let rogue = mesh().hybrid_leaf(GATEWAY);
        // Four requests a second, to one worker after the other.
        let mut requests = 0;
        while requests < 40 {
            let worker = requests % workers;
            proxy.ask(worker, &rogue, &format!("/secret/{}", word(requests)));
            requests += 1;
            if proxy.host.denied() == "peer_isolated" {
                break;
            }
            proxy.pass(250);
        }
        assert!(requests <= 15, "{requests} requests with {workers} workers");
        proxy.pass(1_000);
        proxy.pass(1_000);
        for worker in 0..workers {
            assert!(proxy.isolates(worker, &rogue), "{worker} of {workers}");
        }
    }
}

#[test]
fn isolation_survives_a_new_configuration() {
    let mut proxy = Proxy::new(1);
    let rogue = mesh().hybrid_leaf(GATEWAY);
    for number in 0..8 {
        proxy.ask(0, &rogue, &format!("/secret/{}", word(number)));
    }
    let host = &proxy.host;
    assert_eq!(proxy.workers[0].configure(host), Configured::InForce);
    assert!(proxy.isolates(0, &rogue));
    // A new VM too.
    proxy.workers[0] = Plugin::default();
    proxy.workers[0].configure(&proxy.host);
    assert!(proxy.isolates(0, &rogue));
}

#[test]
fn notes_that_somebody_spoilt_are_counted_and_held_against_nobody() {
    let mut proxy = Proxy::new(2);
    let leaf = mesh().hybrid_leaf(GATEWAY);
    for number in 0..3 {
        proxy.ask(0, &leaf, &format!("/secret/{}", word(number)));
    }
    proxy.pass(1_000);
    let slots: Vec<String> = proxy
        .host
        .shared
        .borrow()
        .keys()
        .filter(|key| key.starts_with("sallyport/v1/trust/"))
        .cloned()
        .collect();
    assert!(slots.len() >= 2, "a key and a slot: {slots:?}");
    for slot in slots {
        proxy.host.write_shared(&slot, b"garbage");
    }
    assert_eq!(proxy.ask(1, &leaf, ""), Next::Continue);
    assert_eq!(proxy.host.metric("sallyport.trust_slot_invalid"), 1);
    // The worker that saw the evidence still has it, and writes it anew.
    for number in 3..8 {
        proxy.ask(0, &leaf, &format!("/secret/{}", word(number)));
    }
    assert!(proxy.isolates(0, &leaf));
}

#[test]
fn a_fresh_proxy_makes_its_own_key() {
    let proxy = Proxy::new(2);
    let shared = proxy.host.shared.borrow();
    let key = shared.get("sallyport/v1/trust/key").expect("a key");
    assert_eq!(key.bytes.len(), 16);
    assert_eq!(proxy.host.clock.get(), NOW);
}

//! What a request costs in host calls and allocations, to the last one: every request pays it, so it
//! shall not change unseen. Host calls are the dearer ones.

mod counted;

use sallyport_credentials::issue::Leaf;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Body, Next, Plugin};

use crate::support::{FakeHost, GATEWAY, INFER, TRAINING, mesh, start};
pub(crate) use counted::Counting;
use counted::{Costs, Counted, costs};

/// What stands for a caller, and what came of its requests.
struct Caller {
    host: FakeHost,
    plugin: Plugin,
    headers: Vec<(&'static str, Vec<u8>)>,
}

impl Caller {
    fn new(leaf: &Leaf, more: &[(&'static str, &str)]) -> Self {
        let (host, plugin) = start();
        host.connect(1, leaf);
        let usual = INFER.map(|(name, value)| (name, value.to_vec()));
        let more = more
            .iter()
            .map(|(name, value)| (*name, value.as_bytes().to_vec()));
        Self {
            host,
            plugin,
            headers: usual.into_iter().chain(more).collect(),
        }
    }

    /// What the next request costs, from its headers to its end.
    fn request(&mut self, expected: Next) -> Costs {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        self.host.request(&headers);
        let code = 200_u64.to_le_bytes().to_vec();
        self.host
            .properties
            .borrow_mut()
            .insert(Property::ResponseCode, code);
        let host = Counted::new(&self.host);
        let (next, costs) = costs(&host, || {
            let next = self.plugin.on_request_headers(&host);
            if let Some(ongoing) = self.plugin.take_begun() {
                self.plugin.on_body(&host, &ongoing, Body::Response, 2_000);
                self.plugin.on_end(&host, &ongoing);
            }
            next
        });
        assert_eq!(next, expected);
        costs
    }
}

#[track_caller]
fn assert_costs(found: &Costs, calls: &str, allocations: u64) {
    assert_eq!(
        (found.calls().as_str(), found.allocations),
        (calls, allocations)
    );
}

/// Of a request on a known connection, from its headers to its end.
const WARM: &str = "add, now, 2 property, record_metric, request_headers";
/// Three values of the host, and the list of headers.
const WARM_ALLOCATIONS: u64 = 4;

#[test]
fn a_request_with_a_known_certificate() {
    let mut caller = Caller::new(&mesh().hybrid_leaf(GATEWAY), &[]);
    caller.request(Next::Continue);
    for _ in 0..3 {
        let costs = caller.request(Next::Continue);
        assert_costs(&costs, WARM, WARM_ALLOCATIONS);
    }
}

#[test]
fn a_request_with_a_known_token() {
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    let halves = [
        ("hybrid-identity-token", token.token.as_str()),
        ("hybrid-identity-signature", &token.signature),
    ];
    let mut caller = Caller::new(&leaf, &halves);
    caller.request(Next::Continue);
    // Its two headers are removed: there is a list of them.
    let calls = WARM.replace(
        "request_headers",
        "2 remove_request_header, request_headers",
    );
    for _ in 0..3 {
        let costs = caller.request(Next::Continue);
        assert_costs(&costs, &calls, WARM_ALLOCATIONS + 1);
    }
}

#[test]
fn the_first_request_of_a_connection() {
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let mut caller = Caller::new(&leaf, &[]);
    caller.request(Next::Continue);
    caller.host.connect(2, &leaf);
    assert_costs(
        &caller.request(Next::Continue),
        "add, now, 10 property, record_metric, request_headers, shared",
        20,
    );
}

#[test]
fn a_refused_request_with_and_without_a_record() {
    let mut caller = Caller::new(&mesh().hybrid_leaf(TRAINING), &[]);
    caller.request(Next::Stop);
    let calls = "add, log, now, property, record_metric, reply, request_headers";
    assert_costs(&caller.request(Next::Stop), calls, 28);
    for _ in 0..20 {
        caller.request(Next::Stop);
    }
    let calls = "2 add, now, property, record_metric, reply, request_headers";
    assert_costs(&caller.request(Next::Stop), calls, 6);
}

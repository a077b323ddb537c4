//! Measures what a request costs in the filter when its credentials are known: natively, on the
//! host of the filter's tests, whose calls cost next to nothing. Their difference is the point.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a tool that may stop"
)]

#[path = "../../../filter/tests/filter/support/mod.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod support;

use std::cell::{Cell, RefCell};

use sallyport_bench::time::{median, samples};
use sallyport_credentials::issue::Leaf;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Configured, Next, Plugin};
use support::{FakeHost, GATEWAY, INFER, configuration, mesh, policy};

/// A filter with a caller.
struct Stand {
    host: FakeHost,
    plugin: RefCell<Plugin>,
    headers: Vec<(&'static str, Vec<u8>)>,
    connection: Cell<u64>,
}

impl Stand {
    fn new(leaf: &Leaf, more: Vec<(&'static str, Vec<u8>)>) -> Self {
        let host = FakeHost::new(&configuration(&policy()));
        let mut plugin = Plugin::default();
        assert_eq!(plugin.configure(&host), Configured::InForce);
        host.connect(1, leaf);
        let mut headers: Vec<(&'static str, Vec<u8>)> = INFER
            .iter()
            .map(|(name, value)| (*name, value.to_vec()))
            .collect();
        headers.extend(more);
        let stand = Self {
            host,
            plugin: plugin.into(),
            headers,
            connection: Cell::new(1),
        };
        assert!(stand.request());
        stand
    }

    fn request(&self) -> bool {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        self.host.request(&headers);
        self.plugin.borrow_mut().on_request_headers(&self.host) == Next::Continue
    }

    /// The certificate is known, its connection is not.
    fn request_on_a_new_connection(&self) -> bool {
        self.connection.set(self.connection.get().wrapping_add(1));
        let id = self.connection.get().to_le_bytes().to_vec();
        self.host
            .properties
            .borrow_mut()
            .insert(Property::ConnectionId, id);
        self.request()
    }
}

fn main() {
    let hybrid = mesh().hybrid_leaf(GATEWAY);
    let classical = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &classical);
    let halves = |names: [&'static str; 2]| {
        vec![
            (names[0], token.token.clone().into_bytes()),
            (names[1], token.signature.clone().into_bytes()),
        ]
    };
    let certificate = Stand::new(&hybrid, Vec::new());
    let as_ballast = Stand::new(&hybrid, halves(["x-one", "x-other"]));
    let with_token = Stand::new(
        &classical,
        halves(["hybrid-identity-token", "hybrid-identity-signature"]),
    );
    let samples = samples([
        &|| certificate.request(),
        &|| certificate.request_on_a_new_connection(),
        &|| as_ballast.request(),
        &|| with_token.request(),
    ]);
    println!("| request | us |\n|---|---|");
    for (what, number) in [
        ("on a known connection", 0),
        ("on a new connection with a known certificate", 1),
        ("with two headers as long as a token", 2),
        ("with a known token", 3),
    ] {
        println!(
            "| {what} | {:.2} |",
            median(&samples, |times| times[number])
        );
    }
    let certificate = median(&samples, |[known, fresh, ..]| fresh - known);
    let token = median(&samples, |[.., ballast, token]| token - ballast);
    println!("| a known certificate costs | {certificate:.2} |");
    println!("| a known token costs | {token:.2} |");
}

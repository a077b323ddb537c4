//! Workload identity tokens with proofs: one connection for each proof, whichever worker asks.

use sallyport_credentials::issue::{Leaf, ProofKey, ProofRequest, Token, TokenKind, TokenRequest};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;
use sallyport_filter::plugin::{Next, Plugin};
use serde_json::json;

use crate::support::{
    FakeHost, GATEWAY, INFER, INFERENCE, NOW, configuration, mesh, policy, start, start_with,
};

/// A workload with a certificate, an ML-DSA key and an identity token for both.
struct Workload {
    leaf: Leaf,
    key: ProofKey,
    identity: Token,
}

impl Workload {
    fn new() -> Self {
        let leaf = mesh().classical_leaf(GATEWAY);
        let key = ProofKey::generate(AlternativeAlgorithm::MlDsa65).unwrap();
        let request = TokenRequest {
            kind: TokenKind::Identity(key.public_jwk()),
            ..TokenRequest::new(GATEWAY, leaf.sha256(), NOW.0 / 1000)
        };
        let identity = mesh().tokens.issue_token(&request).unwrap();
        Self {
            leaf,
            key,
            identity,
        }
    }

    fn proof(&self) -> String {
        self.proof_at(NOW)
    }

    fn proof_at(&self, now: TimeMs) -> String {
        let request = ProofRequest::new(&self.identity.token, INFERENCE, now.0 / 1000);
        self.key.prove(&request).unwrap()
    }

    /// One request on a connection with this number.
    fn ask(&self, plugin: &mut Plugin, host: &FakeHost, connection: u64, proof: &str) -> Next {
        self.ask_with(plugin, host, connection, proof, &[])
    }

    fn ask_with(
        &self,
        plugin: &mut Plugin,
        host: &FakeHost,
        connection: u64,
        proof: &str,
        more: &[(&str, &[u8])],
    ) -> Next {
        host.connect(connection, &self.leaf);
        let credentials: [(&str, &[u8]); 3] = [
            ("workload-identity-token", self.identity.token.as_bytes()),
            (
                "hybrid-identity-signature",
                self.identity.signature.as_bytes(),
            ),
            ("workload-proof-token", proof.as_bytes()),
        ];
        host.request(&[&INFER[..], &credentials, more].concat());
        plugin.on_request_headers(host)
    }
}

/// A policy in which only who proves an ML-DSA key may call.
fn proven_only() -> serde_json::Value {
    let mut policy = policy();
    policy["spec"]["minimumAssurance"] = json!("hybridProven");
    policy
}

#[test]
fn a_proof_is_good_for_its_connection_until_it_expires() {
    let (host, mut plugin) = start_with(&proven_only());
    let workload = Workload::new();
    let proof = workload.proof();
    for _ in 0..3 {
        assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    }
    for name in [
        "workload-identity-token",
        "workload-proof-token",
        "hybrid-identity-signature",
    ] {
        assert_eq!(host.header(name), None, "{name} reaches no application");
    }
    // Certificate, identity token, proof: each once.
    assert_eq!(host.metric("sallyport.cold_verification"), 3);
    host.calls.set(0);
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    assert_eq!(host.calls.get(), 3 + 3, "three reads, three removals");

    host.clock.set(TimeMs(NOW.0 + 60_000));
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Stop);
    assert_eq!(host.denied(), "credential_expired");
    let next = workload.proof_at(TimeMs(NOW.0 + 60_000));
    assert_eq!(workload.ask(&mut plugin, &host, 1, &next), Next::Continue);
}

#[test]
fn a_proof_on_another_connection_is_a_replay() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    assert_eq!(workload.ask(&mut plugin, &host, 2, &proof), Next::Stop);
    assert_eq!(host.denied(), "proof_replayed");
    let other = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 2, &other), Next::Continue);
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
}

/// Envoy tries a request again on another connection when the called workload answers 503 or the
/// first connection breaks. Neither is up to the caller.
#[test]
fn requests_that_a_proxy_tries_again_do_not_isolate_their_caller() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    for _ in 0..30 {
        let proof = workload.proof();
        assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
        assert_eq!(workload.ask(&mut plugin, &host, 2, &proof), Next::Stop);
        assert_eq!(host.denied(), "proof_replayed");
    }
}

#[test]
fn another_worker_knows_of_the_proof_and_so_does_the_next_configuration() {
    let (host, mut first) = start();
    let mut second = Plugin::default();
    second.configure(&host);
    let workload = Workload::new();
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut first, &host, 1, &proof), Next::Continue);
    assert_eq!(workload.ask(&mut second, &host, 2, &proof), Next::Stop);
    assert_eq!(host.denied(), "proof_replayed");

    first.configure(&host);
    assert_eq!(
        workload.ask(&mut first, &host, 1, &proof),
        Next::Continue,
        "the same connection, though nothing is remembered of it"
    );
    assert_eq!(workload.ask(&mut first, &host, 3, &proof), Next::Stop);
    assert_eq!(host.denied(), "proof_replayed");
}

#[test]
fn a_page_that_another_worker_wrote_in_between_is_read_again() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    host.swaps_lost.set(3);
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    host.swaps_lost.set(u32::MAX);
    let other = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &other), Next::Stop);
    assert_eq!(host.denied(), "host_read_failed");
}

#[test]
fn a_page_that_somebody_spoilt_admits_no_proof() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    let page = host
        .shared
        .borrow()
        .keys()
        .find(|key| key.starts_with("sallyport/v1/proofs/"))
        .cloned()
        .expect("the proof is remembered");
    host.write_shared(&page, b"garbage");
    let other = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 2, &other), Next::Stop);
    assert_eq!(host.denied(), "proof_quota_exceeded");
}

#[test]
fn an_access_token_that_the_proof_does_not_cover_is_refused() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    let bearer: [(&str, &[u8]); 1] = [("authorization", b"Bearer abc")];
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    let answer = workload.ask_with(&mut plugin, &host, 1, &proof, &bearer);
    assert_eq!(answer, Next::Stop, "also where the proof is known");
    assert_eq!(host.denied(), "credential_claims_invalid");

    let mut request = ProofRequest::new(&workload.identity.token, INFERENCE, NOW.0 / 1000);
    request.access_token = Some("abc");
    let covering = workload.key.prove(&request).unwrap();
    let answer = workload.ask_with(&mut plugin, &host, 1, &covering, &bearer);
    assert_eq!(answer, Next::Continue);
}

#[test]
fn a_changed_signature_of_the_identity_token_is_noticed_on_a_warm_connection() {
    let (host, mut plugin) = start();
    let mut workload = Workload::new();
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    let flipped = if workload.identity.signature.ends_with('A') {
        "E"
    } else {
        "A"
    };
    workload.identity.signature.pop();
    workload.identity.signature.push_str(flipped);
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Stop);
}

#[test]
fn an_identity_token_without_a_proof_is_no_identity() {
    let (host, mut plugin) = start();
    let workload = Workload::new();
    host.connect(1, &workload.leaf);
    let credentials: [(&str, &[u8]); 2] = [
        (
            "workload-identity-token",
            workload.identity.token.as_bytes(),
        ),
        (
            "hybrid-identity-signature",
            workload.identity.signature.as_bytes(),
        ),
    ];
    host.request(&[&INFER[..], &credentials].concat());
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "proof_missing");
}

#[test]
fn a_revoked_identity_token_is_refused_and_a_new_one_accepted() {
    let workload = Workload::new();
    let spki = sallyport_credentials::sha256(&workload.key.public_key_spki());
    let mut policy = policy();
    policy["spec"]["revocations"] =
        json!([{ "key": sallyport_engine::hexadecimal::encode(&spki) }]);
    let (host, mut plugin) = start_with(&policy);
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Stop);
    assert_eq!(host.denied(), "credential_revoked");
    let fresh = Workload::new();
    let proof = fresh.proof();
    assert_eq!(fresh.ask(&mut plugin, &host, 2, &proof), Next::Continue);
}

#[test]
fn every_host_call_may_fail_and_the_request_does_not_go_on() {
    let workload = Workload::new();
    let host = FakeHost::new(&configuration(&policy()));
    let mut plugin = Plugin::default();
    plugin.configure(&host);
    host.calls.set(0);
    let proof = workload.proof();
    assert_eq!(workload.ask(&mut plugin, &host, 1, &proof), Next::Continue);
    let calls = host.calls.get();
    for number in 0..calls {
        let host = FakeHost::new(&configuration(&policy()));
        let mut plugin = Plugin::default();
        plugin.configure(&host);
        host.calls.set(0);
        host.fails_at.set(Some(number));
        let answer = workload.ask(&mut plugin, &host, 1, &workload.proof());
        assert_eq!(answer, Next::Stop, "call {number} of {calls}");
    }
}

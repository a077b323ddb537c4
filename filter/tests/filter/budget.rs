//! Processor time for verifying: garbage costs whoever sends it, and a push denies nobody.

use sallyport_engine::time::TimeMs;
use sallyport_filter::plugin::Next;
use serde_json::json;

use crate::support::{GATEWAY, INFER, NOW, mesh, policy, start, start_with};

/// A request with a token whose signature is another one each time.
fn garbage(number: u32, token: &str) -> [(String, Vec<u8>); 2] {
    let signature = mesh()
        .token(GATEWAY, &mesh().classical_leaf(GATEWAY))
        .signature;
    let mut signature = signature.into_bytes();
    let place = signature.len() - 10;
    signature[place..].copy_from_slice(format!("A{number:08}A").as_bytes());
    [
        ("hybrid-identity-token".to_owned(), token.into()),
        ("hybrid-identity-signature".to_owned(), signature),
    ]
}

#[test]
fn garbage_tokens_isolate_their_sender_and_cost_a_handful_of_verifications() {
    let (host, mut plugin) = start();
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf).token;
    for number in 0..1000 {
        host.connect(1, &leaf);
        let headers = garbage(number, &token);
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        host.request(&[&INFER[..], &headers].concat());
        assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    }
    assert_eq!(host.denied(), "peer_isolated");
    assert!(host.metric("sallyport.cold_verification") <= 5);

    // Its sibling with the same identity is served.
    host.connect(2, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
}

#[test]
fn behind_a_gateway_garbage_isolates_nobody_and_still_costs_little() {
    let mut policy = policy();
    policy["spec"]["segments"][0]["callers"] = json!("aggregator");
    let (host, mut plugin) = start_with(&policy);
    let leaf = mesh().classical_leaf(GATEWAY);
    let good = mesh().token(GATEWAY, &leaf);
    for number in 0..100 {
        host.connect(1, &leaf);
        let headers = garbage(number, &good.token);
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        host.request(&[&INFER[..], &headers].concat());
        assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    }
    assert_eq!(host.denied(), "verification_budget_exceeded");
    assert_eq!(host.replies.borrow()[0].status, 503);
    // The certificate and eight tokens.
    assert_eq!(host.metric("sallyport.cold_verification"), 1 + 8);
    let credentials: [(&str, &[u8]); 2] = [
        ("hybrid-identity-token", good.token.as_bytes()),
        ("hybrid-identity-signature", good.signature.as_bytes()),
    ];
    host.clock.set(TimeMs(NOW.0 + 1_000));
    host.request(&[&INFER[..], &credentials].concat());
    assert_eq!(
        plugin.on_request_headers(&host),
        Next::Continue,
        "after a second the gateway's own token is verified"
    );
}

#[test]
fn one_token_on_many_connections_is_verified_once() {
    let (host, mut plugin) = start();
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    for connection in 1..=500 {
        host.connect(connection, &leaf);
        host.request(&[
            INFER[0],
            INFER[1],
            ("hybrid-identity-token", token.token.as_bytes()),
            ("hybrid-identity-signature", token.signature.as_bytes()),
        ]);
        assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    }
    assert_eq!(host.metric("sallyport.cold_verification"), 2);
}

#[test]
fn a_floor_asks_for_a_fresh_certificate_and_accepts_it() {
    // Leaves of the tests were issued an hour before.
    let mut policy = policy();
    policy["spec"]["notBeforeFloors"] =
        json!([{ "authority": "mesh-ca", "notBefore": "2027-01-15T07:30:00Z" }]);
    let (host, mut plugin) = start_with(&policy);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "credential_reissue_required");
    let mut request = mesh().request(GATEWAY);
    request.not_before = TimeMs(NOW.0 - 60_000);
    host.connect(2, &mesh().hybrid.issue_leaf(&request).unwrap());
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
}

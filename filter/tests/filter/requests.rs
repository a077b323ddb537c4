//! Requests through the filter on a fake host: outcomes, never the order of calls.

use crate::support::{
    FakeHost, GATEWAY, INFER, INFERENCE, NOW, TRAINING, configuration, mesh, policy, start, word,
};
use sallyport_credentials::issue::{AuthorityOptions, ClassicalAuthority, RsaBits};
use sallyport_engine::time::TimeMs;
use sallyport_filter::host::Property;
use sallyport_filter::plugin::{Next, Plugin};
use serde_json::json;

#[test]
fn allows_the_gateway_with_a_hybrid_certificate() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.metric("sallyport.allowed"), 1);
    assert!(host.replies.borrow().is_empty());
    assert!(
        host.records().is_empty(),
        "an allowed request is not logged"
    );
}

#[test]
fn a_warm_request_takes_at_most_four_host_calls_until_it_goes_on_and_four_after() {
    let (host, mut plugin) = start();
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    host.connect(1, &leaf);
    let credentials = [
        ("hybrid-identity-token", token.token.as_bytes()),
        ("hybrid-identity-signature", token.signature.as_bytes()),
    ];
    host.request(&[&INFER[..], &credentials].concat());
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let verified = host.metric("sallyport.cold_verification");

    host.request(&[&INFER[..], &credentials].concat());
    host.calls.set(0);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    // Until it goes on: headers, clock, connection number. After: the removal of the two headers.
    assert_eq!(host.calls.get(), 3 + 2);
    assert_eq!(
        host.metric("sallyport.cold_verification"),
        verified,
        "no signature was verified"
    );

    host.connect(2, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.calls.set(0);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.calls.get(), 3);
}

#[test]
fn a_known_certificate_is_not_verified_again_on_a_new_connection() {
    let (host, mut plugin) = start();
    let leaf = mesh().hybrid_leaf(GATEWAY);
    for connection in 1..=3 {
        host.connect(connection, &leaf);
        host.request(&INFER);
        assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    }
    assert_eq!(host.metric("sallyport.cold_verification"), 1);
}

#[test]
fn denies_what_no_flow_allows_and_says_why() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(TRAINING));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    let reply = host.replies.borrow()[0].clone();
    assert_eq!((reply.status, reply.grpc_status), (403, 7));
    assert_eq!(
        reply.details,
        "sallyport_denied[policy[ai-pipeline]-flow[none]-reason[flow_not_allowed]]"
    );
    let record = &host.records()[0];
    assert_eq!(record["reason"], "flow_not_allowed");
    assert_eq!(record["source"], TRAINING);
    assert_eq!(record["assurance"], "hybrid");
    assert_eq!(record["validated"], "envoy");
    let id = record["decision_id"].as_str().unwrap();
    assert!(reply.body.contains(id), "{} names {id}", reply.body);
    assert_eq!(host.metric("sallyport.denied.flow_not_allowed"), 1);
}

#[test]
fn denies_a_stripped_certificate_and_plaintext() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().stripped_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "hybrid_signature_missing");
    assert!(host.replies.borrow()[0].challenge.is_some());

    host.connect_plaintext(2);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "peer_plaintext");
}

#[test]
fn a_hybrid_token_stands_in_for_a_hybrid_certificate_on_its_own_connection_only() {
    let (host, mut plugin) = start();
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    let request = [
        &INFER[..],
        &[
            ("hybrid-identity-token", token.token.as_bytes()),
            ("hybrid-identity-signature", token.signature.as_bytes()),
        ],
    ]
    .concat();

    host.connect(1, &leaf);
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "assurance_too_low");
    host.request(&request);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.header("hybrid-identity-token"), None);
    assert_eq!(host.header("hybrid-identity-signature"), None);
    assert!(host.header(":path").is_some());

    host.connect(2, &mesh().classical_leaf(GATEWAY));
    host.request(&request);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "credential_binding_mismatch");
}

#[test]
fn a_changed_token_on_the_same_connection_is_verified_anew() {
    let (host, mut plugin) = start();
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    host.connect(1, &leaf);
    let send = |signature: &[u8], plugin: &mut Plugin| {
        let credentials = [
            ("hybrid-identity-token", token.token.as_bytes()),
            ("hybrid-identity-signature", signature),
        ];
        host.request(&[&INFER[..], &credentials].concat());
        plugin.on_request_headers(&host)
    };
    assert_eq!(
        send(token.signature.as_bytes(), &mut plugin),
        Next::Continue
    );
    let mut altered = token.signature.clone().into_bytes();
    let place = altered.len() - 100;
    altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
    assert_eq!(send(&altered, &mut plugin), Next::Stop);
    assert_eq!(host.denied(), "hybrid_signature_invalid");
    assert_eq!(
        send(token.signature.as_bytes(), &mut plugin),
        Next::Continue
    );
}

#[test]
fn a_certificate_that_expires_on_an_open_connection_is_refused() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.clock.set(TimeMs(NOW.0 + 3_600_000 + 1_000));
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "credential_expired");
}

#[test]
fn spoofed_headers_never_reach_the_application() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    let names: Vec<String> = (0..50)
        .map(|number| format!("x-sallyport-{number}"))
        .collect();
    let spoofed: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &b"\xff\xfe"[..]))
        .collect();
    host.request(&[&INFER[..], &spoofed, &[("accept", b"*/*")]].concat());
    host.calls.set(0);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert!(
        host.headers
            .borrow()
            .iter()
            .all(|(name, _)| !name.starts_with(b"x-sallyport-"))
    );
    assert_eq!(host.header("accept").as_deref(), Some(&b"*/*"[..]));
    assert!(host.calls.get() <= 16, "many headers cost no call each");
}

#[test]
fn tells_the_application_where_the_policy_says_so() {
    let mut policy = policy();
    policy["spec"]["applicationHeaders"] = json!(true);
    let host = FakeHost::new(&configuration(&policy));
    let mut plugin = Plugin::default();
    plugin.configure(&host);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.request(&[&INFER[..], &[("x-sallyport-trust", b"100")]].concat());
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(
        host.header("x-sallyport-trust").as_deref(),
        Some(&b"99"[..])
    );
    assert_eq!(
        host.header("x-sallyport-assurance").as_deref(),
        Some(&b"hybrid"[..])
    );
    assert_eq!(
        host.header("x-sallyport-state").as_deref(),
        Some(&b"TRUSTED"[..])
    );
    assert!(host.header("x-sallyport-decision-id").is_some());
}

#[test]
fn reads_the_certificate_from_xfcc_on_an_older_envoy_if_it_is_the_one_of_the_handshake() {
    let (host, mut plugin) = start();
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let encoded = leaf
        .certificate_pem
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    let older = |id: u64, xfcc: String| {
        host.connect(id, &leaf);
        host.properties
            .borrow_mut()
            .remove(&Property::PeerCertificate);
        host.properties
            .borrow_mut()
            .remove(&Property::PeerCertificateValid);
        host.request(&[&INFER[..], &[("x-forwarded-client-cert", xfcc.as_bytes())]].concat());
    };

    let other = mesh()
        .hybrid_leaf(GATEWAY)
        .certificate_pem
        .replace('\n', "%0A");
    older(1, format!("Cert=\"{encoded}\",Hash=00;Cert=\"{other}\""));
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "peer_identity_invalid");
    assert_eq!(host.records()[0]["validated"], "assumed");

    older(
        2,
        format!("By=a;Cert=\"{other}\",By=b;Hash=00;Cert=\"{encoded}\";Chain=\"x\""),
    );
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let forwarded = host.header("x-forwarded-client-cert").unwrap();
    assert_eq!(forwarded, b"By=a,By=b;Hash=00");

    older(3, "Hash=00".to_owned());
    host.properties
        .borrow_mut()
        .insert(Property::PeerCertificateDigest, "00".repeat(32).into());
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "peer_certificate_unavailable");
}

#[test]
fn a_header_of_one_request_hides_the_certificate_from_that_request_only() {
    let (host, mut plugin) = start();
    let leaf = mesh().hybrid_leaf(GATEWAY);
    let encoded = leaf
        .certificate_pem
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    host.connect(1, &leaf);
    host.properties
        .borrow_mut()
        .remove(&Property::PeerCertificate);
    let mut send = |xfcc: &str| {
        host.request(&[&INFER[..], &[("x-forwarded-client-cert", xfcc.as_bytes())]].concat());
        plugin.on_request_headers(&host)
    };
    // An open quote of the client swallows the element that our proxy appended.
    assert_eq!(
        send(&format!("Cert=\"a,Hash=00;Cert=\"{encoded}\"")),
        Next::Stop
    );
    assert_eq!(
        send(&format!("By=a,Hash=00;Cert=\"{encoded}\"")),
        Next::Continue
    );
}

#[test]
fn a_certificate_of_no_pinned_authority_is_refused_where_one_is_pinned() {
    let (host, mut plugin) = start();
    let options = AuthorityOptions {
        rsa_bits: RsaBits::Bits2048,
        ..AuthorityOptions::new("other-ca", TimeMs(0), TimeMs(NOW.0 * 2))
    };
    let other = ClassicalAuthority::generate(&options).unwrap();
    host.connect(1, &other.issue_leaf(&mesh().request(GATEWAY)).unwrap());
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "credential_authority_unknown");
}

#[test]
fn a_forwarded_request_is_no_probe_and_its_address_is_not_remembered() {
    let mut policy = policy();
    policy["spec"]["probes"] = json!([
        { "method": "GET", "path": "/healthz", "port": 8080, "ipBlocks": ["10.9.0.0/24"] }
    ]);
    let host = FakeHost::new(&configuration(&policy));
    let mut plugin = Plugin::default();
    plugin.configure(&host);
    host.connect_plaintext(1);
    let probe = [(":method", &b"GET"[..]), (":path", b"/healthz")];
    let address = |text: &[u8]| {
        host.properties
            .borrow_mut()
            .insert(Property::SourceAddress, text.to_vec());
    };
    // Envoy shows the address that the client wrote.
    address(b"10.9.0.1:1");
    host.request(&[&probe[..], &[("x-forwarded-for", b"10.9.0.1")]].concat());
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    address(b"192.0.2.7:1");
    host.request(&probe);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "peer_plaintext");
    address(b"10.9.0.1:1");
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    assert_eq!(host.metric("sallyport.probe_allowed"), 1);
}

#[test]
fn a_peer_that_nobody_validated_is_denied() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().stripped_leaf(GATEWAY));
    host.properties
        .borrow_mut()
        .insert(Property::PeerCertificateValid, vec![0]);
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "peer_unvalidated");
}

/// Envoy says of each resumed session that it did not validate the certificate.
#[test]
fn a_peer_of_a_pinned_authority_passes_when_its_session_was_resumed() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.properties
        .borrow_mut()
        .insert(Property::PeerCertificateValid, vec![0]);
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
}

#[test]
fn an_outbound_listener_is_denied_by_name() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    host.properties
        .borrow_mut()
        .insert(Property::ListenerDirection, 2_u64.to_le_bytes().to_vec());
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "listener_not_inbound");
}

#[test]
fn properties_out_of_form_are_denied() {
    let leaf = mesh().hybrid_leaf(GATEWAY);
    for (property, values) in [
        (Property::ConnectionId, [&b""[..], b"1"]),
        (Property::Mtls, [b"", b"yes"]),
        (Property::PeerCertificateValid, [b"", b"\x02"]),
        (Property::PeerCertificateDigest, [b"", b"zz"]),
        (Property::DestinationPort, [b"", b"\0\0\x01\0\0\0\0\0"]),
        (Property::ListenerDirection, [b"", b"\x01"]),
        (Property::OwnIdentity, [b"", b"\xff"]),
        (
            Property::PeerCertificate,
            [b"-----BEGIN CERTIFICATE-----", b"\xff"],
        ),
    ] {
        for value in values {
            let (host, mut plugin) = start();
            host.connect(1, &leaf);
            host.properties
                .borrow_mut()
                .insert(property, value.to_vec());
            host.request(&INFER);
            assert_eq!(
                plugin.on_request_headers(&host),
                Next::Stop,
                "{property:?} {value:?}"
            );
        }
    }
}

#[test]
fn every_host_call_may_fail_and_the_request_does_not_go_on() {
    let leaf = mesh().classical_leaf(GATEWAY);
    let token = mesh().token(GATEWAY, &leaf);
    let request = [
        &INFER[..],
        &[
            ("hybrid-identity-token", token.token.as_bytes()),
            ("hybrid-identity-signature", token.signature.as_bytes()),
            ("x-sallyport-trust", b"1"),
        ],
    ]
    .concat();
    let (host, mut plugin) = start();
    host.connect(1, &leaf);
    host.request(&request);
    host.calls.set(0);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let calls = host.calls.get();
    assert!(calls > 8, "a cold request reads many facts");
    for number in 0..calls {
        for lasting in [false, true] {
            let (host, mut plugin) = start();
            host.connect(1, &leaf);
            host.request(&request);
            host.calls.set(0);
            host.fails_at.set(Some(number));
            host.fails_from.set(lasting.then_some(number));
            assert_eq!(
                plugin.on_request_headers(&host),
                Next::Stop,
                "call {number}, {lasting}"
            );
        }
    }
}

#[test]
fn a_request_without_method_or_path_is_denied() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    for headers in [
        &[][..],
        &[(":method", &b"POST"[..])],
        &[(":path", b"/")],
        &[(":method", b"POST"), (":method", b"POST"), (":path", b"/")],
        &[(":method", b"CONNECT"), (":authority", b"inference")],
    ] {
        host.request(headers);
        assert_eq!(plugin.on_request_headers(&host), Next::Stop);
        assert_eq!(host.denied(), "request_malformed");
    }
}

#[test]
fn a_scan_is_logged_at_a_bounded_rate_and_isolates_the_peer() {
    let (host, mut plugin) = start();
    let sibling = mesh().hybrid_leaf(GATEWAY);
    host.connect(2, &sibling);
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    for number in 0..100 {
        let path = format!("/secret/{}", word(number));
        host.request(&[(":method", b"GET"), (":path", path.as_bytes())]);
        assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    }
    assert_eq!(host.denied(), "peer_isolated");
    // Eight records, and that the peer was restricted and then isolated.
    assert_eq!(host.records().len(), 10);
    assert_eq!(host.metric("sallyport.record_suppressed"), 92);
    host.clock.set(TimeMs(NOW.0 + 1_000));
    plugin.tick(&host);
    let summary = host.records().pop().unwrap();
    assert_eq!(summary["suppressed_records"]["peer_isolated"], 92);

    // A sibling that was there before is not touched; a certificate that comes afterwards may only
    // read, since rotation must not wash clean.
    host.connect(2, &sibling);
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    host.connect(3, &mesh().hybrid_leaf(GATEWAY));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Stop);
    assert_eq!(host.denied(), "trust_restricted");
}

#[test]
fn shadow_lets_pass_and_reports() {
    let mut policy = policy();
    policy["spec"]["mode"] = json!("shadow");
    let host = FakeHost::new(&configuration(&policy));
    let mut plugin = Plugin::default();
    plugin.configure(&host);
    host.connect(1, &mesh().hybrid_leaf(TRAINING));
    host.request(&INFER);
    assert_eq!(plugin.on_request_headers(&host), Next::Continue);
    let record = &host.records()[0];
    assert_eq!(record["verdict"], "allow");
    assert_eq!(record["would_deny"], true);
    assert_eq!(record["reason"], "flow_not_allowed");
    assert_eq!(host.metric("sallyport.would_deny.flow_not_allowed"), 1);
    assert_eq!(host.metric("sallyport.enforcing"), 0);
}

#[test]
fn a_workload_without_a_segment_denies() {
    let (host, mut plugin) = start();
    host.connect(1, &mesh().hybrid_leaf(GATEWAY));
    for own in [
        "spiffe://ai.example/ns/other/sa/x",
        "spiffe://other.example/ns/inference/sa/x",
    ] {
        assert_ne!(own, INFERENCE);
        host.properties
            .borrow_mut()
            .insert(Property::OwnIdentity, own.as_bytes().to_vec());
        let mut fresh = Plugin::default();
        fresh.configure(&host);
        host.request(&INFER);
        assert_eq!(fresh.on_request_headers(&host), Next::Stop);
        assert_eq!(host.denied(), "own_identity_unknown");
    }
    let _ = &mut plugin;
}

#[test]
fn hostile_header_bytes_end_in_a_verdict() {
    let (host, mut plugin) = start();
    let long = vec![b'a'; 60_000];
    let headers = [
        ("hybrid-identity-token", &b"\xff\xfe"[..]),
        ("hybrid-identity-token", b""),
        ("hybrid-identity-token", &long),
        ("hybrid-identity-signature", b".."),
        ("x-forwarded-client-cert", b"Cert=\"%zz"),
        ("x-forwarded-client-cert", &long),
        ("accept", b"\xff\xfe\0"),
    ];
    for (connection, (name, value)) in (1..).zip(headers) {
        // A peer of its own for each, since bad credentials are evidence.
        host.connect(connection, &mesh().hybrid_leaf(GATEWAY));
        for repeat in [1, 2, 100] {
            let hostile = vec![(name, value); repeat];
            host.request(&[&INFER[..], &hostile].concat());
            let flow = plugin.on_request_headers(&host);
            // A doubled XFCC is removed; one that is not in Envoy's form is refused.
            let is_refused = name.starts_with("hybrid-identity")
                || (name == "x-forwarded-client-cert" && repeat == 1);
            assert_eq!(flow == Next::Stop, is_refused, "{name} {repeat}");
        }
    }
}

#[test]
fn metadata_of_istio_can_only_lower_trust() {
    let mut policy = policy();
    policy["spec"]["applicationHeaders"] = json!(true);
    // Trust is rounded down from 99 for a clean peer: evidence brings it to where terms show.
    let trust = |namespace: Option<&[u8]>| -> u64 {
        let host = FakeHost::new(&configuration(&policy));
        let mut plugin = Plugin::default();
        plugin.configure(&host);
        host.connect(1, &mesh().hybrid_leaf(GATEWAY));
        if let Some(namespace) = namespace {
            let mut properties = host.properties.borrow_mut();
            properties.insert(Property::PeerNamespace, namespace.to_vec());
        }
        for number in 0..3 {
            let path = format!("/secret/{}", word(number));
            host.request(&[(":method", b"GET"), (":path", path.as_bytes())]);
            plugin.on_request_headers(&host);
        }
        host.request(&INFER);
        assert_eq!(plugin.on_request_headers(&host), Next::Continue);
        let trust = host.header("x-sallyport-trust").expect("a score");
        String::from_utf8(trust).unwrap().parse().unwrap()
    };
    let without = trust(None);
    assert_eq!(trust(Some(b"gateway")), without, "agreement says nothing");
    assert_eq!(trust(Some(b"")), without);
    assert!(trust(Some(b"training")) < without);
    assert!(trust(Some(b"\xff\xfe")) < without);
}

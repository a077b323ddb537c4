#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::format;
use alloc::string::String;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts::{CredentialFault, Facts, RequestFacts, Transport};
use crate::fixtures::{
    DECISION, GATEWAY, HOUR_MS, NOW, STRANGER, Scene, VECTORS, credential, grant, identity, policy,
};
use crate::identity::Assurance;
use crate::names::RequestPath;
use crate::policy::Mode;
use crate::trust::{Behaviour, Params, PeerState, TargetHasher};

mod artifacts;

/// A change of the scene, and the reason that it leads to.
type Change = (fn(&mut Scene), DenyReason);

/// A worker that answers requests of one scene.
struct Worker {
    policy: Policy,
    peers: PeerTable,
    scene: Scene,
    key: PeerKey,
}

impl Worker {
    fn new(policy: Policy, scene: Scene) -> Self {
        let key = PeerKey::new(&identity(GATEWAY), [7; 32]);
        Self {
            policy,
            peers: PeerTable::new(64, TargetHasher::new([0; 16])),
            scene,
            key,
        }
    }

    /// The scene's request, `seconds` after its time.
    fn ask_at(&mut self, seconds: u64) -> Option<DenyReason> {
        let now = TimeMs(self.scene.now.0 + seconds * 1_000);
        decided(
            &self.policy,
            self.scene.facts(),
            Some(&self.key),
            &mut self.peers,
            now,
        )
        .reason()
    }

    /// The scene's request for another path.
    fn ask_for(&mut self, path: &str) -> Option<DenyReason> {
        let mut facts = self.scene.facts();
        facts.request = RequestFacts {
            path: RequestPath::parse(path.as_bytes()),
            raw_path: path.as_bytes(),
            ..facts.request
        };
        let now = self.scene.now;
        decided(&self.policy, facts, Some(&self.key), &mut self.peers, now).reason()
    }

    fn evidence(&mut self) -> u32 {
        let params = Params::default();
        let state = self.peers.state(&self.key);
        state.map_or(0, |state| state.evidence(&params).sum())
    }

    fn standing(&mut self) -> Behaviour {
        let state = self.peers.state(&self.key);
        state.map_or(Behaviour::Trusted, PeerState::standing)
    }
}

/// The decision about facts that were gathered.
fn decided(
    policy: &Policy,
    facts: Facts<'_>,
    peer: Option<&PeerKey>,
    peers: &mut PeerTable,
    now: TimeMs,
) -> Verdict {
    admit(policy, &facts, b"", peer, peers, now, DECISION)
}

/// What one request of the changed scene answers, and how much evidence it leaves.
fn outcome(policy: Policy, change: impl FnOnce(&mut Scene)) -> (Option<DenyReason>, u32) {
    let mut worker = Worker::new(policy, Scene::with(change));
    (worker.ask_at(0), worker.evidence())
}

/// A worker whose peer asked for a number of distinct paths that it may not ask for.
fn after_scan(targets: usize) -> Worker {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    for number in 0..targets {
        let answer = worker.ask_for(&format!("/scan/page-{number}"));
        assert_eq!(answer, Some(DenyReason::OperationNotAllowed), "{number}");
    }
    worker
}

#[test]
fn an_allowed_request_is_no_evidence() {
    assert_eq!(outcome(policy(|_| {}), |_| {}), (None, 0));
}

/// The scene's policy with a grant to delete models, and a caller whose credential lasts.
fn under_a_grant() -> Worker {
    let policy = policy(|document| document.spec.grants = Some(alloc::vec![grant()]));
    let scene = Scene::with(|scene| {
        scene.method = "DELETE";
        scene.path = "/v1/models/llm-7b";
        scene.certificate().not_before = TimeMs(0);
        scene.certificate().not_after = TimeMs(NOW.0 + 24 * HOUR_MS);
    });
    Worker::new(policy, scene)
}

#[test]
fn a_grant_that_is_over_is_no_evidence_within_an_hour_and_evidence_after_it() {
    let mut worker = under_a_grant();
    for (seconds, answer) in [
        (0, None),
        (3_599, None),
        (3_600, Some(DenyReason::GrantExpired)),
        (7_199, Some(DenyReason::GrantExpired)),
    ] {
        assert_eq!(
            (worker.ask_at(seconds), worker.evidence()),
            (answer, 0),
            "{seconds}"
        );
    }
    assert_eq!(worker.ask_at(7_200), Some(DenyReason::OperationNotAllowed));
    assert!(worker.evidence() > 0);
}

#[test]
fn beside_what_a_grant_covers_refusals_are_evidence_while_it_is_in_force() {
    let mut worker = under_a_grant();
    assert_eq!(
        worker.ask_for("/v1/secrets"),
        Some(DenyReason::OperationNotAllowed)
    );
    assert!(worker.evidence() > 0);
}

#[test]
fn a_request_that_a_grant_let_in_goes_on_until_it_is_over_or_taken_back() {
    let mut worker = under_a_grant();
    let headers: [(&[u8], &[u8]); 2] = [(b":method", b"DELETE"), (b":path", b"/v1/models/a?b=c")];
    let granted = Granted::of(&RequestHead::read(headers));
    let connection = worker.scene.connection.clone();
    let mut since = |policy: &Policy, now: u64| {
        let grant = Some(&granted);
        let let_in = LetIn {
            grant,
            ..LetIn::default()
        };
        let (key, peers) = (Some(&worker.key), &mut worker.peers);
        refused_since(policy, &connection, let_in, key, peers, TimeMs(now))
    };
    let with = |change: fn(&mut crate::policy::raw::Spec)| {
        policy(|document| {
            document.spec.grants = Some(alloc::vec![grant()]);
            change(&mut document.spec);
        })
    };
    let same = with(|_| {});
    let ends = NOW.0 + HOUR_MS;
    assert_eq!(since(&same, ends - 1), None);
    assert_eq!(since(&same, ends), Some(DenyReason::GrantExpired));
    assert_eq!(
        since(&same, NOW.0 - HOUR_MS - 1),
        Some(DenyReason::GrantNotYetValid)
    );
    let gone = with(|spec| spec.grants = None);
    assert_eq!(since(&gone, NOW.0), Some(DenyReason::OperationNotAllowed));
    let nowhere = with(|spec| {
        spec.grants = None;
        spec.flows.clear();
    });
    assert_eq!(since(&nowhere, NOW.0), Some(DenyReason::FlowNotAllowed));
    // What a flow covers by now, or only shadow would refuse, goes on.
    let flow = with(|spec| {
        spec.flows[0].operations[0].methods.push("DELETE".into());
    });
    assert_eq!(since(&flow, ends), None);
    let shadow = with(|spec| spec.mode = Mode::Shadow);
    assert_eq!(since(&shadow, ends), None);
}

#[test]
fn what_the_caller_chose_to_ask_for_is_evidence() {
    let changes: [Change; 5] = [
        (
            |scene| scene.set_source(VECTORS),
            DenyReason::FlowNotAllowed,
        ),
        (
            |scene| scene.path = "/v1//models",
            DenyReason::PathAmbiguous,
        ),
        (
            |scene| scene.path = "/v1/secrets",
            DenyReason::OperationNotAllowed,
        ),
        (
            |scene| scene.method = "DELETE",
            DenyReason::OperationNotAllowed,
        ),
        (
            |scene| scene.connection.destination_port = 22,
            DenyReason::OperationNotAllowed,
        ),
    ];
    for (change, reason) in changes {
        assert_eq!(reason.row().evidence, Some(Family::Denial));
        assert_eq!(
            outcome(policy(|_| {}), change),
            (Some(reason), 2_500),
            "two nats, and half a nat because it is new"
        );
    }
}

#[test]
fn what_the_caller_did_not_choose_is_no_evidence() {
    let changes: [Change; 8] = [
        (
            |scene| scene.connection.own = None,
            DenyReason::OwnIdentityUnknown,
        ),
        (
            |scene| scene.connection.own = Some(identity(STRANGER)),
            DenyReason::OwnIdentityUnknown,
        ),
        (
            |scene| scene.connection.transport = Transport::Plaintext,
            DenyReason::PeerPlaintext,
        ),
        (
            |scene| scene.set_source("spiffe://other.example/ns/edge/sa/gateway"),
            DenyReason::TrustDomainUnknown,
        ),
        (
            |scene| scene.set_certificate(GATEWAY, Err(CredentialFault::AuthorityUnknown)),
            DenyReason::CredentialAuthorityUnknown,
        ),
        (
            |scene| scene.certificate().not_after = NOW,
            DenyReason::CredentialExpired,
        ),
        (
            |scene| scene.token = Some(Ok(credential(VECTORS, Assurance::Hybrid))),
            DenyReason::CredentialIdentityMismatch,
        ),
        (
            |scene| scene.certificate().assurance = Assurance::Classical,
            DenyReason::AssuranceTooLow,
        ),
    ];
    for (change, reason) in changes {
        assert_eq!(reason.row().evidence, None);
        assert_eq!(outcome(policy(|_| {}), change), (Some(reason), 0));
    }
}

#[test]
fn what_a_gateway_forwards_is_no_evidence_against_it() {
    let aggregator = policy(|document| {
        let gateway = document
            .spec
            .segments
            .iter_mut()
            .find(|segment| segment.name == "gateway");
        gateway.unwrap().callers = Some(crate::policy::raw::Callers::Aggregator);
    });
    let mut worker = Worker::new(aggregator, Scene::good());
    for number in 0..100 {
        let answer = worker.ask_for(&format!("/scan/page-{number}"));
        assert_eq!(answer, Some(DenyReason::OperationNotAllowed));
    }
    for token in ["a", "b", "c", "d", "e"] {
        let bad = Err(DenyReason::HybridSignatureInvalid);
        ask_with_headers(&mut worker, &with_token(token), bad);
    }
    assert_eq!(
        (worker.standing(), worker.ask_at(0)),
        (Behaviour::Trusted, None)
    );
    let alarms = worker.peers.take_notices();
    let peer = worker.key.clone();
    assert_eq!(alarms, [crate::trust::Notice::AggregatorAlarm { peer }]);
    // Its own certificate is its own.
    let fault = CredentialFault::ClassicalSignatureInvalid;
    worker.scene.set_certificate(GATEWAY, Err(fault));
    worker.ask_at(0);
    let params = Params {
        aggregator: true,
        ..Params::default()
    };
    let state = worker.peers.state(&worker.key).unwrap();
    assert_eq!(state.acting(&params).credential, 4_500);
}

#[test]
fn a_would_deny_in_shadow_is_no_evidence() {
    let by_policy = || policy(|document| document.spec.mode = Mode::Shadow);
    let by_flow = || policy(|document| document.spec.flows[0].mode = Some(Mode::Shadow));
    let reason = Some(DenyReason::OperationNotAllowed);
    assert_eq!(
        outcome(by_policy(), |scene| scene.path = "/v1/secrets"),
        (reason, 0)
    );
    // A flow in shadow covers neither what it does not allow,
    assert_eq!(
        outcome(by_flow(), |scene| scene.path = "/v1/secrets"),
        (reason, 2_500)
    );
    // A flow in shadow does not cover those who have no flow.
    assert_eq!(
        outcome(by_flow(), |scene| scene.set_source(VECTORS)),
        (Some(DenyReason::FlowNotAllowed), 2_500)
    );
}

#[test]
fn a_scan_costs_trust_at_the_third_target_and_everything_at_the_seventh() {
    for (targets, answer) in [
        (0, None),
        (2, None),
        (3, Some(DenyReason::TrustTooLow)),
        (6, Some(DenyReason::TrustTooLow)),
        (7, Some(DenyReason::PeerIsolated)),
    ] {
        let mut worker = after_scan(targets);
        assert_eq!(worker.ask_at(0), answer, "after {targets} targets");
    }
    assert_eq!(
        after_scan(7).ask_for("/scan/page-9"),
        Some(DenyReason::PeerIsolated)
    );
}

#[test]
fn refusals_for_lack_of_trust_add_nothing() {
    for (targets, reason) in [(4, DenyReason::TrustTooLow), (7, DenyReason::PeerIsolated)] {
        let mut worker = after_scan(targets);
        let before = worker.evidence();
        for _ in 0..100 {
            assert_eq!(worker.ask_at(0), Some(reason));
        }
        assert_eq!(worker.evidence(), before);
    }
    // Restricted, and trusted enough by the flow: what it may not do is refused and not counted.
    let mut worker = Worker::new(
        policy(|document| document.spec.flows[0].minimum_trust = Some(0)),
        Scene::good(),
    );
    for number in 0..4 {
        worker.ask_for(&format!("/scan/page-{number}"));
    }
    assert_eq!(worker.ask_at(0), Some(DenyReason::TrustRestricted));
    assert_eq!(worker.evidence(), 10_000);
}

#[test]
fn one_wrong_path_over_and_over_never_isolates() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    for _ in 0..1_000 {
        assert_eq!(
            worker.ask_for("/not/declared"),
            Some(DenyReason::OperationNotAllowed)
        );
    }
    assert_eq!(worker.standing(), Behaviour::Restricted);
    assert_eq!(worker.evidence(), 12_500);
}

#[test]
fn time_alone_frees_an_isolated_peer_step_by_step() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    worker.scene.certificate().not_after = TimeMs(u64::MAX);
    assert_eq!(worker.ask_at(0), None);
    for number in 0..7 {
        worker.ask_for(&format!("/scan/page-{number}"));
    }
    let mut answers = alloc::vec![(0, worker.ask_at(0))];
    for step in 1..1_800 {
        // Asking again and again neither helps nor harms.
        let second = step * 10;
        let answer = worker.ask_at(second);
        if answers.last().is_some_and(|(_, last)| *last != answer) {
            answers.push((second, answer));
        }
    }
    let steps: alloc::vec::Vec<Option<DenyReason>> = answers.iter().map(|step| step.1).collect();
    assert_eq!(
        steps,
        [
            Some(DenyReason::PeerIsolated),
            Some(DenyReason::TrustTooLow),
            None,
        ]
    );
    // 16.6 nats at the slow scale fall below 12 after 2 h * ln (16.6 / 12), and below 6.3, where trust is
    // 50, after 2 h * ln (16.6 / 6.3).
    assert!((2_300..=2_400).contains(&answers[1].0), "{answers:?}");
    assert!((6_900..=7_250).contains(&answers[2].0), "{answers:?}");
}

#[test]
fn a_sibling_with_another_certificate_stays_as_it_was() {
    let mut worker = after_scan(7);
    worker.key = PeerKey::new(&identity(GATEWAY), [8; 32]);
    assert_eq!(worker.ask_at(0), None);
    worker.key = PeerKey::new(&identity(VECTORS), [7; 32]);
    assert_eq!(
        worker.ask_at(0),
        None,
        "nor does the digest alone stand for a peer"
    );
    worker.key = PeerKey::new(&identity(GATEWAY), [7; 32]);
    assert_eq!(worker.ask_at(0), Some(DenyReason::PeerIsolated));
}

/// Asks with the scene's certificate and these headers; says the reason and whether the token was
/// verified.
fn ask_with_headers(
    worker: &mut Worker,
    headers: &[(&str, &str)],
    verified: Result<&CredentialFacts, DenyReason>,
) -> (Option<DenyReason>, bool) {
    let mut asked = false;
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let head = RequestHead::read(pairs);
    let request = Request {
        policy: &worker.policy,
        connection: &worker.scene.connection,
        peer: Some(&worker.key),
        head: &head,
        now: worker.scene.now,
        decision_id: DECISION,
    };
    let source_ip = || panic!("no probe");
    let verdict = answer(&request, &mut worker.peers, source_ip, |_, _| {
        asked = true;
        verified
    });
    (verdict.reason(), asked)
}

const INFER: [(&str, &str); 2] = [(":method", "POST"), (":path", "/v1/models/llm-7b/infer")];

fn with_token(token: &'static str) -> [(&'static str, &'static str); 4] {
    let signature = ("hybrid-identity-signature", "s");
    [
        INFER[0],
        INFER[1],
        ("hybrid-identity-token", token),
        signature,
    ]
}

#[test]
fn what_the_adapter_could_not_gather_is_denied_and_no_evidence() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    let reason = DenyReason::HostReadFailed;
    let (denial, _) = ask_with_headers(&mut worker, &with_token("t"), Err(reason));
    assert_eq!(denial, Some(reason));
    let (denial, _) = ask_with_headers(&mut worker, &[], Err(reason));
    assert_eq!(denial, Some(DenyReason::RequestMalformed));
    assert_eq!(worker.evidence(), 0);
}

#[test]
fn different_tokens_that_do_not_hold_isolate_and_one_again_and_again_does_not() {
    let bad = Err(DenyReason::HybridSignatureInvalid);
    let mut stuck = Worker::new(policy(|_| {}), Scene::good());
    for _ in 0..100 {
        assert_eq!(
            ask_with_headers(&mut stuck, &with_token("same"), bad),
            (Some(DenyReason::HybridSignatureInvalid), true)
        );
    }
    assert_eq!(stuck.evidence(), 6_000);
    assert_eq!(stuck.standing(), Behaviour::Trusted);

    let mut forger = Worker::new(policy(|_| {}), Scene::good());
    for token in ["a", "b", "c", "d"] {
        let (denial, was_verified) = ask_with_headers(&mut forger, &with_token(token), bad);
        assert_eq!(denial, Some(DenyReason::HybridSignatureInvalid));
        assert!(was_verified);
    }
    assert_eq!(
        ask_with_headers(&mut forger, &with_token("e"), bad),
        (Some(DenyReason::PeerIsolated), false),
        "an isolated peer costs no verification"
    );
}

#[test]
fn new_proofs_for_a_token_that_does_not_hold_are_one_failure() {
    // After a rotation a workload may send its old token for a while, with a new proof each time.
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    for number in 0..50 {
        let proof = format!("p{number}");
        let headers = [
            INFER[0],
            INFER[1],
            ("workload-identity-token", "t"),
            ("hybrid-identity-signature", "s"),
            ("workload-proof-token", proof.as_str()),
        ];
        let mismatch = Err(DenyReason::CredentialBindingMismatch);
        let (denial, _) = ask_with_headers(&mut worker, &headers, mismatch);
        assert_eq!(denial, Some(DenyReason::CredentialBindingMismatch));
    }
    assert_eq!(worker.standing(), Behaviour::Trusted);
}

#[test]
fn a_token_is_not_verified_for_a_peer_that_is_refused_anyway() {
    let changes: [Change; 4] = [
        (
            |scene| scene.tls().validation = crate::facts::PeerValidation::Failed,
            DenyReason::PeerUnvalidated,
        ),
        (
            |scene| scene.set_source("spiffe://other.example/ns/edge/sa/gateway"),
            DenyReason::TrustDomainUnknown,
        ),
        (
            |scene| scene.certificate().not_after = NOW,
            DenyReason::CredentialExpired,
        ),
        (
            |scene| scene.set_certificate(GATEWAY, Err(CredentialFault::Malformed)),
            DenyReason::CredentialMalformed,
        ),
    ];
    let token = credential(GATEWAY, Assurance::Hybrid);
    for (change, reason) in changes {
        let mut worker = Worker::new(policy(|_| {}), Scene::with(change));
        let answer = ask_with_headers(&mut worker, &with_token("t"), Ok(&token));
        assert_eq!(answer, (Some(reason), false));
    }
}

#[test]
fn a_caller_without_a_key_is_denied_as_a_bug_and_leaves_no_state() {
    let (policy, scene) = (policy(|_| {}), Scene::good());
    let mut peers = PeerTable::new(4, TargetHasher::new([0; 16]));
    let verdict = decided(&policy, scene.facts(), None, &mut peers, NOW);
    assert_eq!(verdict.reason(), Some(DenyReason::InternalBug));
    assert!(peers.is_empty());
}

#[test]
fn a_probe_is_no_evidence_and_needs_no_key() {
    let scene = Scene::with(|scene| {
        scene.connection.transport = Transport::Plaintext;
        scene.source_ip = [10, 0, 0, 1].into();
        scene.method = "GET";
        scene.path = "/healthz";
    });
    let mut peers = PeerTable::new(4, TargetHasher::new([0; 16]));
    let policy = policy(|_| {});
    let verdict = decided(&policy, scene.facts(), None, &mut peers, NOW);
    assert!(verdict.is_allowed() && peers.is_empty());
}

#[test]
fn a_request_after_expiry_is_denied_on_an_open_connection() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    assert_eq!(worker.ask_at(0), None);
    let hour = HOUR_MS / 1_000;
    assert_eq!(worker.ask_at(hour), Some(DenyReason::CredentialExpired));
}

/// The same requests leave the same bits wherever they are decided: this test runs natively and in
/// wasm, and both must come to the number below.
#[test]
fn a_long_history_gives_the_same_bits_everywhere() {
    let mut worker = Worker::new(policy(|_| {}), Scene::good());
    let mut random = 1_u32;
    let mut history = String::new();
    for _ in 0..5_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let now = TimeMs(worker.scene.now.0 + u64::from(random >> 20));
        worker.scene.now = now;
        let certificate = worker.scene.certificate();
        if now.since(certificate.not_before) >= HOUR_MS {
            certificate.not_before = now;
            certificate.not_after = TimeMs(now.0 + HOUR_MS);
        }
        let path = match (random >> 8) % 40 {
            number @ 0..12 => format!("/scan/page-{number}"),
            12..24 => String::from("/not/declared"),
            24.. => String::from("/v1/models/llm-7b/infer"),
        };
        let answer = worker.ask_for(&path).map_or("allow", DenyReason::code);
        let (evidence, standing) = (worker.evidence(), worker.standing().as_str());
        history.push_str(&format!("{answer} {evidence} {standing}\n"));
    }
    let digest = history
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    for answer in [
        "allow",
        "operation_not_allowed",
        "peer_isolated",
        "trust_too_low",
    ] {
        assert!(history.contains(answer), "{answer}");
    }
    // Changes with each weight and threshold; then the new number belongs here.
    assert_eq!(digest, 0x3e98_47bc_f93e_e967, "{digest:#x}");
}

//! A proof that holds was made by the key of its token, and says what it has to; so does a token
//! that holds. What an authority or a workload signs may be anything.
#![no_main]

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use libfuzzer_sys::fuzz_target;
use sallyport_credentials::token::{MAXIMUM_PROOF_SECONDS, Proof, verify_identity};
use sallyport_engine::headers::{ProvenToken, TokenHalves};
use sallyport_engine::identity::Assurance;
use sallyport_fuzz::{Proving, Seeds, edited, proving};
use serde_json::{Value, json};

static SCENE: LazyLock<Proving> = LazyLock::new(proving);

fuzz_target!(
    init: Seeds::from_environment().proofs(),
    |data: &[u8]| {
        let [what, cut, data @ ..] = data else {
            return;
        };
        let (first, second) = data.split_at(usize::from(*cut).min(data.len()));
        match what % 3 {
            0 => tampered(first, second),
            1 => any_claims_of_a_proof(first, second),
            _ => any_claims_of_an_identity(first, second),
        }
    }
);

/// Whoever has no key changes nothing.
fn tampered(first: &[u8], second: &[u8]) {
    let token = edited(SCENE.identity.token.as_bytes(), first);
    let signature = edited(SCENE.identity.signature.as_bytes(), first);
    let proof = edited(SCENE.proof.as_bytes(), second);
    for (token, signature) in [
        (&token[..], SCENE.identity.signature.as_bytes()),
        (SCENE.identity.token.as_bytes(), &signature),
    ] {
        if verify(token, signature, &proof).is_some() {
            assert!(
                token == SCENE.identity.token.as_bytes(),
                "a token was forged"
            );
            assert!(
                signature == SCENE.identity.signature.as_bytes(),
                "a signature was forged"
            );
            assert!(proof == SCENE.proof.as_bytes(), "a proof was forged");
        }
    }
}

fn any_claims_of_a_proof(header: &[u8], claims: &[u8]) {
    let header = text(Proving::PROOF_HEADER, header, "");
    let hash = hash(&SCENE.identity.token);
    let claims = text(&Proving::proof_claims(), claims, &hash);
    let proof = SCENE.key.sign(&header, &claims).unwrap();
    let identity = &SCENE.identity;
    let found = verify(
        identity.token.as_bytes(),
        identity.signature.as_bytes(),
        proof.as_bytes(),
    );
    let Some(found) = found else {
        return;
    };
    let header: Value = serde_json::from_str(&header).unwrap();
    assert_eq!(header, json!({ "alg": "ML-DSA-44", "typ": "wpt+jwt" }));
    let claims: Value = serde_json::from_str(&claims).unwrap();
    let called = json!(SCENE.called.as_str());
    let audience = &claims["aud"];
    assert!(*audience == called || audience.as_array().unwrap().contains(&called));
    assert_eq!(claims["wth"], json!(hash));
    assert!(!claims["jti"].as_str().unwrap().is_empty());
    for absent in ["ath", "tth", "oth"] {
        assert!(claims.get(absent).is_none());
    }
    let ends = claims["exp"].as_u64().unwrap();
    assert!(found.facts.not_after.0 <= ends.saturating_mul(1000));
    let earliest = ends.saturating_sub(2 * MAXIMUM_PROOF_SECONDS);
    assert!(found.facts.not_before.0 >= earliest.saturating_mul(1000));
    assert_eq!(found.facts.assurance, Assurance::HybridProven);
}

fn any_claims_of_an_identity(header: &[u8], claims: &[u8]) {
    let policy = SCENE.issuer.to_policy();
    let header = text(Proving::IDENTITY_HEADER, header, &policy.classical_key.kid);
    let key = SCENE.key.public_jwk();
    let claims = text(
        &Proving::identity_claims(),
        claims,
        key["pub"].as_str().unwrap(),
    );
    let signature_header = json!({
        "alg": "ML-DSA-44",
        "typ": "hybrid-identity-sig+jws",
        "kid": policy.alternative_key.kid,
    });
    let token = SCENE
        .issuer
        .sign(&header, &claims, &signature_header.to_string());
    let token = token.unwrap();
    let proof_claims = Proving::proof_claims().replace('@', &hash(&token.token));
    let proof = SCENE
        .key
        .sign(Proving::PROOF_HEADER, &proof_claims)
        .unwrap();
    let found = verify(
        token.token.as_bytes(),
        token.signature.as_bytes(),
        proof.as_bytes(),
    );
    let Some(found) = found else {
        return;
    };
    let header: Value = serde_json::from_str(&header).unwrap();
    assert_eq!(
        header,
        json!({ "alg": "PS256", "typ": "wit+jwt", "kid": policy.classical_key.kid })
    );
    let claims: Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["sub"], json!(found.facts.subject.as_str()));
    assert!(
        claims
            .get("iss")
            .is_none_or(|issuer| *issuer == json!(Proving::ISSUER))
    );
    assert_eq!(claims["x5t#S256"], json!(Proving::BINDING));
    assert_eq!(claims["cnf"]["jwk"]["pub"], key["pub"]);
    assert!(claims["cnf"]["jwk"].get("priv").is_none());
    let time = |claim: &str| claims[claim].as_u64().unwrap();
    let lifetime = time("exp").checked_sub(time("iat")).unwrap();
    assert!((1..=Proving::LIFETIME_SECONDS).contains(&lifetime));
    assert!(found.facts.not_after.0 <= time("exp").saturating_mul(1000));
}

fn verify(token: &[u8], signature: &[u8], proof: &[u8]) -> Option<Proof> {
    let presented = ProvenToken {
        identity: TokenHalves { token, signature },
        proof,
        access_token: None,
        transaction_token: None,
    };
    let identity = verify_identity(&SCENE.set, presented.identity, &SCENE.tls).ok()?;
    identity.verify_proof(&presented, &SCENE.called).ok()
}

/// An edit of `base`, with what only this process knows put in.
fn text(base: &str, data: &[u8], known: &str) -> String {
    String::from_utf8_lossy(&edited(base.as_bytes(), data)).replace('@', known)
}

fn hash(token: &str) -> String {
    Base64UrlUnpadded::encode_string(&sallyport_credentials::sha256(token.as_bytes()))
}

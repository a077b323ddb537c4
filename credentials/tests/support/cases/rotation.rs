//! Cases in which an authority changes: a new one of the same name, one below another, and the
//! time from which on it must sign with both keys.

use sallyport_credentials::issue::{
    AlternativeSignature, AuthorityOptions, HybridAuthority, LeafKey, LeafRequest,
};
use sallyport_engine::policy::raw::{self, AlternativeAlgorithm};

use super::super::forge::{Forge, ForgeKeys};
use super::certificates::{credential, pem, request};
use super::{
    Case, Corpus, Expected, Input, TRUST_DOMAIN, case, certificates_only, fault, later_fault,
    options,
};

/// Pins the old and the new authority of one name, and one that stands below another.
const SET: &str = "rotation";
/// Pins an authority whose leaves need the alternative signature a second after these ones.
const REQUIRED_LATER: &str = "required-later";
/// The same, whose leaves need it from the very second of these ones.
const REQUIRED_NOW: &str = "required-now";

pub(super) fn add(corpus: &mut Corpus) {
    let generate = |name| HybridAuthority::generate(&options(name, LEVEL)).unwrap();
    let (old, new) = (generate("rotated"), generate("rotated"));
    let root = HybridAuthority::generate(&AuthorityOptions {
        intermediates: 1,
        ..options("root", LEVEL)
    });
    let root = root.unwrap();
    let below = root.issue_authority(&options("below", LEVEL)).unwrap();
    let pin = |name, authority: &HybridAuthority| authority.to_policy(name, TRUST_DOMAIN).unwrap();
    let pinned = vec![
        pin("rotated-old", &old),
        pin("rotated-new", &new),
        pin("below-ca", &below),
    ];
    corpus
        .authorities
        .insert(SET.to_owned(), certificates_only(pinned));
    // 1 790 000 000 seconds are 14:13:20 UTC.
    for (set, time) in [
        (REQUIRED_LATER, "2026-09-21T14:13:21Z"),
        (REQUIRED_NOW, "2026-09-21T16:13:20+02:00"),
    ] {
        let entry = raw::CertificateAuthority {
            alternative_required_from: Some(time.to_owned()),
            ..pin("required-ca", &old)
        };
        corpus
            .authorities
            .insert(set.to_owned(), certificates_only(vec![entry]));
    }
    corpus.cases.extend(swapped_halves(&old, &new));
    corpus.cases.extend(two_of_one_name(&old, &new));
    corpus.cases.extend(one_below_another(&root, &below));
    corpus.cases.extend(required_from_a_time_on(&old, &new));
}

const AUTHORITY_KEY_ID: u8 = 35;
const LEVEL: AlternativeAlgorithm = AlternativeAlgorithm::MlDsa65;

fn der_case(set: &str, name: &str, der: &[u8], expected: Expected) -> Case {
    case(name, set, Input::Certificate { pem: pem(der) }, expected)
}

fn issue(authority: &HybridAuthority) -> Vec<u8> {
    authority.issue_leaf(&request()).unwrap().certificate_der
}

/// Two authorities certify the same subject, serial number, validity and key; both certificates
/// hold. Then each gets the other one's ML-DSA signature, and whoever has the RSA keys signs again.
fn swapped_halves(old: &HybridAuthority, new: &HybridAuthority) -> Vec<Case> {
    let one = issue(old);
    let (old_keys, new_keys) = (ForgeKeys::hybrid(old, LEVEL), ForgeKeys::hybrid(new, LEVEL));
    let of_old = Forge::new(&one);
    let mut of_new = of_old.clone();
    for (place, extension) in of_new
        .extensions
        .iter_mut()
        .zip(Forge::new(&issue(new)).extensions)
    {
        if place.number == AUTHORITY_KEY_ID {
            *place = extension;
        }
    }
    let of_new = of_new.sign_alternative(&new_keys, b"");
    let with_half_of = |mut forge: Forge, other: &Forge| {
        let half = other.extensions.iter().find(|half| half.number == 74);
        forge = forge.without(74);
        forge.extensions.extend(half.cloned());
        forge
    };
    vec![
        der_case(
            SET,
            "certificate_of_old_authority_with_a_twin",
            &one,
            credential("hybrid", Some("rotated-old")),
        ),
        der_case(
            SET,
            "certificate_of_new_authority_with_a_twin",
            &of_new.sign(&new_keys),
            credential("hybrid", Some("rotated-new")),
        ),
        der_case(
            SET,
            "certificate_of_old_authority_with_the_alternative_half_of_its_twin",
            &with_half_of(of_old.clone(), &of_new).sign(&old_keys),
            fault("HybridSignatureInvalid"),
        ),
        der_case(
            SET,
            "certificate_of_new_authority_with_the_alternative_half_of_its_twin",
            &with_half_of(of_new.clone(), &of_old).sign(&new_keys),
            fault("HybridSignatureInvalid"),
        ),
    ]
}

fn two_of_one_name(old: &HybridAuthority, new: &HybridAuthority) -> Vec<Case> {
    let of_old = issue(old);
    let (old_keys, new_keys) = (ForgeKeys::hybrid(old, LEVEL), ForgeKeys::hybrid(new, LEVEL));
    let base = Forge::new(&of_old);
    vec![
        der_case(
            SET,
            "certificate_of_old_authority_during_rotation",
            &of_old,
            credential("hybrid", Some("rotated-old")),
        ),
        der_case(
            SET,
            "certificate_of_new_authority_during_rotation",
            &issue(new),
            credential("hybrid", Some("rotated-new")),
        ),
        der_case(
            SET,
            "certificate_alternative_half_of_the_other_of_its_name",
            &base
                .clone()
                .sign_alternative(&new_keys, b"")
                .sign(&old_keys),
            fault("HybridSignatureInvalid"),
        ),
        der_case(
            SET,
            "certificate_classical_half_of_the_other_of_its_name",
            &base.clone().sign(&new_keys),
            later_fault("ClassicalSignatureInvalid"),
        ),
        der_case(
            SET,
            "certificate_without_authority_key_id_during_rotation",
            &base
                .without(35)
                .sign_alternative(&old_keys, b"")
                .sign(&old_keys),
            fault("AuthorityUnknown"),
        ),
    ]
}

fn one_below_another(root: &HybridAuthority, below: &HybridAuthority) -> Vec<Case> {
    let of_below = issue(below);
    let root_keys = ForgeKeys::hybrid(root, LEVEL);
    vec![
        der_case(
            SET,
            "certificate_of_pinned_intermediate",
            &of_below,
            credential("hybrid", Some("below-ca")),
        ),
        der_case(
            SET,
            "certificate_of_unpinned_root_of_a_pinned_intermediate",
            &issue(root),
            fault("AuthorityUnknown"),
        ),
        der_case(
            SET,
            "certificate_of_intermediate_signed_by_its_root",
            &Forge::new(&of_below)
                .sign_alternative(&root_keys, b"")
                .sign(&root_keys),
            fault("HybridSignatureInvalid"),
        ),
    ]
}

fn required_from_a_time_on(authority: &HybridAuthority, other: &HybridAuthority) -> Vec<Case> {
    let hybrid = issue(authority);
    let without = |key| {
        let request = LeafRequest {
            alternative: AlternativeSignature::Absent,
            key,
            ..request()
        };
        authority.issue_leaf(&request).unwrap().certificate_der
    };
    let without_any = without(LeafKey::EcdsaP256);
    let keys = ForgeKeys::hybrid(authority, LEVEL);
    let base = Forge::new(&hybrid);
    let forged = base
        .clone()
        .sign_alternative(&ForgeKeys::hybrid(other, LEVEL), b"");
    let later = |name, der: &[u8], expected| der_case(REQUIRED_LATER, name, der, expected);
    vec![
        later(
            "certificate_older_than_required_without_alternative_signature",
            &without_any,
            credential("classical", Some("required-ca")),
        ),
        later(
            "certificate_ml_dsa_older_than_required_without_alternative_signature",
            &without(LeafKey::MlDsa65),
            credential("classical", Some("required-ca")),
        ),
        later(
            "certificate_older_than_required_with_alternative_signature",
            &hybrid,
            credential("hybrid", Some("required-ca")),
        ),
        later(
            "certificate_older_than_required_with_wrong_alternative_signature",
            &forged.sign(&keys),
            fault("HybridSignatureInvalid"),
        ),
        later(
            "certificate_older_than_required_with_algorithm_only",
            &base.clone().without(74).sign(&keys),
            fault("HybridSignatureMissing"),
        ),
        later(
            "certificate_older_than_required_with_signature_only",
            &base.without(73).sign(&keys),
            fault("HybridSignatureMissing"),
        ),
        later(
            "certificate_older_than_required_signed_by_another",
            &Forge::new(&without_any).sign(&ForgeKeys::hybrid(other, LEVEL)),
            fault("ClassicalSignatureInvalid"),
        ),
        der_case(
            REQUIRED_NOW,
            "certificate_without_alternative_signature_from_when_it_is_required",
            &without_any,
            fault("HybridSignatureMissing"),
        ),
        der_case(
            REQUIRED_NOW,
            "certificate_hybrid_from_when_it_is_required",
            &hybrid,
            credential("hybrid", Some("required-ca")),
        ),
    ]
}

//! What may follow what.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use sallyport_credentials::issue::{AuthorityKey, RsaBits, SigningKeys, SigningOptions};
use sallyport_credentials::signing::{Purpose, SigningAuthorities, SigningAuthority, Subject};
use sallyport_engine::policy::raw::AlternativeAlgorithm;

use super::*;
use crate::bundle::RollbackDocument;
use crate::signing::{Signer, verify_bytes};

const AT: &str = "2026-11-21T08:00:00Z";

/// A bundle of this version; the text makes another content of the same version.
fn bundle(version: u64, text: &str) -> Bundle {
    let files = BTreeMap::from([("policy.json".to_owned(), text.to_owned())]);
    Bundle::new("shop", version, files).unwrap()
}

/// Any signature that holds.
fn verified() -> Verified {
    static VERIFIED: OnceLock<Verified> = OnceLock::new();
    let make = || {
        let keys = SigningKeys::generate(&SigningOptions {
            name: "release".to_owned(),
            key: AuthorityKey::EcdsaP256,
            rsa_bits: RsaBits::Bits2048,
            algorithm: AlternativeAlgorithm::MlDsa65,
        });
        let signer = Signer::Keys(Box::new(keys.unwrap()));
        let public = signer.authority().to_json().to_string();
        let pins = vec![SigningAuthority::read(public.as_bytes()).unwrap()];
        let pins = SigningAuthorities::new(pins)
            .map_err(|wrong| wrong.1)
            .unwrap();
        let subjects = [Subject::of("bundle", b"")];
        let text = signer.sign(Purpose::Bundle, &subjects, AT).unwrap();
        verify_bytes(&pins, Purpose::Bundle, text.as_bytes(), &subjects).unwrap()
    };
    VERIFIED.get_or_init(make).clone()
}

fn back(from: &Bundle, to: &Bundle) -> Rollback {
    because(from, to, "broken")
}

fn because(from: &Bundle, to: &Bundle, reason: &str) -> Rollback {
    let (from, to) = (Point::of(from), Point::of(to));
    let document = RollbackDocument::new(from, to, reason, "on call", AT.to_owned()).unwrap();
    Rollback {
        sha256: Subject::of("rollback", document.text().unwrap().as_bytes()).sha256,
        document,
        signature: verified(),
    }
}

/// A history in which these bundles were accepted, and the last one by a rollback if it is older.
fn history(bundles: &[&Bundle]) -> BundleHistory {
    let mut history = BundleHistory::new();
    let mut last: Option<&Bundle> = None;
    for bundle in bundles {
        let statement = last
            .filter(|last| last.version() > bundle.version())
            .map(|last| back(last, bundle));
        history.admit(bundle, statement.as_ref()).unwrap();
        history.record(bundle, &verified(), statement.as_ref(), TimeMs(0));
        last = Some(bundle);
    }
    history
}

fn refused(result: Result<Step, Finding>) -> Code {
    result.unwrap_err().code
}

#[test]
fn only_newer_bundles_follow() {
    let (one, two, other) = (bundle(1, "a"), bundle(2, "b"), bundle(2, "c"));
    let history = history(&[&one, &two]);
    assert_eq!(history.admit(&two, None), Ok(Step::Same));
    assert_eq!(history.admit(&bundle(3, "a"), None), Ok(Step::Newer));
    assert_eq!(history.admit(&bundle(9, "a"), None), Ok(Step::Newer));
    assert_eq!(refused(history.admit(&one, None)), Code::BundleOlder);
    assert_eq!(refused(history.admit(&other, None)), Code::BundleOlder);
    assert_eq!(
        (history.highest(), history.current()),
        (2, Some(Point::of(&two)))
    );
}

#[test]
fn a_statement_leads_back_once() {
    let (one, two, three) = (bundle(1, "a"), bundle(2, "b"), bundle(3, "c"));
    let statement = back(&two, &one);
    let before = history(&[&one, &two]);
    assert_eq!(before.admit(&one, Some(&statement)), Ok(Step::Rollback));
    let gone = history(&[&one, &two, &one]);
    assert_eq!(gone.highest(), 2);
    // What was left does not come back by itself, nor by the statement that left it.
    assert_eq!(refused(gone.admit(&two, None)), Code::BundleOlder);
    assert_eq!(
        refused(gone.admit(&two, Some(&statement))),
        Code::RollbackRefused
    );
    assert_eq!(gone.admit(&three, None), Ok(Step::Newer));
    // A replayed statement leads away from something that is no longer in force.
    let later = history(&[&one, &two, &one, &three]);
    assert_eq!(
        refused(later.admit(&one, Some(&statement))),
        Code::RollbackRefused
    );
}

#[test]
fn a_statement_does_not_count_again_when_both_ends_are_what_they_were() {
    let (one, two) = (bundle(1, "a"), bundle(2, "b"));
    let statement = back(&two, &one);
    let mut history = history(&[&one, &two, &one]);
    let forth = back(&one, &two);
    assert_eq!(history.admit(&two, Some(&forth)), Ok(Step::Rollback));
    history.record(&two, &verified(), Some(&forth), TimeMs(0));
    // Somebody who kept the first statement leads back from version 2 once more.
    let replayed = history.admit(&one, Some(&statement));
    assert_eq!(refused(replayed), Code::RollbackRefused);
    let another = because(&two, &one, "broken again");
    assert_eq!(history.admit(&one, Some(&another)), Ok(Step::Rollback));
}

#[test]
fn a_statement_leads_from_what_is_in_force_to_what_was() {
    let (one, two, other) = (bundle(1, "a"), bundle(2, "b"), bundle(1, "x"));
    let history = history(&[&one, &two]);
    for (asked, statement) in [
        // To another content of that version.
        (&other, back(&two, &one)),
        // From another content of that version.
        (&one, back(&bundle(2, "x"), &one)),
        // To what was never in force.
        (&other, back(&two, &other)),
        // To something else.
        (&one, back(&two, &two)),
    ] {
        let found = history.admit(asked, Some(&statement));
        assert_eq!(refused(found), Code::RollbackRefused);
    }
    let empty = BundleHistory::new();
    let found = empty.admit(&one, Some(&back(&two, &one)));
    assert_eq!(refused(found), Code::RollbackRefused);
}

#[test]
fn a_version_alone_keeps_older_bundles_out() {
    let (one, two) = (bundle(1, "a"), bundle(2, "b"));
    assert_eq!(after(&two, 1, None), Ok(Step::Newer));
    assert_eq!(refused(after(&two, 2, None)), Code::BundleOlder);
    assert_eq!(refused(after(&one, 2, None)), Code::BundleOlder);
    let statement = back(&two, &one);
    assert_eq!(after(&one, 2, Some(&statement)), Ok(Step::Rollback));
    assert_eq!(
        refused(after(&one, 3, Some(&statement))),
        Code::RollbackRefused
    );
    assert_eq!(
        refused(after(&two, 2, Some(&statement))),
        Code::RollbackRefused
    );
}

#[test]
fn a_file_whose_entries_do_not_follow_each_other_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.json");
    assert_eq!(BundleHistory::read(&path), Ok(BundleHistory::new()));
    let (one, two) = (bundle(1, "a"), bundle(2, "b"));
    let kept = history(&[&one, &two, &one]);
    let text = kept.text().unwrap();
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        BundleHistory::read(&path)
    };
    assert_eq!(read(&text), Ok(kept));
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["entries"].as_array_mut().unwrap().remove(0);
    let cut = read(&value.to_string());
    assert_eq!(cut.unwrap_err().code, Code::HistoryForm);
    for other in ["", "{}", "[]", &text.replace("\"entries\"", "\"entry\"")] {
        assert_eq!(read(other).unwrap_err().code, Code::HistoryForm, "{other}");
    }
}

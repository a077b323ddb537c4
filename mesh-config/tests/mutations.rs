//! Every byte of a small signed manifest, bundle and module: changed, it is refused. Of their
//! signatures only samples are changed here: each byte is in the tests of `sallyport-credentials`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::path::Path;

use sallyport_credentials::issue::{AuthorityKey, RsaBits, SigningKeys, SigningOptions};
use sallyport_credentials::signing::{Purpose, SigningAuthorities, SigningAuthority, Subject};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use sallyport_engine::time::TimeMs;
use sallyport_mesh_config::bundle::Bundle;
use sallyport_mesh_config::signing::{Signer, verify_bytes};
use sallyport_mesh_config::{artifacts, finding::Finding};

const MANIFEST: &str = include_str!("data/artifacts/models.yaml");
const AT: &str = "2026-11-02T00:00:00Z";

struct World {
    signer: Signer,
    pins: SigningAuthorities,
}

impl World {
    fn new() -> Self {
        let keys = SigningKeys::generate(&SigningOptions {
            name: "release".to_owned(),
            key: AuthorityKey::EcdsaP256,
            rsa_bits: RsaBits::Bits2048,
            algorithm: AlternativeAlgorithm::MlDsa65,
        });
        let signer = Signer::Keys(Box::new(keys.unwrap()));
        let public = signer.authority().to_json().to_string();
        let pins = vec![SigningAuthority::read(public.as_bytes()).unwrap()];
        let pins = SigningAuthorities::new(pins).map_err(|wrong| wrong.1);
        Self {
            signer,
            pins: pins.unwrap(),
        }
    }

    fn sign(&self, purpose: Purpose, subjects: &[Subject]) -> Vec<u8> {
        self.signer
            .sign(purpose, subjects, AT)
            .unwrap()
            .into_bytes()
    }
}

/// Calls this with each byte changed, or with one in so many, and with some lengths cut off.
fn mutations(bytes: &[u8], step: usize, mut refused: impl FnMut(&[u8]) -> bool) {
    for index in (0..bytes.len()).step_by(step) {
        let mut changed = bytes.to_vec();
        changed[index] ^= if index % 2 == 0 { 0x01 } else { 0x80 };
        assert!(refused(&changed), "byte {index}");
        if index % 64 == 0 {
            assert!(refused(&bytes[..index]), "cut at {index}");
        }
    }
    let longer = [bytes, b" "].concat();
    assert!(refused(&longer), "one byte more");
}

/// A document and its signature, each changed while the other is as it was.
fn refuses_all(
    document: &[u8],
    purpose: Purpose,
    judge: impl Fn(&[u8], &[u8]) -> Result<(), Vec<Finding>>,
    world: &World,
    name: &str,
) {
    let signature = world.sign(purpose, &[Subject::of(name, document)]);
    assert_eq!(judge(document, &signature), Ok(()));
    mutations(document, 1, |changed| judge(changed, &signature).is_err());
    mutations(&signature, 37, |changed| judge(document, changed).is_err());
}

#[test]
fn refuses_every_changed_byte_of_a_manifest_and_of_its_signature() {
    let world = World::new();
    let now = TimeMs::parse_rfc3339(AT).unwrap();
    let judge = |document: &[u8], signature: &[u8]| {
        let subjects = [Subject::of("manifest", document)];
        verify_bytes(&world.pins, Purpose::Artifacts, signature, &subjects)
            .map_err(|finding| vec![finding])?;
        let manifest = artifacts::read(document, Path::new("models.yaml"))?;
        manifest.in_force(now).map_err(|finding| vec![finding])
    };
    refuses_all(
        MANIFEST.as_bytes(),
        Purpose::Artifacts,
        judge,
        &world,
        "manifest",
    );
}

#[test]
fn refuses_every_changed_byte_of_a_bundle_and_of_its_signature() {
    let world = World::new();
    let files = BTreeMap::from([("policy.json".to_owned(), "{}\n".to_owned())]);
    let bundle = Bundle::new("shop", 1, files).unwrap();
    let judge = |document: &[u8], signature: &[u8]| {
        Bundle::read(document, Path::new("bundle.json"))?;
        let subjects = [Subject::of("bundle", document)];
        verify_bytes(&world.pins, Purpose::Bundle, signature, &subjects)
            .map(|_| ())
            .map_err(|finding| vec![finding])
    };
    refuses_all(
        bundle.text().as_bytes(),
        Purpose::Bundle,
        judge,
        &world,
        "bundle",
    );
}

#[test]
fn refuses_every_changed_byte_of_a_module() {
    let world = World::new();
    let judge = |document: &[u8], signature: &[u8]| {
        let subjects = [Subject::of("module", document)];
        verify_bytes(&world.pins, Purpose::Module, signature, &subjects)
            .map(|_| ())
            .map_err(|finding| vec![finding])
    };
    refuses_all(
        b"\0asm\x01\0\0\0\0\x05\x04name",
        Purpose::Module,
        judge,
        &world,
        "module",
    );
}

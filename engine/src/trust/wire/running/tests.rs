#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::artifact::{ArtifactClaims, ArtifactDigest};
use crate::time::TimeMs;

fn running(byte: u8, second: u64) -> Running {
    let mut running = Running::default();
    let claims = ArtifactClaims {
        model: Some(ArtifactDigest::new([byte; 32])),
        image: None,
    };
    running.see(&claims, TimeMs::from_seconds(second));
    running
}

fn certificate(number: u16) -> [u8; 32] {
    let mut digest = [9; 32];
    digest[..2].copy_from_slice(&number.to_le_bytes());
    digest
}

#[test]
fn a_slot_reads_what_it_wrote_and_tells_each_peer_its_own() {
    let mut slot = filled(3);
    slot.put(&certificate(1), &running(7, 50));
    let read = RunningSlot::parse(&slot.to_bytes()).unwrap();
    assert_eq!(read, slot);
    let mut told = Running::default();
    read.tell(&certificate(2), &mut told);
    assert_eq!(
        told.newest(ArtifactKind::Model),
        running(2, 102).newest(ArtifactKind::Model)
    );
    let mut nobody = Running::default();
    read.tell(&certificate(77), &mut nobody);
    assert_eq!(nobody, Running::default());
    // What is older than what the slot says changes nothing of it.
    let mut one = Running::default();
    read.tell(&certificate(1), &mut one);
    assert_eq!(
        one.newest(ArtifactKind::Model),
        running(1, 101).newest(ArtifactKind::Model)
    );
}

#[test]
fn a_full_slot_forgets_the_oldest() {
    let slot = filled(201);
    let bytes = slot.to_bytes();
    assert_eq!(bytes.len(), MAXIMUM_BYTES);
    assert_eq!(RunningSlot::parse(&bytes).as_ref(), Ok(&slot));
    let knows = |number| {
        let mut told = Running::default();
        slot.tell(&certificate(number), &mut told);
        told != Running::default()
    };
    assert!(!knows(0) && knows(1) && knows(200));
}

#[test]
fn bytes_that_no_worker_writes_are_refused() {
    let good = filled(2).to_bytes();
    for length in 0..good.len() {
        let whole = length == 1 || length == 41;
        let parsed = RunningSlot::parse(&good[..length]);
        assert_eq!(parsed.is_ok(), whole, "{length}");
    }
    let mut other = good;
    other[0] = 2;
    assert_eq!(RunningSlot::parse(&other), Err(InvalidSlot::Version(2)));
    let long = alloc::vec![1; MAXIMUM_BYTES + 1];
    assert_eq!(RunningSlot::parse(&long), Err(InvalidSlot::TooLong));
}

/// Peers with tokens, each of a second of its own.
fn filled(peers: u16) -> RunningSlot {
    let mut slot = RunningSlot::default();
    for number in 0..peers {
        let byte = u8::try_from(number % 256).unwrap();
        slot.put(
            &certificate(number),
            &running(byte, 100 + u64::from(number)),
        );
    }
    slot
}

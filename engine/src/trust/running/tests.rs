#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use alloc::vec::Vec;

use super::*;
use crate::artifact::ArtifactDigest;

fn model(byte: u8) -> ArtifactClaims {
    ArtifactClaims {
        model: Some(ArtifactDigest::new([byte; 32])),
        image: None,
    }
}

fn sighting(second: u64, byte: u8) -> Sighting {
    Sighting::new(
        TimeMs::from_seconds(second),
        ArtifactDigest::new([byte; 32]).tag(),
    )
}

/// The first bytes of the models that count.
fn models(running: &Running) -> Vec<u8> {
    let tags = running.tags(ArtifactKind::Model);
    tags.map(|tag| tag.0[0]).collect()
}

#[test]
fn the_newest_token_counts_whichever_was_seen_last() {
    let mut running = Running::default();
    assert!(running.see(&model(1), TimeMs::from_seconds(100)));
    assert!(
        !running.see(&model(1), TimeMs::from_seconds(100)),
        "no news"
    );
    assert!(!running.see(&model(2), TimeMs::from_seconds(99)));
    assert_eq!(models(&running), [1], "an older token heals nothing");
    assert!(running.see(&model(2), TimeMs::from_seconds(101)));
    assert_eq!(models(&running), [2]);
}

#[test]
fn two_tokens_of_one_second_lead_to_the_same_in_either_order() {
    let both = |first, second| {
        let mut running = Running::default();
        running.see(&model(first), TimeMs::from_seconds(100));
        running.see(&model(second), TimeMs::from_seconds(100));
        running
    };
    assert_eq!(both(1, 2), both(2, 1));
}

#[test]
fn a_token_that_does_not_name_a_kind_changes_nothing_of_it() {
    let mut running = Running::default();
    running.see(&model(1), TimeMs::from_seconds(100));
    let image = ArtifactClaims {
        model: None,
        image: Some(ArtifactDigest::new([5; 32])),
    };
    running.see(&image, TimeMs::from_seconds(200));
    assert!(!running.see(&ArtifactClaims::default(), TimeMs::from_seconds(300)));
    assert_eq!(models(&running), [1]);
    assert_eq!(running.tags(ArtifactKind::Image).count(), 1);
}

#[test]
fn what_others_say_adds_a_digest_and_takes_none_away() {
    let mut running = Running::default();
    running.see(&model(1), TimeMs::from_seconds(100));
    running.hear(ArtifactKind::Model, Some(sighting(50, 3)));
    assert_eq!(models(&running), [1], "an older one says nothing");
    running.hear(ArtifactKind::Model, Some(sighting(200, 2)));
    assert_eq!(models(&running), [1, 2]);
    running.hear(ArtifactKind::Model, Some(sighting(150, 4)));
    running.hear(ArtifactKind::Model, None);
    assert_eq!(models(&running), [1, 2]);
    // Whatever others say, a token that is newer than all of it counts alone.
    running.see(&model(6), TimeMs::from_seconds(300));
    assert_eq!(models(&running), [6]);
}

#[test]
fn hearing_of_what_is_known_changes_nothing() {
    let mut running = Running::default();
    running.see(&model(1), TimeMs::from_seconds(100));
    let before = running;
    running.hear(ArtifactKind::Model, before.newest(ArtifactKind::Model));
    assert_eq!(running, before);
}

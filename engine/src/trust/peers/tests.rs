#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::format;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::trust::{FleetGuard, Params};

const START: u64 = 1_800_000_000;

fn at(second: u64) -> TimeMs {
    TimeMs::from_seconds(START + second)
}

fn table(capacity: usize) -> PeerTable {
    PeerTable::new(capacity, TargetHasher::new([0; 16]))
}

/// A peer of an identity of its own.
fn key(number: u32) -> PeerKey {
    replica(number, 0)
}

/// One certificate of an identity.
fn replica(number: u32, certificate: u32) -> PeerKey {
    let id: SpiffeId = format!("spiffe://d/peer-{number}").parse().unwrap();
    let mut digest = [7; 32];
    digest[..4].copy_from_slice(&certificate.to_le_bytes());
    digest[4..8].copy_from_slice(&number.to_le_bytes());
    PeerKey::new(&id, digest)
}

fn look(table: &mut PeerTable, key: &PeerKey, second: u64) -> PeerView {
    let params = Params::default();
    table.look(key, &Rules::plain(&params), at(second))
}

/// So many distinct refused targets, at once.
fn refuse(table: &mut PeerTable, key: &PeerKey, targets: usize, second: u64) {
    let params = Params::default();
    for number in 0..targets {
        let path = format!("/page-{number}");
        let booking = Booking {
            arrives: true,
            evidence: Some(table.targets().denial("GET", path.as_bytes())),
            uses_share: false,
            exceeds_share: false,
        };
        table.book(key, &Rules::plain(&params), booking, at(second));
    }
}

fn standing(table: &mut PeerTable, key: &PeerKey, second: u64) -> Behaviour {
    look(table, key, second).standing
}

#[test]
fn a_flood_of_identities_evicts_neither_isolated_nor_suspicious_peers() {
    let mut table = table(64);
    for number in 0..10 {
        refuse(&mut table, &key(number), 7, 0);
    }
    refuse(&mut table, &key(10), 4, 0);
    refuse(&mut table, &key(11), 1, 0);
    for number in 100..20_000 {
        look(&mut table, &key(number), 1);
    }
    assert_eq!(table.len(), 64);
    // Ten at once are guarded as a fleet: what is asked for here is their own state.
    for number in 0..10 {
        let state = table.state(&key(number)).map(PeerState::standing);
        assert_eq!(state, Some(Behaviour::Isolated));
    }
    assert_eq!(standing(&mut table, &key(10), 2), Behaviour::Restricted);
    assert_eq!(look(&mut table, &key(11), 2).refused_targets, 1);
}

#[test]
fn an_eighth_of_the_table_is_left_to_peers_that_are_not_isolated() {
    let mut table = table(64);
    for number in 0..200 {
        refuse(&mut table, &key(number), 7, u64::from(number) * 100);
    }
    // The latest isolations are kept, and a newcomer has a place beside others.
    refuse(&mut table, &key(1_000), 1, 20_001);
    for number in 1_001..1_007 {
        look(&mut table, &key(number), 20_001);
    }
    assert_eq!(look(&mut table, &key(1_000), 20_002).refused_targets, 1);
    assert!(table.knows(&key(199)) && !table.knows(&key(0)));
}

#[test]
fn evidence_that_decayed_makes_room() {
    let mut table = table(8);
    for number in 0..8 {
        refuse(&mut table, &key(number), 7, u64::from(number) * 100);
    }
    // Nothing is left of them after nine hours, as seen by a clock that is read now and then.
    for number in 100..140 {
        look(&mut table, &key(number), 3_000 * u64::from(number - 99));
    }
    for number in 0..8 {
        assert!(!table.knows(&key(number)), "{number}");
    }
}

#[test]
fn replicas_of_one_identity_are_apart() {
    let mut table = table(64);
    let (rogue, healthy) = (replica(0, 1), replica(0, 2));
    assert_eq!(standing(&mut table, &healthy, 0), Behaviour::Trusted);
    refuse(&mut table, &rogue, 7, 10);
    assert_eq!(standing(&mut table, &rogue, 11), Behaviour::Isolated);
    let view = look(&mut table, &healthy, 11);
    assert_eq!(
        (view.standing, view.evidence.sum()),
        (Behaviour::Trusted, 0)
    );
}

#[test]
fn a_new_certificate_does_not_wash_clean() {
    let mut table = table(64);
    refuse(&mut table, &replica(0, 1), 7, 10);
    let view = look(&mut table, &replica(0, 2), 20);
    assert_eq!(
        (view.standing, view.cause),
        (Behaviour::Restricted, Cause::Identity)
    );
    assert_eq!(standing(&mut table, &key(1), 20), Behaviour::Trusted);
    assert_eq!(
        standing(&mut table, &replica(0, 2), 3_620),
        Behaviour::Trusted
    );
}

#[test]
fn three_isolated_certificates_isolate_the_identity() {
    let mut table = table(64);
    let healthy = replica(0, 9);
    look(&mut table, &healthy, 0);
    for certificate in 1..=2 {
        refuse(&mut table, &replica(0, certificate), 7, 10);
        assert_eq!(standing(&mut table, &healthy, 11), Behaviour::Trusted);
    }
    refuse(&mut table, &replica(0, 3), 7, 20);
    assert_eq!(standing(&mut table, &healthy, 21), Behaviour::Isolated);
    let peer = replica(0, 3);
    assert!(
        table
            .take_notices()
            .contains(&Notice::IdentityIsolated { peer })
    );
}

#[test]
fn many_crossings_at_once_restrict_instead_of_isolating_and_free_nobody() {
    let mut table = table(64);
    for number in 0..20 {
        look(&mut table, &key(number), 0);
    }
    for number in 0..4 {
        refuse(&mut table, &key(number), 7, 10);
        assert_eq!(standing(&mut table, &key(number), 10), Behaviour::Isolated);
    }
    refuse(&mut table, &key(4), 7, 10);
    for number in 0..5 {
        let view = look(&mut table, &key(number), 11);
        assert_eq!(
            (view.standing, view.cause),
            (Behaviour::Restricted, Cause::FleetGuard)
        );
    }
    assert!(table.take_notices().contains(&Notice::FleetGuarded));
    // After ten minutes they are isolated again, if their evidence still says so.
    assert_eq!(standing(&mut table, &key(0), 609), Behaviour::Restricted);
    assert_eq!(standing(&mut table, &key(0), 610), Behaviour::Isolated);
}

#[test]
fn a_guard_of_another_size_is_the_policys() {
    let params = Params::default();
    let rules = Rules {
        fleet_guard: FleetGuard {
            minimum_peers: 2,
            share_percent: 1,
        },
        ..Rules::plain(&params)
    };
    let mut table = table(64);
    for number in 0..2 {
        for page in 0..7 {
            let path = format!("/page-{page}");
            let booking = Booking {
                evidence: Some(table.targets().denial("GET", path.as_bytes())),
                ..Booking::default()
            };
            table.book(&key(number), &rules, booking, at(0));
        }
    }
    assert_eq!(standing(&mut table, &key(0), 1), Behaviour::Restricted);
}

#[test]
fn a_clock_far_ahead_and_back_does_not_stop_forgetting() {
    let mut table = table(8);
    refuse(&mut table, &key(0), 7, 0);
    look(&mut table, &key(0), 3_153_600_000);
    let after_jump = look(&mut table, &key(0), 1).evidence.sum();
    assert!(after_jump > 9_000, "{after_jump}");
    let an_hour_later = look(&mut table, &key(0), 3_000).evidence.sum();
    assert!(an_hour_later < after_jump - 3_000, "{an_hour_later}");
}

#[test]
fn changes_are_noted_and_notices_are_bounded() {
    let mut table = table(512);
    refuse(&mut table, &key(0), 7, 0);
    let peer = key(0);
    let change = |from, to| Notice::Changed {
        peer: peer.clone(),
        from,
        to,
    };
    let (trusted, restricted) = (Behaviour::Trusted, Behaviour::Restricted);
    assert_eq!(
        table.take_notices(),
        [
            change(trusted, restricted),
            change(restricted, Behaviour::Isolated)
        ]
    );
    assert!(table.take_notices().is_empty());
    for number in 0..300 {
        refuse(&mut table, &key(number), 4, 0);
    }
    assert_eq!(table.take_notices().len(), MAXIMUM_NOTICES);
}

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test shall panic"
)]

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::identity::SpiffeId;
use crate::time::TimeMs;
use crate::trust::{
    Behaviour, Booking, Outcome, Params, PeerKey, PeerState, PeerTable, Rules, TargetHasher, Totals,
};

const START: u64 = 1_800_000_000;

fn at(second: u64) -> TimeMs {
    TimeMs::from_seconds(START + second)
}

fn key(certificate: u8) -> PeerKey {
    let id: SpiffeId = "spiffe://d/peer".parse().unwrap();
    PeerKey::new(&id, [certificate; 32])
}

fn table() -> PeerTable {
    PeerTable::new(64, TargetHasher::new([3; 16]))
}

/// What workers share: slots by number.
type Shared = BTreeMap<u16, Vec<u8>>;

fn refuse(table: &mut PeerTable, key: &PeerKey, page: usize, second: u64) {
    let path = format!("/page-{page}");
    let booking = Booking {
        arrives: true,
        evidence: Some(table.targets().denial("GET", path.as_bytes())),
        uses_share: false,
        exceeds_share: false,
    };
    table.book(key, &Rules::plain(&Params::default()), booking, at(second));
}

fn publish(table: &mut PeerTable, shared: &mut Shared, second: u64) {
    while let Some(due) = table.next_due() {
        let current = shared.get(&due.slot).map(Vec::as_slice);
        if let Some(publication) = table.publication(&due, current, at(second)) {
            shared.insert(due.slot, publication.bytes.clone());
            table.published(publication);
        }
    }
}

fn absorb(table: &mut PeerTable, shared: &Shared, key: &PeerKey, second: u64) {
    if let Some(bytes) = shared.get(&table.slot(key)) {
        table.absorb(key, bytes, at(second)).unwrap();
    }
}

fn summary(table: &mut PeerTable, key: &PeerKey, second: u64) -> (Behaviour, Totals) {
    let view = table.look(key, &Rules::plain(&Params::default()), at(second));
    (view.standing, view.evidence)
}

#[test]
fn a_state_outlives_its_worker() {
    let (mut old, mut shared) = (table(), Shared::new());
    for page in 0..7 {
        refuse(&mut old, &key(1), page, 0);
    }
    refuse(&mut old, &key(1), 0, 0);
    assert!(old.is_urgent());
    publish(&mut old, &mut shared, 0);
    assert!(!old.is_urgent());
    let mut new = table();
    absorb(&mut new, &shared, &key(1), 30);
    assert_eq!(
        summary(&mut new, &key(1), 30),
        summary(&mut old, &key(1), 30)
    );
    assert_eq!(summary(&mut new, &key(1), 30).0, Behaviour::Isolated);
    // A replica of it is as it was, and a repeat is a repeat.
    absorb(&mut new, &shared, &key(2), 30);
    assert_eq!(summary(&mut new, &key(2), 30).0, Behaviour::Trusted);
    let before = summary(&mut new, &key(1), 30).1;
    refuse(&mut new, &key(1), 3, 30);
    assert_eq!(
        summary(&mut new, &key(1), 30).1.distinct_denial,
        before.distinct_denial
    );
}

#[test]
fn uniting_twice_changes_nothing() {
    let (mut one, mut two, mut shared) = (table(), table(), Shared::new());
    for page in 0..4 {
        refuse(&mut one, &key(1), page, 0);
        refuse(&mut two, &key(1), page + 2, 0);
        refuse(&mut two, &key(1), page + 2, 0);
    }
    publish(&mut one, &mut shared, 1);
    absorb(&mut two, &shared, &key(1), 1);
    let once = summary(&mut two, &key(1), 1);
    for _ in 0..5 {
        absorb(&mut two, &shared, &key(1), 1);
        assert_eq!(summary(&mut two, &key(1), 1), once);
    }
    publish(&mut two, &mut shared, 1);
    let bytes = shared.clone();
    for _ in 0..5 {
        absorb(&mut two, &shared, &key(1), 1);
        assert_eq!(summary(&mut two, &key(1), 1), once);
    }
    assert_eq!(shared, bytes);
}

/// One, two or eight workers that see the same events between them come to the same state within
/// two seconds.
#[test]
fn any_number_of_workers_comes_to_the_same_state() {
    let mut results = Vec::new();
    for workers in [1, 2, 8] {
        let mut tables: Vec<PeerTable> = (0..workers).map(|_| table()).collect();
        let mut shared = Shared::new();
        for second in 0..40_u64 {
            for event in 0..4_u64 {
                let number = second * 4 + event;
                // Distinct targets now and then, the same on several workers, and repeats.
                let page = usize::try_from(number / 24).unwrap();
                let worker = usize::try_from(number).unwrap() % workers;
                refuse(&mut tables[worker], &key(1), page, second);
                if number.is_multiple_of(3) {
                    let answer = Outcome {
                        status: 404,
                        ..Outcome::default()
                    };
                    let params = Params::default();
                    tables[worker].observe(&key(1), &Rules::plain(&params), &answer, at(second));
                }
            }
            for _ in 0..2 {
                for table in &mut tables {
                    absorb(table, &shared, &key(1), second);
                    publish(table, &mut shared, second);
                }
            }
            for table in &mut tables {
                absorb(table, &shared, &key(1), second);
            }
        }
        let mut states: Vec<(Behaviour, Totals)> = tables
            .iter_mut()
            .map(|table| summary(table, &key(1), 41))
            .collect();
        states.dedup();
        assert_eq!(states.len(), 1, "{workers} workers disagree: {states:?}");
        results.extend(states);
    }
    let (standing, one) = results[0];
    assert_eq!(standing, Behaviour::Isolated);
    for (other_standing, other) in &results[1..] {
        assert_eq!(*other_standing, standing);
        // Known targets of another worker count as new for a second, so repeats differ by a few.
        assert_eq!(other.distinct_denial, one.distinct_denial);
        assert_eq!(other.novelty, one.novelty);
        assert!(other.error.abs_diff(one.error) <= 1, "{other:?} {one:?}");
        assert!(
            other.denial.abs_diff(one.denial) <= 2_000,
            "{other:?} {one:?}"
        );
    }
}

#[test]
fn what_others_wrote_can_only_lower_trust() {
    let mut clean = table();
    let mut shared = Shared::new();
    refuse(&mut clean, &key(1), 0, 0);
    publish(&mut clean, &mut shared, 0);
    // The slot says one target; this worker knows of nine.
    let mut worse = table();
    for page in 0..9 {
        refuse(&mut worse, &key(1), page, 0);
    }
    let before = summary(&mut worse, &key(1), 0);
    absorb(&mut worse, &shared, &key(1), 0);
    assert_eq!(summary(&mut worse, &key(1), 0), before);
    // Another plugin wiped the slot: what is known is written again.
    shared.clear();
    let due = worse.next_due().unwrap();
    worse.postpone(&due);
    publish(&mut worse, &mut shared, 0);
    let mut third = table();
    absorb(&mut third, &shared, &key(1), 0);
    assert_eq!(summary(&mut third, &key(1), 0), before);
}

#[test]
fn three_certificates_isolated_at_different_workers_isolate_the_identity() {
    let mut tables = [table(), table(), table()];
    let mut shared = Shared::new();
    let healthy = key(9);
    for (number, table) in (1..).zip(&mut tables) {
        table.look(&healthy, &Rules::plain(&Params::default()), at(0));
        for page in 0..7 {
            refuse(table, &key(number), page, 10);
        }
        publish(table, &mut shared, 10);
    }
    for table in &mut tables {
        absorb(table, &shared, &healthy, 11);
        assert_eq!(summary(table, &healthy, 11).0, Behaviour::Isolated);
    }
}

#[test]
fn bytes_that_are_no_slot_are_told_apart_and_change_nothing() {
    let mut good = table();
    let mut shared = Shared::new();
    refuse(&mut good, &key(1), 0, 0);
    publish(&mut good, &mut shared, 0);
    let bytes = shared.into_values().next().unwrap();
    assert_eq!(Slot::parse(&bytes).unwrap().to_bytes(), bytes);
    let changed = |place: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        Slot::parse(&bytes).err()
    };
    // Version 0, kind 1, length 2 and 3, digest 4.., identity 36.., time 44.., standing 52.
    assert_eq!(changed(0, 2), Some(InvalidSlot::Version(2)));
    assert_eq!(changed(1, 9), Some(InvalidSlot::Kind(9)));
    assert_eq!(changed(2, 255), Some(InvalidSlot::Truncated));
    assert_eq!(changed(52, 3), Some(InvalidSlot::OutOfRange));
    assert_eq!(changed(57, 17), Some(InvalidSlot::OutOfRange));
    assert_eq!(changed(bytes.len() - 1, 255), Some(InvalidSlot::OutOfRange));
    assert_eq!(Slot::parse(&[]), Err(InvalidSlot::Truncated));
    assert_eq!(
        Slot::parse(&[1; MAXIMUM_SLOT_BYTES + 1]),
        Err(InvalidSlot::TooLong)
    );
    let mut longer = bytes.clone();
    longer[2] += 1;
    longer.push(0);
    assert_eq!(Slot::parse(&longer), Err(InvalidSlot::LeftOver));
    let record = &bytes[1..];
    let many: Vec<u8> = [1]
        .into_iter()
        .chain((0..17).flat_map(|_| record.iter().copied()))
        .collect();
    assert_eq!(Slot::parse(&many), Err(InvalidSlot::TooManyRecords));

    let mut table = table();
    assert!(table.absorb(&key(1), b"\x01\xff", at(0)).is_err());
    assert!(!table.knows(&key(1)), "nothing is held against the peer");
    // Whoever publishes next replaces them, and says so.
    refuse(&mut table, &key(1), 0, 0);
    let due = table.next_due().unwrap();
    let publication = table.publication(&due, Some(b"?"), at(0)).unwrap();
    assert_eq!(publication.replaces, Some(InvalidSlot::Version(b'?')));
    assert!(Slot::parse(&publication.bytes).is_ok());
}

#[test]
fn a_slot_is_bounded_and_keeps_the_worst() {
    let mut table = PeerTable::new(512, TargetHasher::new([3; 16]));
    let mut shared = Shared::new();
    for certificate in 0..100 {
        let targets = if certificate == 50 { 7 } else { 1 };
        for page in 0..targets {
            refuse(&mut table, &key(certificate), page, 0);
        }
    }
    publish(&mut table, &mut shared, 0);
    let bytes = shared.into_values().next().unwrap();
    assert!(bytes.len() <= MAXIMUM_SLOT_BYTES, "{}", bytes.len());
    let slot = Slot::parse(&bytes).unwrap();
    assert_eq!(slot.peers.len(), MAXIMUM_RECORDS);
    let worst = |record: &PeerRecord| record.certificate_sha256 == [50; 32];
    assert!(slot.peers.iter().any(worst));
}

#[test]
fn a_full_slot_fits() {
    // Each record: kind and length, and what a state can have at most.
    let peer = 3 + 32 + 8 + 8 + 1 + 4 + 3 + 4 * (16 + 8 + 6) + 4 * 8;
    let identity = 3 + 8 + 8 + 4 + 1 + 3 * 8;
    assert!(MAXIMUM_RECORDS * (peer + identity) < MAXIMUM_SLOT_BYTES);
}

#[test]
fn baselines_and_what_speaks_for_a_peer_are_not_carried() {
    let params = Params::default();
    let mut old = table();
    for second in 0..1_000 {
        let booking = Booking {
            arrives: true,
            ..Booking::default()
        };
        old.book(&key(1), &Rules::plain(&params), booking, at(second));
    }
    refuse(&mut old, &key(1), 0, 1_000);
    let mut shared = Shared::new();
    publish(&mut old, &mut shared, 1_000);
    let mut new = table();
    absorb(&mut new, &shared, &key(1), 1_000);
    let uncertainty = |table: &PeerTable| table.state(&key(1)).map(PeerState::uncertainty);
    assert_eq!((uncertainty(&old), uncertainty(&new)), (Some(0), Some(100)));
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_any_bytes_neither_panics_nor_grows(
            bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0_usize..3
        ) {
            // Some start like a slot, so that more than the first byte is read.
            let prefix: &[u8] = [&[][..], &[1], &[1, 1, 0xa9, 0]][start];
            let bytes: Vec<u8> = prefix.iter().copied().chain(bytes).collect();
            if let Ok(slot) = Slot::parse(&bytes) {
                prop_assert_eq!(Slot::parse(&slot.to_bytes()), Ok(slot));
            }
            let mut table = table();
            refuse(&mut table, &key(1), 0, 0);
            let before = summary(&mut table, &key(1), 0);
            let _ = table.absorb(&key(1), &bytes, at(0));
            let after = summary(&mut table, &key(1), 0);
            prop_assert!(after.0 >= before.0 && after.1.sum() >= before.1.sum());
        }

        #[test]
        fn the_order_in_which_workers_publish_does_not_matter(
            events in prop::collection::vec((0_usize..3, 0_usize..12), 1..40), turn in 0_usize..6
        ) {
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            let run = |order: [usize; 3]| {
                let mut tables = [table(), table(), table()];
                let mut shared = Shared::new();
                for (worker, page) in &events {
                    refuse(&mut tables[*worker], &key(1), *page, 0);
                }
                for worker in order {
                    publish(&mut tables[worker], &mut shared, 1);
                }
                absorb(&mut tables[0], &shared, &key(1), 1);
                summary(&mut tables[0], &key(1), 1)
            };
            prop_assert_eq!(run(orders[0]), run(orders[turn]));
        }

        #[test]
        fn bytes_of_a_slot_with_a_flipped_bit_never_raise_trust(
            place in any::<prop::sample::Index>(), bit in 0_u8..8
        ) {
            let (mut one, mut shared) = (table(), Shared::new());
            for page in 0..5 {
                refuse(&mut one, &key(1), page, 0);
            }
            publish(&mut one, &mut shared, 0);
            let before = summary(&mut one, &key(1), 1);
            let mut bytes = shared.into_values().next().unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let _ = one.absorb(&key(1), &bytes, at(1));
            let after = summary(&mut one, &key(1), 1);
            prop_assert!(after.0 >= before.0 && after.1.sum() >= before.1.sum());
        }
    }
}

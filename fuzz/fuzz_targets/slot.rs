//! Whatever stands in a slot of shared data, it can only lower trust, and what is written there next
//! is in form and says no less.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sallyport_engine::trust::wire::RunningSlot;
use sallyport_fuzz::{Seeds, Worker};

fuzz_target!(init: Seeds::from_environment().slots(), |data: &[u8]| {
    let mut worker = Worker::after(4);
    let before = worker.look();
    let in_form = worker.absorb(data);
    let after = worker.look();
    assert!(after.standing >= before.standing);
    assert!(after.evidence.sum() >= before.evidence.sum());
    assert!(in_form || after == before);

    // What is said of what a peer runs is in form or nothing, and is written as it was read.
    let before = worker.look();
    let in_form = worker.hear_running(data);
    assert!(in_form || worker.look() == before);
    if let Ok(slot) = RunningSlot::parse(data) {
        assert!(in_form);
        assert_eq!(RunningSlot::parse(&slot.to_bytes()), Ok(slot));
    }

    let written = worker.publish(Some(data)).expect("it has evidence to tell");
    let mut other = Worker::after(0);
    assert!(other.absorb(&written));
    assert!(other.look().evidence.sum() >= before.evidence.distinct_denial);
});

//! The distinct things that a peer was seen at lately, and what they weigh.
//!
//! What they weigh is a function of the set alone. So the order of events does not matter, and
//! workers that unite their sets come to the result of one that saw everything: a union counts what
//! both have seen once.

use super::Moment;
use super::decay::{Amount, TimeScale};

/// The last distinct targets, each with the second of its first event. Two bytes of a keyed hash
/// tell them apart: nobody outside can make two collide, and a chance collision hides one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Targets<const CAPACITY: usize> {
    entries: [Entry; CAPACITY],
    len: u8,
}

/// A target, and the low bits of the second of its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Entry {
    target: u16,
    second: u16,
}

/// What an event weighs at each scale, in milli-nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) fast: u32,
    pub(super) slow: u32,
}

impl<const CAPACITY: usize> Targets<CAPACITY> {
    pub(super) const EMPTY: Self = Self {
        entries: [Entry {
            target: 0,
            second: 0,
        }; CAPACITY],
        len: 0,
    };

    /// Adds a target that is seen now; a known one stays as it is. Says whether it was unknown.
    pub(super) fn insert(&mut self, target: u16, now: Moment) -> bool {
        let is_new = self.used().all(|entry| entry.target != target);
        if is_new {
            let second = low(now);
            self.add(Entry { target, second }, now);
        }
        is_new
    }

    /// Adds a target that others first saw `age` seconds before `now`. Of a known one the later time
    /// stays, with which it weighs more: what others say may add evidence and never take any away.
    pub(super) fn unite(&mut self, target: u16, age: u32, now: Moment) {
        let Ok(age) = u16::try_from(age.min(LIFETIME)) else {
            return;
        };
        let second = low(now).wrapping_sub(age);
        let theirs = Entry { target, second };
        if let Some(known) = self.used_mut().find(|entry| entry.target == target) {
            if known.age(now) > theirs.age(now) {
                *known = theirs;
            }
            return;
        }
        self.add(theirs, now);
    }

    /// In a full set the oldest goes, be it the added one.
    fn add(&mut self, added: Entry, now: Moment) {
        let len = usize::from(self.len);
        if let Some(free) = self.entries.get_mut(len) {
            *free = added;
            self.len = self.len.saturating_add(1);
        } else if let Some(oldest) = self.used_mut().max_by_key(|entry| entry.rank(now))
            && added.rank(now) < oldest.rank(now)
        {
            *oldest = added;
        }
    }

    /// Removes what is too old to weigh anything; `idle` is the time since the last call, in seconds.
    pub(super) fn expire(&mut self, now: Moment, idle: u32) {
        if idle >= LIFETIME {
            *self = Self::EMPTY;
            return;
        }
        let mut kept = Self::EMPTY;
        for entry in self.used().filter(|entry| entry.age(now) < LIFETIME) {
            if let Some(free) = kept.entries.get_mut(usize::from(kept.len)) {
                *free = *entry;
                kept.len = kept.len.saturating_add(1);
            }
        }
        *self = kept;
    }

    /// What the targets weigh together, in milli-nats: the greater of the two scales.
    pub(super) fn sum(&self, weight: Weight, cap: u32, now: Moment) -> u32 {
        if self.len == 0 {
            return 0;
        }
        let scale_sum = |milli_nats, scale| {
            let amount = Amount::of(milli_nats);
            self.used().fold(Amount::ZERO, |sum, entry| {
                sum.plus(amount.after(scale, entry.age(now)), cap)
            })
        };
        let slow = scale_sum(weight.slow, TimeScale::Slow);
        scale_sum(weight.fast, TimeScale::Fast)
            .max(slow)
            .milli_nats()
    }

    pub(super) const fn len(&self) -> u8 {
        self.len
    }

    /// Seconds since the oldest target.
    pub(super) fn span(&self, now: Moment) -> u32 {
        self.used().map(|entry| entry.age(now)).max().unwrap_or(0)
    }

    /// The targets with their ages in seconds, the oldest first.
    pub(super) fn ages(&self, now: Moment) -> impl Iterator<Item = (u16, u16)> {
        let mut entries = self.entries;
        // The free places sort behind: they count as younger than anything.
        let used = usize::from(self.len);
        if let Some(used) = entries.get_mut(..used) {
            used.sort_unstable_by_key(|entry| core::cmp::Reverse(entry.rank(now)));
        }
        entries
            .into_iter()
            .take(used)
            .map(move |entry| (entry.target, low(now).wrapping_sub(entry.second)))
    }

    fn used(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().take(usize::from(self.len))
    }

    fn used_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().take(usize::from(self.len))
    }
}

impl Entry {
    fn age(self, now: Moment) -> u32 {
        u32::from(low(now).wrapping_sub(self.second))
    }

    /// A total order, the oldest last, so that which target goes does not depend on the order in
    /// which they came.
    fn rank(self, now: Moment) -> (u32, u16) {
        (self.age(now), self.target)
    }
}

fn low(now: Moment) -> u16 {
    u16::try_from(now.0 & 0xffff).unwrap_or(0)
}

/// Seconds after which a target is forgotten: then 1% is left of what it weighed at the slow scale.
/// INVARIANT: less than half of what 16 bits count, so that ages never come round between two
/// calls of [`Targets::expire`].
pub(super) const LIFETIME: u32 = 32_000;

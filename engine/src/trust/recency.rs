//! Places for peers, each in a list by how much its state says, the longest unseen first. Choosing
//! whom to forget takes a fixed number of steps.

use alloc::vec::Vec;

use super::{Behaviour, Moment, PeerState, Running};

/// The number of a place.
pub(super) type Place = u32;

/// What is kept of one peer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) certificate_sha256: [u8; 32],
    pub(super) identity: u64,
    pub(super) state: PeerState,
    pub(super) running: Running,
    pub(super) last_seen: Moment,
    /// Whether other workers do not know of its evidence yet.
    pub(super) is_dirty: bool,
    class: Class,
    older: Option<Place>,
    newer: Option<Place>,
}

/// How much a state says, from what is forgotten first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Clean,
    Suspicious,
    Restricted,
    Isolated,
}

/// The places, in pages so that growing copies nothing, and the ends of the lists.
#[derive(Debug)]
pub(super) struct Recency {
    pages: Vec<Vec<Entry>>,
    len: u32,
    lists: [List; 4],
}

#[derive(Debug, Clone, Copy)]
struct List {
    oldest: Option<Place>,
    newest: Option<Place>,
    len: u32,
}

impl Entry {
    pub(super) fn new(certificate_sha256: [u8; 32], identity: u64, now: Moment) -> Self {
        Self {
            certificate_sha256,
            identity,
            state: PeerState::new(now),
            running: Running::default(),
            last_seen: now,
            is_dirty: false,
            class: Class::Clean,
            older: None,
            newer: None,
        }
    }

    fn current_class(&self) -> Class {
        // Without evidence a state is left at the next look.
        if self.state.is_clean() {
            return Class::Clean;
        }
        match self.state.standing() {
            Behaviour::Isolated => Class::Isolated,
            Behaviour::Restricted => Class::Restricted,
            Behaviour::Trusted => Class::Suspicious,
        }
    }
}

impl Recency {
    pub(super) const fn new() -> Self {
        const EMPTY: List = List {
            oldest: None,
            newest: None,
            len: 0,
        };
        Self {
            pages: Vec::new(),
            len: 0,
            lists: [EMPTY; 4],
        }
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn get(&self, place: Place) -> Option<&Entry> {
        let (page, row) = split(place);
        self.pages.get(page)?.get(row)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Entry> {
        let (page, row) = split(place);
        self.pages.get_mut(page)?.get_mut(row)
    }

    /// Adds a peer, in a place of its own.
    pub(super) fn push(&mut self, entry: Entry) -> Place {
        let place = self.len;
        let has_room = self.pages.last().is_some_and(|page| page.len() < PAGE);
        if !has_room {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(entry);
        }
        self.len = self.len.saturating_add(1);
        self.append(place);
        place
    }

    /// Puts a peer into the place of another.
    pub(super) fn replace(&mut self, place: Place, entry: Entry) {
        self.unlink(place);
        if let Some(old) = self.get_mut(place) {
            *old = entry;
        }
        self.append(place);
    }

    /// The peer was seen, and its state may have changed.
    pub(super) fn touch(&mut self, place: Place) {
        let is_in_place = self
            .get(place)
            .is_some_and(|entry| entry.newer.is_none() && entry.class == entry.current_class());
        if !is_in_place {
            self.unlink(place);
            self.append(place);
        }
    }

    /// Whom to forget for a new peer: the longest unseen of those whose state says least. Peers that
    /// are isolated are kept as long as they are at most seven eighths of all, so a flood of
    /// identities replaces its own members. States that say less by now move down first, a few at a
    /// time.
    pub(super) fn least(&mut self, now: Moment) -> Option<Place> {
        self.reclassify_oldest(now);
        if self.count(Class::Isolated) > self.len.saturating_sub(self.len >> 3) {
            return self.oldest(Class::Isolated);
        }
        let lowest_first = [
            Class::Clean,
            Class::Suspicious,
            Class::Restricted,
            Class::Isolated,
        ];
        lowest_first
            .into_iter()
            .find_map(|class| self.oldest(class))
    }

    /// How many peers are restricted and how many are isolated. Those that went silent are looked at
    /// a few at a time, so these numbers follow the time with each call.
    pub(super) fn shut_out(&mut self, now: Moment) -> (u32, u32) {
        for _ in 0..RECLASSIFIED_AT_ONCE {
            self.reclassify_oldest(now);
        }
        (self.count(Class::Restricted), self.count(Class::Isolated))
    }

    /// Moves the longest unseen peers down whose states say less by now.
    fn reclassify_oldest(&mut self, now: Moment) {
        for class in [Class::Suspicious, Class::Restricted, Class::Isolated] {
            if let Some(place) = self.oldest(class) {
                self.reclassify(place, now);
            }
        }
    }

    fn count(&self, class: Class) -> u32 {
        self.lists.get(class.index()).map_or(0, |list| list.len)
    }

    fn oldest(&self, class: Class) -> Option<Place> {
        self.lists.get(class.index()).and_then(|list| list.oldest)
    }

    fn reclassify(&mut self, place: Place, now: Moment) {
        if let Some(entry) = self.get_mut(place) {
            entry.state.advance(now);
            if entry.current_class() != entry.class {
                self.touch(place);
            }
        }
    }

    fn append(&mut self, place: Place) {
        let Some(class) = self.get(place).map(Entry::current_class) else {
            return;
        };
        let newest = self.lists.get(class.index()).and_then(|list| list.newest);
        if let Some(entry) = self.get_mut(place) {
            entry.class = class;
            entry.older = newest;
            entry.newer = None;
        }
        match newest.and_then(|newest| self.get_mut(newest)) {
            Some(before) => before.newer = Some(place),
            None => self.set(class, |list| list.oldest = Some(place)),
        }
        self.set(class, |list| {
            list.newest = Some(place);
            list.len = list.len.saturating_add(1);
        });
    }

    fn unlink(&mut self, place: Place) {
        let Some((class, older, newer)) = self
            .get(place)
            .map(|entry| (entry.class, entry.older, entry.newer))
        else {
            return;
        };
        match older.and_then(|older| self.get_mut(older)) {
            Some(older) => older.newer = newer,
            None => self.set(class, |list| list.oldest = newer),
        }
        match newer.and_then(|newer| self.get_mut(newer)) {
            Some(newer) => newer.older = older,
            None => self.set(class, |list| list.newest = older),
        }
        self.set(class, |list| list.len = list.len.saturating_sub(1));
    }

    fn set(&mut self, class: Class, change: impl FnOnce(&mut List)) {
        if let Some(list) = self.lists.get_mut(class.index()) {
            change(list);
        }
    }
}

impl Class {
    const fn index(self) -> usize {
        match self {
            Self::Clean => 0,
            Self::Suspicious => 1,
            Self::Restricted => 2,
            Self::Isolated => 3,
        }
    }
}

fn split(place: Place) -> (usize, usize) {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    (place / PAGE, place % PAGE)
}

const PAGE: usize = 64;
/// Peers of each class that are looked at for one count.
const RECLASSIFIED_AT_ONCE: u8 = 16;

//! Sets of methods and of ports: those that are known by name, and all others together.

use std::collections::BTreeSet;

use super::pattern::Match;

/// Some of the known values, and whether the values that nobody named belong to it as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Values<T> {
    pub(super) named: BTreeSet<T>,
    pub(super) others: Match,
}

impl<T: Ord + Clone> Values<T> {
    /// All values.
    pub(super) fn all(known: &BTreeSet<T>) -> Self {
        Self {
            named: known.clone(),
            others: Match::Yes,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others == Match::No
    }

    /// The values that surely belong to it.
    pub(super) fn surely(mut self) -> Self {
        if self.others == Match::Maybe {
            self.others = Match::No;
        }
        self
    }

    /// The values that may belong to it.
    pub(super) fn possibly(mut self) -> Self {
        if self.others == Match::Maybe {
            self.others = Match::Yes;
        }
        self
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        Self {
            named: self.named.intersection(&other.named).cloned().collect(),
            others: self.others.min(other.others),
        }
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        Self {
            named: self.named.difference(&other.named).cloned().collect(),
            others: self.others.min(other.others.not()),
        }
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.named.is_subset(&other.named) && self.others <= other.others
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self {
            named: self.named.union(&other.named).cloned().collect(),
            others: self.others.max(other.others),
        }
    }
}

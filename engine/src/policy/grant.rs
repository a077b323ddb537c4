//! Grants: access for a while, where no flow covers a request.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::flow::{Covered, Operation, OperationPlace};
use super::flow_index::FlowIndex;
use super::{Policy, SegmentId};
use crate::facts::RequestFacts;
use crate::names::PathTemplate;
use crate::time::TimeMs;

/// Access for a while. Whose it is stands in the index of [`Grants`].
#[derive(Debug, Clone)]
pub struct Grant {
    pub(super) not_before: TimeMs,
    pub(super) not_after: TimeMs,
    pub(super) text: Arc<GrantText>,
    pub(super) operations: Vec<Operation>,
}

/// What records say of a grant, as it stands in the policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantText {
    /// Its name.
    pub name: String,
    /// When it begins (RFC 3339).
    pub not_before: String,
    /// When it ends (RFC 3339).
    pub not_after: String,
    /// Why it was given.
    pub reason: String,
    /// Who allowed it.
    pub approved_by: String,
}

/// All grants of a policy, found by the segments between which they lead.
#[derive(Debug, Default)]
pub(super) struct Grants {
    pub(super) list: Vec<Grant>,
    pub(super) index: FlowIndex,
}

/// Where the time of a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantPhase {
    /// It counts.
    InForce,
    /// It has not begun.
    ToCome,
    /// It is over.
    Ended,
}

/// What the grants of a policy say of a request that no flow covers.
#[derive(Debug, Clone, Copy)]
pub enum GrantMatch<'a> {
    /// Nothing: none covers it, or those that do are further than [`Grant::NEARBY_MS`] away.
    None,
    /// This one, with one of its operations, allows it now.
    InForce(&'a Grant, Covered<'a>),
    /// This one would, and ended a short time ago.
    Ended(&'a Grant),
    /// This one will, a short time from now.
    ToCome(&'a Grant),
}

// === impl Grant ===

impl Grant {
    /// The longest time that one may last, in milliseconds: 7 days, as a break-glass.
    pub const MAXIMUM_MS: u64 = 7 * 24 * 3_600_000;

    /// How long before its beginning and after its end a grant is named as the reason of a refusal,
    /// in milliseconds: one hour. Such a refusal is no evidence against the caller, so the time is
    /// bounded: who holds a grant of long ago is refused like everybody, and it counts.
    pub const NEARBY_MS: u64 = 3_600_000;

    /// What records say of it.
    #[must_use]
    pub const fn text(&self) -> &Arc<GrantText> {
        &self.text
    }

    /// The first millisecond in which it counts.
    #[must_use]
    pub const fn not_before(&self) -> TimeMs {
        self.not_before
    }

    /// The first millisecond in which it counts no longer.
    #[must_use]
    pub const fn not_after(&self) -> TimeMs {
        self.not_after
    }

    /// Where its time is.
    #[must_use]
    pub fn phase(&self, now: TimeMs) -> GrantPhase {
        GrantPhase::of(self.not_before, self.not_after, now)
    }

    /// Whether now is within [`Grant::NEARBY_MS`] of its time.
    fn is_near(&self, now: TimeMs) -> bool {
        self.not_before.since(now) <= Self::NEARBY_MS && now.since(self.not_after) < Self::NEARBY_MS
    }
}

// === impl GrantPhase ===

impl GrantPhase {
    /// Where a time lies that has its first millisecond at `not_before`, and its last one before
    /// `not_after`.
    #[must_use]
    pub fn of(not_before: TimeMs, not_after: TimeMs, now: TimeMs) -> Self {
        if now < not_before {
            Self::ToCome
        } else if now < not_after {
            Self::InForce
        } else {
            Self::Ended
        }
    }
}

// === impl Policy ===

impl Policy {
    /// All grants, in the order of the document.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants.list
    }

    /// What the grants say of a request from one segment to another, at a port and time, that no
    /// flow covers ([`Policy::find_flow`]).
    #[must_use]
    pub fn find_grant<'a>(
        &'a self,
        from: SegmentId,
        to: SegmentId,
        port: u16,
        request: &RequestFacts<'_>,
        now: TimeMs,
    ) -> GrantMatch<'a> {
        let Grants { list, index } = &self.grants;
        // A path that can be read in two ways is covered by none.
        let (Some(candidates), Ok(path)) = (index.between(from, to), request.path) else {
            return GrantMatch::None;
        };
        let find = |phase: GrantPhase| {
            let covers = |place: OperationPlace| {
                let grant = list.get(place.flow)?;
                let operation = grant.operations.get(place.operation)?;
                let counts = grant.phase(now) == phase && grant.is_near(now);
                let covers = counts && operation.takes(port, request.method);
                covers.then_some((grant, Covered { operation, place }))
            };
            index.find(candidates, to, path, covers)
        };
        if let Some((grant, covered)) = find(GrantPhase::InForce) {
            GrantMatch::InForce(grant, covered)
        } else if let Some((grant, _)) = find(GrantPhase::Ended) {
            GrantMatch::Ended(grant)
        } else if let Some((grant, _)) = find(GrantPhase::ToCome) {
            GrantMatch::ToCome(grant)
        } else {
            GrantMatch::None
        }
    }

    /// All grants that cover a request, whatever their time, for explanations.
    #[must_use]
    pub fn grants_covering(
        &self,
        from: SegmentId,
        to: SegmentId,
        port: u16,
        request: &RequestFacts<'_>,
    ) -> Vec<&Grant> {
        let Grants { list, index } = &self.grants;
        let (Some(candidates), Ok(path)) = (index.between(from, to), request.path) else {
            return Vec::new();
        };
        let covers = |operation: &Operation| {
            let mut paths = operation.paths.iter();
            operation.takes(port, request.method) && paths.any(|template| template.matches(path))
        };
        let grants = candidates.iter().filter_map(|number| list.get(*number));
        grants
            .filter(|grant| grant.operations.iter().any(covers))
            .collect()
    }

    /// The grant of an operation that [`Policy::find_grant`] found, and the one of its paths that is
    /// meant.
    #[must_use]
    pub fn grant_template(&self, place: OperationPlace) -> Option<(&Grant, &PathTemplate)> {
        let grant = self.grants.list.get(place.flow)?;
        let operation = grant.operations.get(place.operation)?;
        Some((grant, operation.paths.get(place.path)?))
    }
}

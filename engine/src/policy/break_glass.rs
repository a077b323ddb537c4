//! An emergency, in which nothing is refused for a while.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::SegmentId;
use crate::time::TimeMs;

/// Until when all is as in shadow, and why.
#[derive(Debug)]
pub struct BreakGlass {
    pub(super) until: TimeMs,
    pub(super) text: Arc<BreakGlassText>,
    /// The called segments that it is for; none for all.
    pub(super) segments: Option<Vec<SegmentId>>,
}

/// What records say of a break-glass, as it stands in the policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BreakGlassText {
    /// When it ends (RFC 3339).
    pub until: String,
    /// Why it was declared.
    pub reason: String,
}

impl BreakGlass {
    /// The longest time that one may be declared for, in milliseconds: 7 days.
    pub const MAXIMUM_MS: u64 = 7 * 24 * 3_600_000;

    /// When it ends.
    #[must_use]
    pub const fn until(&self) -> TimeMs {
        self.until
    }

    /// What records say of it.
    #[must_use]
    pub const fn text(&self) -> &Arc<BreakGlassText> {
        &self.text
    }

    /// Whether it is for all segments.
    #[must_use]
    pub const fn is_for_all(&self) -> bool {
        self.segments.is_none()
    }

    /// Whether it lasts at this time. It cannot last longer than it may be declared for, so a clock
    /// that is further behind is wrong, and does not count.
    #[must_use]
    pub fn lasts(&self, now: TimeMs) -> bool {
        now < self.until && self.until.since(now) <= Self::MAXIMUM_MS
    }

    /// Whether it is for a workload of this segment; none stands for a workload that is not known.
    #[must_use]
    pub fn is_for(&self, segment: Option<SegmentId>) -> bool {
        match (&self.segments, segment) {
            (None, _) => true,
            (Some(segments), Some(segment)) => segments.contains(&segment),
            (Some(_), None) => false,
        }
    }
}

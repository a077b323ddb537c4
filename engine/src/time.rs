//! Points in time, as the host's clock gives them.

/// Milliseconds since the Unix epoch (UTC, no leap seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct TimeMs(pub u64);

impl TimeMs {
    /// The time of a Unix timestamp in seconds. Saturates, so a far future stays a far future.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later (a clock that jumped
    /// back changes nothing).
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

//! Points in time, as the host's clock gives them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch (UTC, no leap seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct TimeMs(pub u64);

/// A text that is no time of RFC 3339 after 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no time: write it as in `2026-01-31T12:00:00Z` (RFC 3339)")]
pub struct InvalidTime;

impl TimeMs {
    /// The time of a Unix timestamp in seconds. Saturates, so a far future stays a far future.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Reads a time of RFC 3339, section 5.6, to the second.
    ///
    /// # Errors
    /// For another text, and for times before 1970.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTime> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTime)?;
        let seconds = u64::try_from(time.unix_timestamp()).map_err(|_| InvalidTime)?;
        Ok(Self::from_seconds(seconds))
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later (a clock that jumped
    /// back changes nothing).
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

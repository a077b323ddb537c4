//! Points in time: now, as typed, and as shown.

use std::time::{SystemTime, UNIX_EPOCH};

use sallyport_engine::time::TimeMs;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time: write `2026-11-21T08:00:00Z`, or milliseconds since 1970")]
pub struct InvalidTime(String);

/// The time of the system. A clock before 1970 counts as 1970.
#[must_use]
pub fn now() -> TimeMs {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    TimeMs(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Reads RFC 3339, or milliseconds since the Unix epoch.
///
/// # Errors
/// For another text, and for times before 1970.
pub fn parse(text: &str) -> Result<TimeMs, InvalidTime> {
    let invalid = || InvalidTime(text.escape_debug().take(40).collect());
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(TimeMs).map_err(|_| invalid());
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid())?;
    let milliseconds = time
        .unix_timestamp_nanos()
        .checked_div(1_000_000)
        .unwrap_or_default();
    u64::try_from(milliseconds)
        .map(TimeMs)
        .map_err(|_| invalid())
}

/// RFC 3339 in UTC, to the second.
#[must_use]
pub fn show(time: TimeMs) -> String {
    let seconds = time.0.checked_div(1000).unwrap_or_default();
    i64::try_from(seconds)
        .map_err(|_| ())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| ()))
        .and_then(|time| time.format(&Rfc3339).map_err(|_| ()))
        .unwrap_or_else(|()| format!("{} ms after 1970", time.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_alike() {
        assert_eq!(parse("1700000000000"), Ok(TimeMs(1_700_000_000_000)));
        assert_eq!(parse("2023-11-14T22:13:20Z"), Ok(TimeMs(1_700_000_000_000)));
        assert_eq!(
            parse("2023-11-14T23:13:20.5+01:00"),
            Ok(TimeMs(1_700_000_000_500))
        );
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "today", "2023-11-14", "-5", "1969-01-01T00:00:00Z"] {
            assert_eq!(parse(text), Err(InvalidTime(text.to_owned())));
        }
    }

    #[test]
    fn shows_what_it_reads() {
        assert_eq!(show(TimeMs(1_700_000_000_999)), "2023-11-14T22:13:20Z");
        assert_eq!(show(TimeMs(u64::MAX)), "18446744073709551615 ms after 1970");
    }
}

//! Lifetimes as people write them.

use std::str::FromStr;

/// A lifetime in whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Its length in seconds.
    pub(crate) seconds: u64,
}

/// Why a text is no lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLifetime {
    #[error("write a number and a unit: `90s`, `15m`, `24h` or `30d`")]
    Form,
    #[error("it must be longer than nothing")]
    Zero,
    #[error("it must be at most 36500 days")]
    TooLong,
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", SECONDS_PER_DAY)];
        let (digits, unit) = units
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
            .ok_or(InvalidLifetime::Form)?;
        // `+5h` is a number to the standard library.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.is_empty() {
            return Err(InvalidLifetime::Form);
        }
        let number: u64 = digits.parse().map_err(|_| InvalidLifetime::TooLong)?;
        match number.checked_mul(unit) {
            Some(0) => Err(InvalidLifetime::Zero),
            Some(seconds) if seconds <= MAXIMUM_SECONDS => Ok(Self { seconds }),
            Some(_) | None => Err(InvalidLifetime::TooLong),
        }
    }
}

const SECONDS_PER_DAY: u64 = 86_400;
const MAXIMUM_SECONDS: u64 = 36_500 * SECONDS_PER_DAY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("30d", 2_592_000),
        ] {
            assert_eq!(text.parse(), Ok(Lifetime { seconds }), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "h", "24", "24 h", "+5h", "-5h", "1.5h", "5w", "٣h"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(InvalidLifetime::Form),
                "{text}"
            );
        }
        assert_eq!("0d".parse::<Lifetime>(), Err(InvalidLifetime::Zero));
        for text in ["36501d", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(
                text.parse::<Lifetime>(),
                Err(InvalidLifetime::TooLong),
                "{text}"
            );
        }
    }
}

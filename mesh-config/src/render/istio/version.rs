//! Releases of Istio, and what their proxies can do.

use std::fmt;
use std::str::FromStr;

/// A release of Istio that can be rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IstioVersion {
    /// With Envoy 1.36.
    V1_28,
    /// With Envoy 1.37.
    V1_29,
    /// With Envoy 1.38.
    V1_30,
    /// With Envoy 1.39.
    V1_31,
}

/// The text is no release that can be rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use one of 1.28, 1.29, 1.30 and 1.31, a patch release of them too")]
pub struct InvalidIstioVersion;

impl IstioVersion {
    /// The minor version of Envoy, 1.x.
    #[must_use]
    pub const fn envoy(self) -> u8 {
        match self {
            Self::V1_28 => 36,
            Self::V1_29 => 37,
            Self::V1_30 => 38,
            Self::V1_31 => 39,
        }
    }

    /// Whether the filter can read the certificate of the peer from the connection. Otherwise it
    /// needs the header `x-forwarded-client-cert`, with the certificate in it.
    #[must_use]
    pub const fn shows_certificate(self) -> bool {
        self.envoy() >= 38
    }

    /// Whether a proxy can be told to show the TLS group, and so the key exchange.
    #[must_use]
    pub const fn shows_key_exchange(self) -> bool {
        self.envoy() >= 39
    }

    /// Whether a proxy says that it validated the certificate of a caller, which it does not of
    /// resumed TLS sessions.
    #[must_use]
    pub const fn says_who_validated(self) -> bool {
        self.envoy() >= 39
    }

    /// Whether it knows `TrafficExtension`.
    #[must_use]
    pub const fn has_traffic_extension(self) -> bool {
        matches!(self, Self::V1_30 | Self::V1_31)
    }
}

impl FromStr for IstioVersion {
    type Err = InvalidIstioVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let version = match (parts.next(), parts.next()) {
            (Some("1"), Some("28")) => Self::V1_28,
            (Some("1"), Some("29")) => Self::V1_29,
            (Some("1"), Some("30")) => Self::V1_30,
            (Some("1"), Some("31")) => Self::V1_31,
            (Some(_), Some(_) | None) | (None, _) => return Err(InvalidIstioVersion),
        };
        match (parts.next(), parts.next()) {
            (None, _) => Ok(version),
            (Some(patch), None) if is_number(patch) => Ok(version),
            (Some(_), Some(_) | None) => Err(InvalidIstioVersion),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for IstioVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_28 => "1.28",
            Self::V1_29 => "1.29",
            Self::V1_30 => "1.30",
            Self::V1_31 => "1.31",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_releases_and_their_patches() {
        for (text, expected) in [
            ("1.28", Some(IstioVersion::V1_28)),
            ("1.30.4", Some(IstioVersion::V1_30)),
            ("1.31", Some(IstioVersion::V1_31)),
            ("1.27", None),
            ("1.32", None),
            ("1.28.", None),
            ("1.28.x", None),
            ("1.28.1.2", None),
            ("1", None),
            ("", None),
            ("v1.28", None),
        ] {
            assert_eq!(text.parse(), expected.ok_or(InvalidIstioVersion), "{text}");
        }
    }
}

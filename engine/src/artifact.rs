//! Models and images, by their digests.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::hexadecimal;
use crate::policy::raw::ArtifactKind;

/// The SHA-256 digest of a model or an image. Written in one form only: `sha256:` and 64 lower-case
/// hexadecimal digits, as OCI images have it (OCI Image Format, "Digests").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactDigest([u8; 32]);

/// A text that is no digest in the one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not `sha256:` and 64 lower-case hexadecimal digits")]
pub struct InvalidArtifactDigest;

/// The first bytes of a digest: enough to tell those of a mesh apart where many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestTag(pub(crate) [u8; 8]);

/// What a token says that its workload runs: its claims `model_digest` and `image_digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArtifactClaims {
    /// The model; none where the token does not say.
    pub model: Option<ArtifactDigest>,
    /// The container image; none where the token does not say.
    pub image: Option<ArtifactDigest>,
}

// === impl ArtifactDigest ===

impl ArtifactDigest {
    /// The digest with these bytes.
    #[must_use]
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// Its first bytes.
    #[must_use]
    pub fn tag(&self) -> DigestTag {
        DigestTag(self.0.first_chunk().copied().unwrap_or_default())
    }
}

impl FromStr for ArtifactDigest {
    type Err = InvalidArtifactDigest;

    fn from_str(text: &str) -> Result<Self, InvalidArtifactDigest> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidArtifactDigest)?;
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidArtifactDigest);
        }
        match hexadecimal::decode_sha256(digits.as_bytes()) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(InvalidArtifactDigest),
        }
    }
}

impl fmt::Display for ArtifactDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(&hexadecimal::encode(&self.0))
    }
}

impl From<ArtifactDigest> for String {
    fn from(digest: ArtifactDigest) -> Self {
        format!("{digest}")
    }
}

// === impl ArtifactClaims ===

impl ArtifactClaims {
    /// The digest of one kind.
    #[must_use]
    pub const fn of(&self, kind: ArtifactKind) -> Option<&ArtifactDigest> {
        match kind {
            ArtifactKind::Model => self.model.as_ref(),
            ArtifactKind::Image => self.image.as_ref(),
        }
    }

    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.model.is_none() && self.image.is_none()
    }
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn reads_the_one_form_and_writes_it_again() {
        let text = format!("sha256:{}0f", "a1".repeat(31));
        let digest: ArtifactDigest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(String::from(digest), text);
        assert_eq!(digest.tag().0, [0xa1; 8]);
    }

    #[test]
    fn refuses_every_other_form() {
        let digits = "ab".repeat(32);
        for text in [
            digits.clone(),
            format!("sha256:{}", digits.to_uppercase()),
            format!("SHA256:{digits}"),
            format!("sha512:{digits}"),
            format!("sha256:{digits}00"),
            format!("sha256:{}", "ab".repeat(31)),
            format!("sha256: {}", "ab".repeat(31)),
            format!("sha256:{digits} "),
            "sha256:".into(),
            String::new(),
        ] {
            assert_eq!(
                text.parse::<ArtifactDigest>(),
                Err(InvalidArtifactDigest),
                "{text}"
            );
        }
    }
}

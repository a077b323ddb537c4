//! Which target a refused request was for.

use core::hash::Hasher;
use core::num::NonZeroU64;

use siphasher::sip::SipHasher13;

/// Tells targets apart by a keyed hash of 64 bits.
///
/// The key is secret and random for each VM: a scanner that could compute the hash would choose
/// paths that collide, so that its distinct targets look like repeats of one, which weigh little.
#[derive(Clone, Copy)]
pub struct TargetHasher([u8; 16]);

/// The kinds of evidence against a peer. Each has a cap, so that none decides alone what needs two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Requests that are refused because of what they ask for.
    Denial,
    /// Credentials whose signature, binding or proof does not hold.
    Credential,
}

impl Family {
    /// The word for it in documents and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denial => "denial",
            Self::Credential => "credential",
        }
    }
}

/// One event that counts against a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    pub(super) family: Family,
    /// Equal for equal events: repeats tell less than new ones.
    pub(super) target: NonZeroU64,
}

impl TargetHasher {
    /// A hasher with a key that no peer knows.
    #[must_use]
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// The evidence of a refused request; `path` is without its query.
    #[must_use]
    pub fn denial(self, method: &str, path: &[u8]) -> Evidence {
        self.evidence(Family::Denial, &[method.as_bytes(), path])
    }

    /// The evidence of a credential that does not hold.
    #[must_use]
    pub fn credential(self, parts: &[&[u8]]) -> Evidence {
        self.evidence(Family::Credential, parts)
    }

    fn evidence(self, family: Family, parts: &[&[u8]]) -> Evidence {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        for part in parts {
            hasher.write_u64(u64::try_from(part.len()).unwrap_or(u64::MAX));
            hasher.write(part);
        }
        Evidence {
            family,
            target: NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN),
        }
    }
}

impl core::fmt::Debug for TargetHasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TargetHasher(..)")
    }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn tells_targets_apart_and_depends_on_its_key() {
        let hasher = TargetHasher::new([1; 16]);
        let target = hasher.denial("GET", b"/a");
        assert_eq!(target, hasher.denial("GET", b"/a"));
        for (method, path) in [
            ("PUT", &b"/a"[..]),
            ("GET", b"/b"),
            ("GET", b""),
            ("GET /a", b""),
        ] {
            assert_ne!(target, hasher.denial(method, path), "{method}");
        }
        assert_ne!(target, TargetHasher::new([2; 16]).denial("GET", b"/a"));
    }
}

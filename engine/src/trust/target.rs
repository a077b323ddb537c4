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

/// A request that was refused because of what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenialEvidence {
    target: NonZeroU64,
}

impl TargetHasher {
    /// A hasher with a key that no peer knows.
    #[must_use]
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// The evidence of a refused request; `path` is without its query.
    #[must_use]
    pub fn denial(self, method: &str, path: &[u8]) -> DenialEvidence {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(method.as_bytes());
        // No method has this byte, so no two requests run into one.
        hasher.write(b" ");
        hasher.write(path);
        DenialEvidence {
            target: NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN),
        }
    }
}

impl DenialEvidence {
    /// The target: equal for equal requests.
    #[must_use]
    pub const fn target(self) -> NonZeroU64 {
        self.target
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

//! Events that count against a peer, and what tells them apart.

use core::hash::Hasher;
use core::num::NonZeroU64;

use siphasher::sip::SipHasher13;

use super::normal::normalise;

/// Tells targets apart by a keyed hash of 64 bits.
///
/// The key is secret: a scanner that could compute the hash would choose paths that collide, so
/// that its distinct targets look like repeats of one, which weigh little. Workers that share
/// states must share the key too.
#[derive(Clone, Copy)]
pub struct TargetHasher([u8; 16]);

/// The kinds of evidence against a peer. Each has a cap, so that none decides alone what needs two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Requests that are refused because of what they ask for.
    Denial,
    /// First use of an operation by this peer, or a refused target that is new.
    Novelty,
    /// Credentials whose signature, binding or proof does not hold.
    Credential,
    /// More requests than this peer makes.
    Rate,
    /// More bytes than this peer moves.
    Volume,
    /// Answers 401, 403 and 404 of the application.
    Error,
}

impl Family {
    /// The word for it in documents and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denial => "denial",
            Self::Novelty => "novelty",
            Self::Credential => "credential",
            Self::Rate => "rate",
            Self::Volume => "volume",
            Self::Error => "error",
        }
    }
}

/// Something that a peer was seen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    pub(super) event: Event,
    /// Equal for equal events: repeats tell less than new ones.
    pub(super) target: NonZeroU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A refused request.
    Denial,
    /// A credential that does not hold.
    Credential,
    /// An allowed operation; evidence only if this peer never used it before.
    Use,
}

/// What came of a request that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// HTTP status of the application's answer.
    pub status: u16,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
}

impl Outcome {
    /// Whether the application refused the caller. A failure of its own (5xx) is not the caller's.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self.status, 401 | 403 | 404)
    }
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
        let mut hasher = self.hasher();
        hasher.write(method.as_bytes());
        // No method has this byte, so no two requests run into one.
        hasher.write(b" ");
        normalise(path, |part| hasher.write(part));
        evidence(Event::Denial, &hasher)
    }

    /// The evidence of a credential that does not hold.
    #[must_use]
    pub fn credential(self, parts: &[&[u8]]) -> Evidence {
        self.parts(Event::Credential, parts)
    }

    /// The evidence of a credential that does not hold and that a peer may have forwarded: as much
    /// as that of what others ask for through it.
    #[must_use]
    pub fn forwarded_credential(self, parts: &[&[u8]]) -> Evidence {
        self.parts(Event::Denial, parts)
    }

    fn parts(self, event: Event, parts: &[&[u8]]) -> Evidence {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.write_u64(u64::try_from(part.len()).unwrap_or(u64::MAX));
            hasher.write(part);
        }
        evidence(event, &hasher)
    }

    /// The use of an operation: a method and the path template of the flow that covers it.
    #[must_use]
    pub fn operation(self, flow: &str, method: &str, template: &str) -> Evidence {
        let mut hasher = self.hasher();
        for part in [flow, method, template] {
            hasher.write(part.as_bytes());
            hasher.write(b" ");
        }
        evidence(Event::Use, &hasher)
    }

    /// A number for an identity, by which its certificates find each other.
    pub(super) fn identity(self, identity: &str) -> u64 {
        let mut hasher = self.hasher();
        hasher.write(identity.as_bytes());
        hasher.finish()
    }

    fn hasher(self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

impl core::fmt::Debug for TargetHasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TargetHasher(..)")
    }
}

impl Evidence {
    /// What is kept of the target.
    pub(super) fn short(self) -> u16 {
        u16::try_from(self.target.get() & 0xffff).unwrap_or(0)
    }

    /// Its place in a map of 128 bits, by other bits of the hash: word and bit.
    pub(super) fn place(self) -> (usize, u32) {
        let bits = (self.target.get() >> 16) & 0x7f;
        let word = usize::try_from(bits >> 5).unwrap_or(0);
        (word, u32::try_from(bits & 0x1f).unwrap_or(0))
    }
}

fn evidence(event: Event, hasher: &SipHasher13) -> Evidence {
    Evidence {
        event,
        target: NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN),
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

    #[test]
    fn the_items_of_one_route_are_one_target() {
        let hasher = TargetHasher::new([1; 16]);
        let item = |path: &str| hasher.denial("GET", path.as_bytes());
        assert_eq!(item("/v1/items/17"), item("/v1/items/18"));
        assert_ne!(item("/v1/items/17"), item("/v1/items/all"));
        assert_ne!(item("/v1/items/17"), item("/v1/users/17"));
    }

    #[test]
    fn only_refusals_of_the_application_count() {
        let counted = (0..=u16::MAX).filter(|status| {
            let outcome = Outcome {
                status: *status,
                ..Outcome::default()
            };
            outcome.is_refusal()
        });
        assert!(counted.eq([401, 403, 404]));
    }
}

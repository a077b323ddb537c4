//! Proofs that were used: what a proxy remembers so that none is used on a second connection.
//!
//! A ledger page is a string of bytes with one entry for each unexpired proof. It is pure: an
//! adapter keeps the pages where all workers of a proxy see them, and swaps a page only if nobody
//! else did since it was read. Pages come back as bytes of the host, so each is checked as any
//! other input.

use alloc::vec::Vec;

use crate::time::TimeMs;

/// What tells a proof from another, as keyless hashes: subjects are chosen by authorities, and a
/// `jti` is as good as random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofUse {
    subject: [u8; 8],
    id: [u8; 16],
    expires: TimeMs,
}

/// Why a proof may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedUse {
    /// It was used on another connection.
    Replayed,
    /// Its subject, or the page, has as many unexpired proofs as are remembered.
    QuotaExceeded,
}

/// What becomes of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// It stays: the proof stands in it, for the same connection.
    Kept,
    /// This is its new content.
    Written(Vec<u8>),
}

/// Number of pages. Keys of shared data cannot be deleted, so there is a fixed set of them.
pub const PAGES: u16 = 1024;
/// Unexpired proofs that are remembered for one subject. Others on the page are not affected by a
/// subject that uses them up.
pub const PROOFS_OF_SUBJECT: usize = 256;
const PROOFS_OF_PAGE: usize = 1024;
/// The second half of a page is for subjects with no more than this. Who may choose names can choose
/// ones that stand on the page of a victim; with this it takes dozens of them to fill it, not four.
const PROOFS_OF_LATECOMER: usize = 16;
const ENTRY_BYTES: usize = 8 + 16 + 8 + 8;

// === impl ProofUse ===

impl ProofUse {
    /// A proof by the SHA-256 of its authority and subject, and that of these and its `jti`.
    #[must_use]
    pub const fn new(subject: &[u8; 32], id: &[u8; 32], expires: TimeMs) -> Self {
        let (subject, _) = subject.split_at(8);
        let (id, _) = id.split_at(16);
        // INVARIANT: the slices are as long as the arrays.
        let (Some(subject), Some(id)) = (subject.first_chunk(), id.first_chunk()) else {
            return Self {
                subject: [0; 8],
                id: [0; 16],
                expires,
            };
        };
        Self {
            subject: *subject,
            id: *id,
            expires,
        }
    }

    /// The number of the page that it belongs to, below [`PAGES`].
    #[must_use]
    pub const fn page(&self) -> u16 {
        let [first, second, ..] = self.subject;
        u16::from_le_bytes([first, second]) % PAGES
    }

    /// Uses the proof on a connection. A page that is not in form counts as full of unknown
    /// proofs until they expire: whoever wrote it, the proof might be in it.
    ///
    /// # Errors
    /// When it was used on another connection, or there is no room to remember it.
    pub fn admit(&self, page: &[u8], connection: u64, now: TimeMs) -> Result<Page, RefusedUse> {
        let (entries, rest) = page.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() || entries.len() > PROOFS_OF_PAGE {
            return Err(RefusedUse::QuotaExceeded);
        }
        let mut kept = Vec::with_capacity(page.len().saturating_add(ENTRY_BYTES));
        let (mut all, mut of_subject) = (0_usize, 0_usize);
        let mut is_known = false;
        for bytes in entries {
            let entry = Entry::read(bytes);
            if entry.used.id == self.id && entry.used.subject == self.subject {
                if entry.connection != connection {
                    return Err(RefusedUse::Replayed);
                }
                if self.expires <= entry.used.expires {
                    return Ok(Page::Kept);
                }
                // Signed anew with the same `jti`, to count longer: so it is remembered longer.
                is_known = true;
                continue;
            }
            if now < entry.used.expires {
                kept.extend_from_slice(bytes);
                all = all.saturating_add(1);
                if entry.used.subject == self.subject {
                    of_subject = of_subject.saturating_add(1);
                }
            }
        }
        let quota = if all < PROOFS_OF_PAGE / 2 {
            PROOFS_OF_SUBJECT
        } else {
            PROOFS_OF_LATECOMER
        };
        if !is_known && (all >= PROOFS_OF_PAGE || of_subject >= quota) {
            return Err(RefusedUse::QuotaExceeded);
        }
        let entry = Entry {
            used: *self,
            connection,
        };
        entry.write(&mut kept);
        Ok(Page::Written(kept))
    }
}

/// A proof with the connection on which it was used.
struct Entry {
    used: ProofUse,
    connection: u64,
}

// === impl Entry ===

impl Entry {
    fn read(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let (subject, rest) = split(bytes);
        let (id, rest) = split(rest);
        let (expires, rest) = split(rest);
        let (connection, _) = split(rest);
        Self {
            used: ProofUse {
                subject,
                id,
                expires: TimeMs(u64::from_le_bytes(expires)),
            },
            connection: u64::from_le_bytes(connection),
        }
    }

    fn write(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&self.used.subject);
        page.extend_from_slice(&self.used.id);
        page.extend_from_slice(&self.used.expires.0.to_le_bytes());
        page.extend_from_slice(&self.connection.to_le_bytes());
    }
}

/// The first bytes. INVARIANT: there are as many.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes
        .split_first_chunk::<N>()
        .map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const NOW: TimeMs = TimeMs(1_000_000);

    fn proof(subject: u8, id: u16) -> ProofUse {
        let mut digest = [0; 32];
        let [low, high] = id.to_le_bytes();
        digest[0] = low;
        digest[1] = high;
        ProofUse::new(&[subject; 32], &digest, TimeMs(NOW.0 + 60_000))
    }

    fn written(page: Result<Page, RefusedUse>) -> Vec<u8> {
        match page {
            Ok(Page::Written(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_proof_is_good_for_one_connection_until_it_expires() {
        let page = written(proof(1, 1).admit(b"", 7, NOW));
        assert_eq!(proof(1, 1).admit(&page, 7, NOW), Ok(Page::Kept));
        let later = TimeMs(NOW.0 + 59_999);
        for now in [NOW, later] {
            assert_eq!(proof(1, 1).admit(&page, 8, now), Err(RefusedUse::Replayed));
        }
        // Another `jti`, or the same of another subject, is another proof.
        let page = written(proof(1, 2).admit(&page, 8, NOW));
        let page = written(proof(2, 1).admit(&page, 8, NOW));
        assert_eq!(page.len(), 3 * ENTRY_BYTES);
    }

    #[test]
    fn a_proof_that_is_signed_again_to_count_longer_is_remembered_longer() {
        let again = ProofUse {
            expires: TimeMs(NOW.0 + 90_000),
            ..proof(1, 1)
        };
        let mut page = written(proof(1, 1).admit(b"", 7, NOW));
        page = written(again.admit(&page, 7, NOW));
        assert_eq!(page.len(), ENTRY_BYTES, "it is one proof");
        assert_eq!(proof(1, 1).admit(&page, 7, NOW), Ok(Page::Kept));
        // The first one is over, and somebody else's proof clears the page.
        let later = TimeMs(NOW.0 + 60_000);
        page = written(proof(2, 1).admit(&page, 8, later));
        assert_eq!(again.admit(&page, 9, later), Err(RefusedUse::Replayed));
    }

    #[test]
    fn expired_proofs_make_room() {
        let page = written(proof(1, 1).admit(b"", 7, NOW));
        let end = TimeMs(NOW.0 + 60_000);
        assert_eq!(written(proof(1, 2).admit(&page, 8, end)).len(), ENTRY_BYTES);
    }

    #[test]
    fn a_subject_cannot_use_up_the_room_of_others() {
        let mut page = Vec::new();
        let quota = u16::try_from(PROOFS_OF_SUBJECT).unwrap();
        for id in 0..quota {
            page = written(proof(1, id).admit(&page, 7, NOW));
        }
        assert_eq!(
            proof(1, quota).admit(&page, 7, NOW),
            Err(RefusedUse::QuotaExceeded)
        );
        assert_eq!(proof(1, 0).admit(&page, 7, NOW), Ok(Page::Kept));
        page = written(proof(2, 0).admit(&page, 7, NOW));
        // A few that share a page leave room for others.
        for subject in 3..7 {
            page = filled(page, subject, quota);
        }
        assert!(page.len() < PROOFS_OF_PAGE * ENTRY_BYTES * 2 / 3);
        page = written(proof(8, 0).admit(&page, 7, NOW));
        // Not even many subjects make a page grow without end.
        for subject in 9..60 {
            page = filled(page, subject, quota);
        }
        assert_eq!(page.len(), PROOFS_OF_PAGE * ENTRY_BYTES);
    }

    /// The page after a subject tried to use so many proofs.
    fn filled(mut page: Vec<u8>, subject: u8, wanted: u16) -> Vec<u8> {
        for id in 0..wanted {
            match proof(subject, id).admit(&page, 7, NOW) {
                Ok(Page::Written(longer)) => page = longer,
                Ok(Page::Kept) => panic!("it is new"),
                Err(refused) => assert_eq!(refused, RefusedUse::QuotaExceeded),
            }
        }
        page
    }

    #[test]
    fn a_page_out_of_form_admits_nothing() {
        for length in [1, ENTRY_BYTES - 1, ENTRY_BYTES + 1, 1 << 20] {
            let page = alloc::vec![0; length];
            assert_eq!(
                proof(1, 1).admit(&page, 7, NOW),
                Err(RefusedUse::QuotaExceeded),
                "{length}"
            );
        }
    }

    #[test]
    fn pages_are_within_their_number() {
        for subject in 0..=255 {
            assert!(proof(subject, 0).page() < PAGES);
        }
    }
}

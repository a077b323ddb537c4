//! What peers run, as bytes that the workers of a proxy share. These slots are beside those of the
//! evidence, so that a module which does not know of them reads what it knows.
//!
//! Format: version (1 byte), then records of 40 bytes: the first 16 bytes of the certificate's digest,
//! then for model and image the second of the token's `iat` (4 bytes, little endian; 0 where there is
//! none) and the first 8 bytes of the digest.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::InvalidSlot;
use super::read::Reader;
use crate::artifact::DigestTag;
use crate::policy::raw::ArtifactKind;
use crate::trust::running::{Running, Sighting};

/// What a slot says of the peers of some identities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningSlot(Vec<RunningRecord>);

/// What a slot says of one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RunningRecord {
    certificate: [u8; 16],
    model: Option<Sighting>,
    image: Option<Sighting>,
}

impl RunningSlot {
    /// Reads a slot.
    ///
    /// # Errors
    /// The first rule of the format that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSlot> {
        if bytes.len() > MAXIMUM_BYTES {
            return Err(InvalidSlot::TooLong);
        }
        let mut reader = Reader(bytes);
        match reader.u8()? {
            VERSION => {}
            other => return Err(InvalidSlot::Version(other)),
        }
        let mut slot = Self::default();
        while !reader.is_empty() {
            slot.0.push(RunningRecord {
                certificate: reader.array()?,
                model: read(&mut reader)?,
                image: read(&mut reader)?,
            });
        }
        Ok(slot)
    }

    /// The bytes of the slot.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![VERSION];
        for record in &self.0 {
            bytes.extend_from_slice(&record.certificate);
            write(record.model, &mut bytes);
            write(record.image, &mut bytes);
        }
        bytes
    }

    /// Tells a peer what the slot says of it.
    pub(in crate::trust) fn tell(&self, certificate_sha256: &[u8; 32], running: &mut Running) {
        let certificate = short(certificate_sha256);
        let records = self.0.iter();
        for record in records.filter(|record| record.certificate == certificate) {
            running.hear(ArtifactKind::Model, record.model);
            running.hear(ArtifactKind::Image, record.image);
        }
    }

    /// Puts a peer, with the newest of what both know of it. In a full slot the peer goes whose tokens
    /// are the oldest.
    pub(in crate::trust) fn put(&mut self, certificate_sha256: &[u8; 32], running: &Running) {
        let mut united = *running;
        self.tell(certificate_sha256, &mut united);
        let certificate = short(certificate_sha256);
        self.0.retain(|record| record.certificate != certificate);
        if self.0.len() >= MAXIMUM_RECORDS {
            let newest = |record: &RunningRecord| record.model.max(record.image);
            let oldest = self.0.iter().map(newest).min();
            let mut records = self.0.iter();
            if let Some(place) = records.position(|record| Some(newest(record)) == oldest) {
                self.0.remove(place);
            }
        }
        self.0.push(RunningRecord {
            certificate,
            model: united.newest(ArtifactKind::Model),
            image: united.newest(ArtifactKind::Image),
        });
    }
}

fn short(certificate_sha256: &[u8; 32]) -> [u8; 16] {
    certificate_sha256
        .first_chunk()
        .copied()
        .unwrap_or_default()
}

fn read(reader: &mut Reader<'_>) -> Result<Option<Sighting>, InvalidSlot> {
    let (issued, tag) = (reader.u32()?, reader.array()?);
    Ok(NonZeroU32::new(issued).map(|issued| Sighting {
        issued,
        tag: DigestTag(tag),
    }))
}

fn write(sighting: Option<Sighting>, bytes: &mut Vec<u8>) {
    let issued = sighting.map_or(0, |sighting| sighting.issued.get());
    let tag = sighting.map_or([0; 8], |sighting| sighting.tag.0);
    bytes.extend_from_slice(&issued.to_le_bytes());
    bytes.extend_from_slice(&tag);
}

const VERSION: u8 = 1;
/// Replicas whose digests are remembered for each slot, which is one identity or a few.
const MAXIMUM_RECORDS: usize = 200;
/// 40 bytes each.
const MAXIMUM_BYTES: usize = 8_001;

#[cfg(test)]
mod tests;

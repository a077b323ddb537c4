//! What a slot holds, its bytes, and how a worker unites it with what it knows.

use alloc::vec::Vec;

use super::read::Reader;
use super::{InvalidSlot, MAXIMUM_RECORDS, MAXIMUM_SLOT_BYTES, VERSION};
use crate::trust::behaviour::Repeated;
use crate::trust::decay::Amount;
use crate::trust::identities::{HOUR, Isolation, Isolations};
use crate::trust::level::Level;
use crate::trust::targets::{LIFETIME, Targets};
use crate::trust::{Behaviour, Moment, Params, PeerState};

/// The content of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    pub(in crate::trust) peers: Vec<PeerRecord>,
    pub(in crate::trust) identities: Vec<IdentityRecord>,
}

/// A peer in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRecord {
    pub(in crate::trust) certificate_sha256: [u8; 32],
    pub(in crate::trust) identity: u64,
    /// The second of the host's clock to which ages count.
    pub(in crate::trust) as_of: u64,
    pub(in crate::trust) carried: Carried,
}

/// What of a state is carried along. Ages are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    standing: Behaviour,
    since_age: u32,
    denials: Vec<(u16, u16)>,
    novelties: Vec<(u16, u16)>,
    credentials: Vec<(u16, u16)>,
    repeated: Repeated,
    rate: Level,
    volume: Level,
}

/// The isolations of an identity in a slot. Ages are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRecord {
    pub(in crate::trust) identity: u64,
    as_of: u64,
    /// First bytes of the certificate's digest, and the age.
    isolations: Vec<(u32, u32)>,
    isolated_for: u32,
}

// === impl Slot ===

impl Slot {
    /// Reads a slot.
    ///
    /// # Errors
    /// The first rule of the format that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidSlot> {
        if bytes.len() > MAXIMUM_SLOT_BYTES {
            return Err(InvalidSlot::TooLong);
        }
        let mut reader = Reader(bytes);
        match reader.u8()? {
            VERSION => {}
            other => return Err(InvalidSlot::Version(other)),
        }
        let mut slot = Self::default();
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let length = usize::from(reader.u16()?);
            let mut content = Reader(reader.bytes(length)?);
            match kind {
                KIND_PEER => slot.peers.push(PeerRecord::read(&mut content)?),
                KIND_IDENTITY => slot.identities.push(IdentityRecord::read(&mut content)?),
                other => return Err(InvalidSlot::Kind(other)),
            }
            if !content.is_empty() {
                return Err(InvalidSlot::LeftOver);
            }
            if slot.peers.len().max(slot.identities.len()) > MAXIMUM_RECORDS {
                return Err(InvalidSlot::TooManyRecords);
            }
        }
        Ok(slot)
    }

    /// The bytes of the slot.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![VERSION];
        let mut content = Vec::new();
        for record in &self.peers {
            content.clear();
            record.write(&mut content);
            append(&mut bytes, KIND_PEER, &content);
        }
        for record in &self.identities {
            content.clear();
            record.write(&mut content);
            append(&mut bytes, KIND_IDENTITY, &content);
        }
        bytes
    }

    pub(in crate::trust) fn peer(
        &self,
        certificate_sha256: &[u8; 32],
        identity: u64,
    ) -> Option<&PeerRecord> {
        self.peers.iter().find(|record| {
            record.certificate_sha256 == *certificate_sha256 && record.identity == identity
        })
    }

    pub(in crate::trust) fn identity(&self, identity: u64) -> Option<&IdentityRecord> {
        self.identities
            .iter()
            .find(|record| record.identity == identity)
    }

    /// Puts a peer in the place of what the slot says of it. In a full slot the one that says least
    /// goes.
    pub(in crate::trust) fn put_peer(&mut self, record: PeerRecord) {
        self.peers.retain(|known| {
            known.certificate_sha256 != record.certificate_sha256
                || known.identity != record.identity
        });
        self.peers.push(record);
        if self.peers.len() > MAXIMUM_RECORDS {
            self.peers
                .sort_by_key(|record| core::cmp::Reverse(record.rank()));
            self.peers.truncate(MAXIMUM_RECORDS);
        }
    }

    pub(in crate::trust) fn put_identity(&mut self, record: IdentityRecord) {
        self.identities
            .retain(|known| known.identity != record.identity);
        self.identities.push(record);
        if self.identities.len() > MAXIMUM_RECORDS {
            self.identities
                .sort_by_key(|record| core::cmp::Reverse(record.as_of));
            self.identities.truncate(MAXIMUM_RECORDS);
        }
    }
}

// === impl PeerRecord ===

impl PeerRecord {
    /// What stays in a full slot: the worst standing, the most targets, the latest.
    const fn rank(&self) -> (Behaviour, usize, u64) {
        let targets = self
            .carried
            .denials
            .len()
            .saturating_add(self.carried.credentials.len());
        (self.carried.standing, targets, self.as_of)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidSlot> {
        Ok(Self {
            certificate_sha256: reader.array()?,
            identity: reader.u64()?,
            as_of: reader.u64()?,
            carried: Carried::read(reader)?,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.certificate_sha256);
        bytes.extend_from_slice(&self.identity.to_le_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
        self.carried.write(bytes);
    }
}

// === impl Carried ===

impl Carried {
    /// What is carried of a state, with ages at the time up to which it was
    /// [advanced](PeerState::advance).
    pub(in crate::trust) fn of(state: &PeerState) -> Self {
        let now = state.as_of;
        Self {
            standing: state.standing,
            since_age: now.since(state.since),
            denials: state.denials.ages(now).collect(),
            novelties: state.novelties.ages(now).collect(),
            credentials: state.credentials.ages(now).collect(),
            repeated: state.repeated,
            rate: state.rate,
            volume: state.volume,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidSlot> {
        let standing = match reader.u8()? {
            0 => Behaviour::Trusted,
            1 => Behaviour::Restricted,
            2 => Behaviour::Isolated,
            _ => return Err(InvalidSlot::OutOfRange),
        };
        Ok(Self {
            standing,
            since_age: reader.u32()?,
            denials: read_targets(reader, 16)?,
            novelties: read_targets(reader, 8)?,
            credentials: read_targets(reader, 6)?,
            repeated: Repeated {
                denial: read_amount(reader)?,
                credential: read_amount(reader)?,
                error: read_level(reader)?,
            },
            rate: read_level(reader)?,
            volume: read_level(reader)?,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(match self.standing {
            Behaviour::Trusted => 0,
            Behaviour::Restricted => 1,
            Behaviour::Isolated => 2,
        });
        bytes.extend_from_slice(&self.since_age.to_le_bytes());
        for targets in [&self.denials, &self.novelties, &self.credentials] {
            bytes.push(u8::try_from(targets.len()).unwrap_or(0));
            for (target, age) in targets {
                bytes.extend_from_slice(&target.to_le_bytes());
                bytes.extend_from_slice(&age.to_le_bytes());
            }
        }
        let Repeated {
            denial,
            credential,
            error,
        } = self.repeated;
        for amount in [
            denial,
            credential,
            error.fast,
            error.slow,
            self.rate.fast,
            self.rate.slow,
            self.volume.fast,
            self.volume.slow,
        ] {
            bytes.extend_from_slice(&amount.0.to_le_bytes());
        }
    }
}

impl PeerState {
    /// Unites the state with what others carried of it, `age` seconds ago.
    pub(in crate::trust) fn unite(&mut self, carried: &Carried, age: u32) {
        let now = self.as_of;
        unite_targets(&mut self.denials, &carried.denials, age, now);
        unite_targets(&mut self.novelties, &carried.novelties, age, now);
        unite_targets(&mut self.credentials, &carried.credentials, age, now);
        // The others do not know what is not published yet.
        let theirs = carried.repeated.after(age);
        let both = theirs.plus(self.unpublished, Params::MAXIMUM);
        self.repeated = self.repeated.max(both);
        self.rate = self.rate.max(carried.rate.after(age));
        self.volume = self.volume.max(carried.volume.after(age));
        let since = now.minus(carried.since_age.saturating_add(age));
        if carried.standing > self.standing {
            self.standing = carried.standing;
            self.since = since;
        } else if carried.standing == self.standing && self.standing > Behaviour::Trusted {
            self.since = self.since.max(since);
        }
    }

    /// What was not published is now.
    pub(in crate::trust) fn mark_published(&mut self) {
        self.unpublished = Repeated::default();
    }
}

fn unite_targets<const CAPACITY: usize>(
    targets: &mut Targets<CAPACITY>,
    others: &[(u16, u16)],
    age: u32,
    now: Moment,
) {
    for (target, their_age) in others {
        let age = u32::from(*their_age).saturating_add(age);
        if age < LIFETIME {
            targets.unite(*target, age, now);
        }
    }
}

// === impl IdentityRecord ===

impl IdentityRecord {
    pub(in crate::trust) fn of(
        identity: u64,
        isolations: &Isolations,
        as_of: u64,
        now: Moment,
    ) -> Self {
        let recent = isolations.latest.iter().flatten();
        Self {
            identity,
            as_of,
            isolations: recent
                .map(|known| (known.certificate, now.since(known.at).min(HOUR)))
                .collect(),
            isolated_for: isolations
                .isolated_until
                .map_or(0, |until| until.since(now).min(HOUR)),
        }
    }

    /// The isolations as of `now`, `age` seconds after the record was written.
    pub(in crate::trust) fn isolations(&self, age: u32, now: Moment) -> Isolations {
        let mut isolations = Isolations::default();
        for (place, (certificate, their_age)) in isolations.latest.iter_mut().zip(&self.isolations)
        {
            let age = their_age.saturating_add(age);
            *place = (age < HOUR).then(|| Isolation {
                at: now.minus(age),
                certificate: *certificate,
            });
        }
        let left = self.isolated_for.saturating_sub(age);
        isolations.isolated_until = (left > 0).then(|| now.plus(left));
        isolations
    }

    pub(in crate::trust) const fn as_of(&self) -> u64 {
        self.as_of
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidSlot> {
        let (identity, as_of) = (reader.u64()?, reader.u64()?);
        let isolated_for = reader.u32()?;
        let count = reader.u8()?;
        if count > 3 || isolated_for > HOUR {
            return Err(InvalidSlot::OutOfRange);
        }
        let mut isolations = Vec::new();
        for _ in 0..count {
            let (certificate, age) = (reader.u32()?, reader.u32()?);
            if age > HOUR {
                return Err(InvalidSlot::OutOfRange);
            }
            isolations.push((certificate, age));
        }
        Ok(Self {
            identity,
            as_of,
            isolations,
            isolated_for,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.identity.to_le_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
        bytes.extend_from_slice(&self.isolated_for.to_le_bytes());
        bytes.push(u8::try_from(self.isolations.len()).unwrap_or(0));
        for (certificate, age) in &self.isolations {
            bytes.extend_from_slice(&certificate.to_le_bytes());
            bytes.extend_from_slice(&age.to_le_bytes());
        }
    }
}

fn append(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    // A record has less than 300 bytes.
    let length = u16::try_from(content.len()).unwrap_or(0);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(content);
}

fn read_targets(reader: &mut Reader<'_>, most: u8) -> Result<Vec<(u16, u16)>, InvalidSlot> {
    let count = reader.u8()?;
    if count > most {
        return Err(InvalidSlot::OutOfRange);
    }
    let mut targets = Vec::new();
    for _ in 0..count {
        let (target, age) = (reader.u16()?, reader.u16()?);
        if u32::from(age) >= LIFETIME {
            return Err(InvalidSlot::OutOfRange);
        }
        targets.push((target, age));
    }
    Ok(targets)
}

fn read_level(reader: &mut Reader<'_>) -> Result<Level, InvalidSlot> {
    Ok(Level {
        fast: read_amount(reader)?,
        slow: read_amount(reader)?,
    })
}

fn read_amount(reader: &mut Reader<'_>) -> Result<Amount, InvalidSlot> {
    let amount = Amount(reader.u32()?);
    if amount > Amount::of(Params::MAXIMUM) {
        return Err(InvalidSlot::OutOfRange);
    }
    Ok(amount)
}

const KIND_PEER: u8 = 1;
const KIND_IDENTITY: u8 = 2;

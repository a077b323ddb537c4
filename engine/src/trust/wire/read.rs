//! Reading bytes that anyone may have written.

/// Why bytes are no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlot {
    /// Longer than a slot can be.
    #[error("longer than a slot can be")]
    TooLong,
    /// They end in the middle of something.
    #[error("ends too early")]
    Truncated,
    /// A version that this build does not read.
    #[error("version {0} is not known")]
    Version(u8),
    /// A kind of record that does not exist.
    #[error("record kind {0} is not known")]
    Kind(u8),
    /// More records than a slot holds.
    #[error("has too many records")]
    TooManyRecords,
    /// A record longer than its content.
    #[error("a record has bytes left over")]
    LeftOver,
    /// A value that no worker writes.
    #[error("a value is out of range")]
    OutOfRange,
}

/// A cursor over bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], InvalidSlot> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(InvalidSlot::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidSlot> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(InvalidSlot::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, InvalidSlot> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, InvalidSlot> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, InvalidSlot> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, InvalidSlot> {
        self.array().map(u64::from_le_bytes)
    }
}

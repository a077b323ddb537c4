//! The header block of the proxy-wasm ABI: a count, the lengths of all names and values, then all
//! names and values, each followed by a null byte. Numbers are little-endian, 32 bits.

/// All headers of a request, in the bytes that the host gave.
#[derive(Debug, Clone, Default)]
pub struct HeaderBlock {
    bytes: Vec<u8>,
}

/// Name and value of a header.
pub type HeaderPair<'a> = (&'a [u8], &'a [u8]);

/// Why bytes are no header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host's header block is out of form")]
pub struct InvalidHeaderBlock;

impl HeaderBlock {
    /// Wraps the bytes of the host; they are read by [`Self::pairs`].
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Writes a block.
    ///
    /// # Errors
    /// When a length does not fit into 32 bits.
    pub fn write(headers: &[(&[u8], &[u8])]) -> Result<Self, InvalidHeaderBlock> {
        let mut bytes = Vec::new();
        let mut put = |length: usize| match u32::try_from(length) {
            Ok(length) => {
                bytes.extend_from_slice(&length.to_le_bytes());
                Ok(())
            }
            Err(_) => Err(InvalidHeaderBlock),
        };
        put(headers.len())?;
        for (name, value) in headers {
            put(name.len())?;
            put(value.len())?;
        }
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
        Ok(Self { bytes })
    }

    /// The bytes, in the form of the ABI.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names and values, in order.
    ///
    /// # Errors
    /// When the bytes are no header block, or have bytes left over.
    pub fn pairs(&self) -> Result<Vec<HeaderPair<'_>>, InvalidHeaderBlock> {
        // An empty map may be given without even a count.
        if self.bytes.is_empty() {
            return Ok(Vec::new());
        }
        let mut lengths = Reader(&self.bytes);
        let count = lengths.number()?;
        let table = count.checked_mul(8).ok_or(InvalidHeaderBlock)?;
        let mut texts = Reader(lengths.0.get(table..).ok_or(InvalidHeaderBlock)?);
        // The table is inside the bytes, so the count is bounded by their length.
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, value) = (lengths.number()?, lengths.number()?);
            pairs.push((texts.text(name)?, texts.text(value)?));
        }
        if texts.0.is_empty() {
            Ok(pairs)
        } else {
            Err(InvalidHeaderBlock)
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<usize, InvalidHeaderBlock> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or(InvalidHeaderBlock)?;
        self.0 = rest;
        usize::try_from(u32::from_le_bytes(*number)).map_err(|_| InvalidHeaderBlock)
    }

    fn text(&mut self, length: usize) -> Result<&'a [u8], InvalidHeaderBlock> {
        let (text, rest) = self.0.split_at_checked(length).ok_or(InvalidHeaderBlock)?;
        self.0 = rest.strip_prefix(b"\0").ok_or(InvalidHeaderBlock)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let headers: [(&[u8], &[u8]); 3] =
            [(b":path", b"/a"), (b"x", b""), (b"binary", b"\xff\0\xfe")];
        let block = HeaderBlock::write(&headers).unwrap();
        assert_eq!(block.pairs().unwrap(), headers);
        assert!(HeaderBlock::new(Vec::new()).pairs().unwrap().is_empty());
        assert!(HeaderBlock::write(&[]).unwrap().pairs().unwrap().is_empty());
    }

    #[test]
    fn refuses_every_cut_and_every_added_byte() {
        let headers: [(&[u8], &[u8]); 2] = [(b":path", b"/a"), (b"x", b"y")];
        let bytes = HeaderBlock::write(&headers).unwrap().bytes;
        for end in 1..bytes.len() {
            assert!(
                HeaderBlock::new(bytes[..end].to_vec()).pairs().is_err(),
                "cut at {end}"
            );
        }
        let longer = [bytes.as_slice(), b"\0"].concat();
        assert!(HeaderBlock::new(longer).pairs().is_err());
    }

    #[test]
    fn refuses_lengths_beyond_the_bytes() {
        for bytes in [
            &[0xff; 4][..],
            &[0xff; 64],
            &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0],
        ] {
            assert!(HeaderBlock::new(bytes.to_vec()).pairs().is_err());
        }
    }
}

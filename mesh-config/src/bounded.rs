//! Text of a bounded length, from files and from standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is no UTF-8, or is longer than so many MiB.
pub fn file(path: &Path, mebibytes: u32) -> io::Result<String> {
    if path == Path::new("-") {
        text(io::stdin().lock(), mebibytes)
    } else {
        text(File::open(path)?, mebibytes)
    }
}

/// Reads text to its end.
///
/// # Errors
/// Those of [`file`].
pub fn text(input: impl Read, mebibytes: u32) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(bytes(input, mebibytes)?).map_err(not_text)
}

/// Reads bytes to their end.
///
/// # Errors
/// When they cannot be read, or are more than so many MiB.
pub fn bytes(input: impl Read, mebibytes: u32) -> io::Result<Vec<u8>> {
    let maximum = u64::from(mebibytes).saturating_mul(1024 * 1024);
    let mut bytes = Vec::new();
    input
        .take(maximum.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > maximum) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {mebibytes} MiB"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_up_to_the_limit_and_no_further() {
        let mebibyte = vec![b'x'; 1024 * 1024];
        assert_eq!(text(&mebibyte[..], 1).unwrap().len(), 1024 * 1024);
        let error = text(mebibyte.chain(&b"x"[..]), 1).unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 1 MiB");
        assert!(text(io::repeat(b'x'), 1).is_err(), "an endless one too");
        assert!(text(&b"\xff"[..], 1).is_err());
    }
}

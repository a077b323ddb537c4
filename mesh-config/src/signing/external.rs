//! A program that signs, so that keys stay in a KMS or an HSM.
//!
//! It is run once for each half, gets the bytes to sign on standard input, and prints the signature
//! in base64 (RFC 4648, section 4 or 5, with or without padding, on one line). The environment says
//! which half, by which key, of which authority: `SALLYPORT_SIGN_HALF` (`classical` or
//! `alternative`), `SALLYPORT_SIGN_ALGORITHM`, `SALLYPORT_SIGN_KEY_ID`, `SALLYPORT_SIGN_AUTHORITY`.
//! What it prints is not trusted: the signature is verified before it is used.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};
use sallyport_credentials::signing::{Draft, Half};

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalSigner {
    program: String,
    arguments: Vec<String>,
    limit: Duration,
}

/// What a program did instead of signing. One variant for each rule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerFault {
    /// No program.
    #[error("is not named: `--signer-command` is empty")]
    Empty,
    /// It cannot be run.
    #[error("`{program}` cannot be run: {cause}")]
    Unusable {
        /// The program.
        program: String,
        /// What the system says.
        cause: io::Error,
    },
    /// It said that it failed.
    #[error("`{program}` failed for the {half} half: {status}")]
    Failed {
        /// The program.
        program: String,
        /// What it was to sign.
        half: Half,
        /// How it ended.
        status: ExitStatus,
    },
    /// It did not end in time.
    #[error("`{program}` did not sign within {seconds} seconds")]
    Slow {
        /// The program.
        program: String,
        /// How long it had.
        seconds: u64,
    },
    /// It printed something else.
    #[error("`{program}` printed no signature in base64 for the {half} half")]
    Output {
        /// The program.
        program: String,
        /// What it was to sign.
        half: Half,
    },
}

impl ExternalSigner {
    /// A program with arguments, separated by spaces. There is no quoting and no shell: what needs
    /// more is a script.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(command: &str) -> Result<Self, SignerFault> {
        let mut words = command.split_whitespace().map(str::to_owned);
        Ok(Self {
            program: words.next().ok_or(SignerFault::Empty)?,
            arguments: words.collect(),
            limit: LIMIT,
        })
    }

    /// The signature of one half, as the program gives it.
    ///
    /// # Errors
    /// [`SignerFault`].
    pub fn sign(&self, draft: &Draft<'_>, half: Half) -> Result<Vec<u8>, SignerFault> {
        let unusable = |cause| SignerFault::Unusable {
            program: self.program.clone(),
            cause,
        };
        let name = match half {
            Half::Classical => "classical",
            Half::Alternative => "alternative",
        };
        let begun = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env("SALLYPORT_SIGN_HALF", name)
            .env("SALLYPORT_SIGN_ALGORITHM", draft.algorithm(half))
            .env("SALLYPORT_SIGN_KEY_ID", draft.key_id(half))
            .env("SALLYPORT_SIGN_AUTHORITY", draft.authority())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(unusable)?;
        let printed = child.stdout.take().map(printed);
        if let Some(mut input) = child.stdin.take() {
            match input.write_all(draft.input(half).as_bytes()) {
                // A program that does not read what it signs has printed something else.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(unusable(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let slow = || SignerFault::Slow {
            program: self.program.clone(),
            seconds: self.limit.as_secs(),
        };
        let status = self.wait(&mut child, begun).map_err(unusable)?;
        let Some(status) = status else {
            return Err(slow());
        };
        if !status.success() {
            return Err(SignerFault::Failed {
                program: self.program.clone(),
                half,
                status,
            });
        }
        // The program has ended; what it started may still hold its output.
        let left = self.limit.saturating_sub(begun.elapsed());
        let text = match printed.map(|printed| printed.recv_timeout(left)) {
            Some(Ok(Ok(text))) => text,
            Some(Err(RecvTimeoutError::Timeout)) => return Err(slow()),
            Some(Ok(Err(_)) | Err(RecvTimeoutError::Disconnected)) | None => String::new(),
        };
        decode(text.trim_ascii()).ok_or_else(|| SignerFault::Output {
            program: self.program.clone(),
            half,
        })
    }

    /// How it ended; none if it was ended because it took too long.
    fn wait(&self, child: &mut Child, begun: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if begun.elapsed() > self.limit {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// What a program prints until its output ends, which may be never.
fn printed(output: ChildStdout) -> Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(MAXIMUM_BYTES).read_to_string(&mut text);
        // Nobody waits any more where this fails.
        let _ = sender.send(read.map(|_| text));
    });
    receiver
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // `base64` of the usual tools breaks lines.
    let line: String = text.split_ascii_whitespace().collect();
    let alphabets = [
        Base64::decode_vec,
        Base64Unpadded::decode_vec,
        Base64Url::decode_vec,
        Base64UrlUnpadded::decode_vec,
    ];
    let mut decoded = alphabets.iter().flat_map(|decode| decode(&line));
    decoded.next().filter(|bytes| !bytes.is_empty())
}

/// Somebody may have to touch a key or approve.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);
/// The longest signature has 4627 bytes.
const MAXIMUM_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use sallyport_credentials::issue::{AuthorityKey, RsaBits, SigningKeys, SigningOptions};
    use sallyport_credentials::signing::{Purpose, Subject};
    use sallyport_engine::policy::raw::AlternativeAlgorithm;

    use super::*;

    #[test]
    #[cfg(unix)]
    fn does_not_wait_for_what_a_program_left_behind() {
        let keys = SigningKeys::generate(&SigningOptions {
            name: "release".to_owned(),
            key: AuthorityKey::EcdsaP256,
            rsa_bits: RsaBits::Bits2048,
            algorithm: AlternativeAlgorithm::MlDsa65,
        });
        let keys = keys.unwrap();
        let subjects = [Subject::of("bundle", b"")];
        let at = "2026-11-21T08:00:00Z";
        let draft = Draft::new(keys.authority(), Purpose::Bundle, &subjects, at).unwrap();
        let signer = ExternalSigner {
            program: "sh".to_owned(),
            // The program ends at once; what it started holds its output.
            arguments: vec![
                "-c".to_owned(),
                "cat >/dev/null; sleep 9 & echo AAAA".to_owned(),
            ],
            limit: Duration::from_millis(500),
        };
        let begun = Instant::now();
        let fault = signer.sign(&draft, Half::Classical).unwrap_err();
        assert!(matches!(fault, SignerFault::Slow { .. }), "{fault}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn reads_base64_of_every_tool() {
        for text in ["+/8=", "+/8", "-_8=", "-_8", "+/\n8="] {
            assert_eq!(decode(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["", "signed", "+_8=", "{}", "+/9="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn splits_a_command_at_spaces() {
        let signer = ExternalSigner::new(" sign  --key 7 ").unwrap();
        assert_eq!(
            (signer.program, signer.arguments.len()),
            ("sign".to_owned(), 2)
        );
        assert!(matches!(ExternalSigner::new("  "), Err(SignerFault::Empty)));
    }
}

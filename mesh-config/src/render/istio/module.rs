//! The wasm module, pinned: nobody can put another one in its place unnoticed.

use std::fmt;

/// A module and the digest that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    url: String,
    sha256: String,
    source: Source,
}

/// Where a module comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A file in the proxy's file system. Envoy does not compare its digest.
    File,
    /// An image; the digest is the image's.
    Image,
    /// A server; the digest is the module's.
    Server,
}

/// Why a module cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidModule {
    /// Another scheme.
    #[error("the module is no URL of `file://`, `oci://` or `https://`")]
    Scheme,
    /// White space, control characters, or nothing.
    #[error("the URL of the module holds characters that no URL has, or nothing")]
    Characters,
    /// A path that is not absolute, or has dot segments.
    #[error(
        "the path of a `file://` module is absolute, without `..`: `file:///etc/sallyport.wasm`"
    )]
    Path,
    /// No digest.
    #[error("the module is not pinned: give its SHA-256 with `--module-sha256`")]
    Unpinned,
    /// An image without a digest in its reference.
    #[error("the image is not pinned: write `oci://registry/name@sha256:<digest of the image>`")]
    ImageUnpinned,
    /// The digest is none.
    #[error("a SHA-256 is 64 hexadecimal digits")]
    Digest,
    /// Both digests are given and differ.
    #[error(
        "`--module-sha256` is not the digest of the image reference, which is what Istio compares"
    )]
    DigestsDiffer,
}

impl Module {
    /// A module by its URL and SHA-256, in hexadecimal. For an image the reference has the digest.
    ///
    /// # Errors
    /// When it is not pinned, or the URL is none.
    pub fn new(url: &str, sha256: Option<&str>) -> Result<Self, InvalidModule> {
        let (source, rest) = if let Some(rest) = url.strip_prefix("file://") {
            (Source::File, rest)
        } else if let Some(rest) = url.strip_prefix("oci://") {
            (Source::Image, rest)
        } else if let Some(rest) = url.strip_prefix("https://") {
            (Source::Server, rest)
        } else {
            return Err(InvalidModule::Scheme);
        };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'`<>\\^{}|".contains(&byte);
        if rest.is_empty() || !rest.bytes().all(is_plain) {
            return Err(InvalidModule::Characters);
        }
        if source == Source::File
            && (!rest.starts_with('/') || rest.split('/').any(|it| it == ".."))
        {
            return Err(InvalidModule::Path);
        }
        if source != Source::File && rest.starts_with('/') {
            return Err(InvalidModule::Characters);
        }
        let given = sha256.map(digest).transpose()?;
        let sha256 = if source == Source::Image {
            let (_, pinned) = rest
                .split_once("@sha256:")
                .ok_or(InvalidModule::ImageUnpinned)?;
            let pinned = digest(pinned)?;
            if given.is_some_and(|given| given != pinned) {
                return Err(InvalidModule::DigestsDiffer);
            }
            pinned
        } else {
            given.ok_or(InvalidModule::Unpinned)?
        };
        Ok(Self {
            url: url.to_owned(),
            sha256,
            source,
        })
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The digest that Istio compares, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The path in the proxy's file system, of a file.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.url.strip_prefix("file://")
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn digest(text: &str) -> Result<String, InvalidModule> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(InvalidModule::Digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

    #[test]
    fn accepts_pinned_modules_only() {
        let image = format!("oci://registry.example/sallyport@sha256:{A}");
        let cases = [
            ("file:///etc/sallyport.wasm", Some(A), Ok(A.to_owned())),
            ("https://host.example/m.wasm", Some(B), Ok(B.to_lowercase())),
            (&image, None, Ok(A.to_owned())),
            (&image, Some(A), Ok(A.to_owned())),
            (&image, Some(B), Err(InvalidModule::DigestsDiffer)),
            (
                "oci://registry.example/sallyport:1",
                Some(A),
                Err(InvalidModule::ImageUnpinned),
            ),
            (
                "oci://registry.example/x@sha256:12",
                None,
                Err(InvalidModule::Digest),
            ),
            (
                "file:///etc/sallyport.wasm",
                None,
                Err(InvalidModule::Unpinned),
            ),
            (
                "file://etc/sallyport.wasm",
                Some(A),
                Err(InvalidModule::Path),
            ),
            ("file:///etc/../m.wasm", Some(A), Err(InvalidModule::Path)),
            (
                "https://host.example/m.wasm",
                None,
                Err(InvalidModule::Unpinned),
            ),
            (
                "https://host.example/m.wasm",
                Some("12"),
                Err(InvalidModule::Digest),
            ),
            (
                "http://host.example/m.wasm",
                Some(A),
                Err(InvalidModule::Scheme),
            ),
            ("/etc/sallyport.wasm", Some(A), Err(InvalidModule::Scheme)),
            ("https://", Some(A), Err(InvalidModule::Characters)),
            ("https:///m.wasm", Some(A), Err(InvalidModule::Characters)),
            (
                "https://host.example/m\nx: y",
                Some(A),
                Err(InvalidModule::Characters),
            ),
        ];
        for (url, sha256, expected) in cases {
            let module = Module::new(url, sha256).map(|module| module.sha256);
            assert_eq!(module, expected, "{url}");
        }
    }
}

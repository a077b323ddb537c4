//! Who may sign documents: a JWK Set (RFC 7517) of one classical and one ML-DSA key, with a `name`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Half;
use crate::jwk::{self, InvalidJwk, Jwk};
use crate::public_key::PublicKey;
use crate::strict_json;

/// The public keys of one authority.
pub struct SigningAuthority {
    name: Arc<str>,
    classical: PinnedKey,
    alternative: PinnedKey,
}

/// The authorities whose signatures count. No key, key id or name stands twice.
#[derive(Default)]
pub struct SigningAuthorities(Vec<SigningAuthority>);

/// A key with what a signature must say of it.
pub(super) struct PinnedKey {
    pub(super) jwk: Jwk,
    pub(super) kid: String,
    pub(super) algorithm: String,
}

/// Why a text is no authority, or cannot stand beside the others. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSigningAuthority {
    /// Not a JWK Set of public keys.
    #[error("is no JWK Set of public keys: {0}")]
    Jwks(#[from] InvalidJwk),
    /// No `name`, or one that is no DNS label.
    #[error("has no `name` that is a DNS label")]
    Name,
    /// Not exactly one classical key and one ML-DSA key.
    #[error("does not have one RSA or EC key and one AKP key, and nothing else")]
    Keys,
    /// A key without `kid` or `alg`.
    #[error("has a key without `kid` or `alg`, which signatures are compared with")]
    Incomplete,
    /// An algorithm that documents are not signed with.
    #[error(
        "has a key for `{0}`; use PS256, PS384, PS512, ES256 or ES384, and ML-DSA-65 or ML-DSA-87"
    )]
    Algorithm(String),
    /// A name, key id or key of another authority.
    #[error("has the name or a key of another authority that is given")]
    Taken,
}

const CLASSICAL: [&str; 5] = ["PS256", "PS384", "PS512", "ES256", "ES384"];
const ALTERNATIVE: [&str; 2] = ["ML-DSA-65", "ML-DSA-87"];
const MAXIMUM_NAME_BYTES: usize = 63;

/// What stands beside `keys`.
#[derive(Deserialize)]
struct Named {
    name: String,
}

// === impl SigningAuthority ===

impl SigningAuthority {
    /// Reads a JWK Set.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningAuthority`].
    pub fn read(text: &[u8]) -> Result<Self, InvalidSigningAuthority> {
        let keys = jwk::read(text)?;
        let named: Named = strict_json::read(text).map_err(|_| InvalidSigningAuthority::Name)?;
        Self::new(&named.name, keys)
    }

    /// Makes one of its keys, in any order.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningAuthority`].
    pub fn new(name: &str, keys: Vec<Jwk>) -> Result<Self, InvalidSigningAuthority> {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_label = (1..=MAXIMUM_NAME_BYTES).contains(&name.len())
            && name.bytes().all(plain)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if !is_label {
            return Err(InvalidSigningAuthority::Name);
        }
        let keys = <[Jwk; 2]>::try_from(keys).map_err(|_| InvalidSigningAuthority::Keys)?;
        let [one, other] = keys.map(PinnedKey::new);
        let (one, other) = (one?, other?);
        let (classical, alternative) = match (one.half()?, other.half()?) {
            (Half::Classical, Half::Alternative) => (one, other),
            (Half::Alternative, Half::Classical) => (other, one),
            (Half::Classical, Half::Classical) | (Half::Alternative, Half::Alternative) => {
                return Err(InvalidSigningAuthority::Keys);
            }
        };
        if classical.kid == alternative.kid {
            return Err(InvalidSigningAuthority::Incomplete);
        }
        Ok(Self {
            name: name.into(),
            classical,
            alternative,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `SubjectPublicKeyInfo` of one of its keys.
    #[must_use]
    pub fn public_key(&self, half: Half) -> &[u8] {
        self.key(half).jwk.key().spki()
    }

    /// The JWK Set that [`Self::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": &*self.name,
            "keys": [self.classical.jwk.to_json(), self.alternative.jwk.to_json()],
        })
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) const fn key(&self, half: Half) -> &PinnedKey {
        match half {
            Half::Classical => &self.classical,
            Half::Alternative => &self.alternative,
        }
    }

    fn shares_with(&self, other: &Self) -> bool {
        let keys = |authority: &Self| {
            [&authority.classical, &authority.alternative]
                .map(|key| (key.kid.clone(), key.jwk.key().spki().to_vec()))
        };
        let taken = keys(other);
        self.name == other.name
            || keys(self).iter().any(|key| {
                taken
                    .iter()
                    .any(|other| key.0 == other.0 || key.1 == other.1)
            })
    }
}

// === impl SigningAuthorities ===

impl SigningAuthorities {
    /// Pins these authorities.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningAuthority::Taken`], with the number of the one that clashes with an earlier one.
    pub fn new(
        authorities: Vec<SigningAuthority>,
    ) -> Result<Self, (usize, InvalidSigningAuthority)> {
        for (index, authority) in authorities.iter().enumerate() {
            let mut earlier = authorities.iter().take(index);
            if earlier.any(|earlier| authority.shares_with(earlier)) {
                return Err((index, InvalidSigningAuthority::Taken));
            }
        }
        Ok(Self(authorities))
    }

    /// The authority with this key, and which of its keys that is.
    pub(super) fn by_key(&self, kid: &str) -> Option<(&SigningAuthority, Half)> {
        self.0.iter().find_map(|authority| {
            [Half::Classical, Half::Alternative]
                .into_iter()
                .find(|half| authority.key(*half).kid == kid)
                .map(|half| (authority, half))
        })
    }
}

// === impl PinnedKey ===

impl PinnedKey {
    fn new(jwk: Jwk) -> Result<Self, InvalidSigningAuthority> {
        let (Some(kid), Some(algorithm)) = (jwk.kid(), jwk.algorithm()) else {
            return Err(InvalidSigningAuthority::Incomplete);
        };
        Ok(Self {
            kid: kid.to_owned(),
            algorithm: algorithm.to_owned(),
            jwk,
        })
    }

    fn half(&self) -> Result<Half, InvalidSigningAuthority> {
        if CLASSICAL.contains(&self.algorithm.as_str()) {
            Ok(Half::Classical)
        } else if ALTERNATIVE.contains(&self.algorithm.as_str()) {
            Ok(Half::Alternative)
        } else {
            Err(InvalidSigningAuthority::Algorithm(self.algorithm.clone()))
        }
    }
}

impl SigningAuthority {
    /// Makes one of two public keys: key ids are thumbprints (RFC 7638), an RSA key signs PS256, an
    /// EC key with the hash of its curve.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningAuthority`].
    pub fn of_keys(name: &str, keys: [PublicKey; 2]) -> Result<Self, InvalidSigningAuthority> {
        let jwk = |key: PublicKey| {
            let algorithm = match key.name().as_str() {
                "P-256" => "ES256".to_owned(),
                "P-384" => "ES384".to_owned(),
                name if name.starts_with("RSA") => "PS256".to_owned(),
                name => name.to_owned(),
            };
            let kid = jwk::thumbprint(&key);
            Jwk::new(key, Some(kid), Some(algorithm))
        };
        Self::new(name, keys.map(jwk).into())
    }
}

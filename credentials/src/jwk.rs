//! Public keys as JSON: JWK and JWK Set (RFC 7517), RSA and EC (RFC 7518, section 6), AKP with
//! ML-DSA (RFC 9964), thumbprints (RFC 7638).
//!
//! Strict where the standards leave it to the reader: one bad key refuses the whole set, members
//! that stand twice do, and so do private members, since a file with one is no public key.
//! Certificates in a key (`x5c`, ..) are not looked at: the key is what its own members say.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64UrlUnpadded, Encoding};
use sallyport_engine::policy::raw::AlternativeAlgorithm;
use serde_json::{Map, Value, json};

use crate::alternative::{self, jose_name};
use crate::classical::{ClassicalKey, Curve, EC_P256, EC_P384, RSA_ENCRYPTION};
use crate::der;
use crate::json::check_object;
use crate::public_key::{InvalidPublicKey, KeyKind, PublicKey};

/// A public key with what its JWK says about it.
pub struct Jwk {
    key: PublicKey,
    kid: Option<String>,
    algorithm: Option<String>,
}

/// A text that is no public JWK or JWK Set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{cause}", place(.path))]
pub struct InvalidJwk {
    /// Where: `keys[1].pub`; empty for the whole text.
    pub path: String,
    /// What.
    pub cause: InvalidJwkCause,
}

/// What is wrong with a JWK. One variant for each rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwkCause {
    /// More than [`MAXIMUM_BYTES`].
    #[error("is longer than 256 KiB")]
    TooLong,
    /// Not one JSON object, nested too deep, or a member stands twice (RFC 7517, section 4).
    #[error("is not one JSON object whose members are unique")]
    Json,
    /// No keys, or more than [`MAXIMUM_KEYS`].
    #[error("has no keys, or more than 64")]
    Count,
    /// A set that is a key as well (RFC 7517, sections 4 and 5).
    #[error("stands beside `keys`, so that the text is a key and a set; give one of them")]
    KeyAndSet,
    /// A member that must be there is not.
    #[error("is missing")]
    Missing,
    /// A member of another type.
    #[error("is not of the type that this member has")]
    Type,
    /// A member of a private or symmetric key.
    #[error(
        "is part of a private or symmetric key; give the public half alone, and replace the key if the file was shared"
    )]
    Private,
    /// A key type that nothing here verifies with.
    #[error("is no key type that is read here; use `AKP`, `RSA` or `EC`")]
    KeyType,
    /// A curve that nothing here verifies with.
    #[error("is no curve that is read here; use `P-256` or `P-384`")]
    Curve,
    /// An algorithm that the key has not.
    #[error("is not an algorithm of this key; use one of: {0}")]
    Algorithm(&'static str),
    /// `use` other than `sig` (RFC 7517, section 4.2).
    #[error("is not `sig`, so the key does not verify signatures")]
    Use,
    /// `key_ops` other than `verify` (RFC 7517, section 4.3).
    #[error("is not [\"verify\"], so the key does not only verify signatures")]
    Operations,
    /// Empty, or longer than 256 bytes.
    #[error("is empty or longer than 256 bytes")]
    KeyId,
    /// Two keys of a set have the same id.
    #[error("is the id of an earlier key as well")]
    KeyIdTaken,
    /// Not base64url without padding (RFC 7515, section 2).
    #[error("is not canonical base64url without padding")]
    Base64,
    /// Another length than the key type asks for.
    #[error("has {found} bytes instead of {expected}")]
    Length {
        /// In bytes.
        expected: usize,
        /// In bytes.
        found: usize,
    },
    /// A number with leading zeros (RFC 7518, section 2).
    #[error("is no number above zero without leading zeros")]
    Number,
    /// The members are well-formed, and their key is not.
    #[error("{0}")]
    Key(#[from] InvalidPublicKey),
}

/// The longest text, in bytes.
pub const MAXIMUM_BYTES: usize = 256 * 1024;
/// The most keys in a set.
pub const MAXIMUM_KEYS: usize = 64;

const MAXIMUM_KEY_ID_BYTES: usize = 256;
const MAXIMUM_RSA_BITS: usize = 4096;
/// Members of RFC 7518, sections 6.2.2, 6.3.2 and 6.4, and of RFC 9964.
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const UNCOMPRESSED_POINT: u8 = 0x04;

type Members = Map<String, Value>;

/// The keys of a JWK or a JWK Set, at least one.
///
/// # Errors
///
/// [`InvalidJwk`] for the first thing that is wrong.
pub fn read(text: &[u8]) -> Result<Vec<Jwk>, InvalidJwk> {
    let whole = |cause| InvalidJwk {
        path: String::new(),
        cause,
    };
    if text.len() > MAXIMUM_BYTES {
        return Err(whole(InvalidJwkCause::TooLong));
    }
    check_object(text).map_err(|_| whole(InvalidJwkCause::Json))?;
    let mut members: Members =
        serde_json::from_slice(text).map_err(|_| whole(InvalidJwkCause::Json))?;
    let Some(keys) = members.remove("keys") else {
        return Ok(vec![Jwk::read(&members, "")?]);
    };
    check_public(&members, "")?;
    if members.contains_key("kty") {
        return Err(at("kty", InvalidJwkCause::KeyAndSet));
    }
    let Value::Array(keys) = keys else {
        return Err(at("keys", InvalidJwkCause::Type));
    };
    if keys.is_empty() || keys.len() > MAXIMUM_KEYS {
        return Err(at("keys", InvalidJwkCause::Count));
    }
    read_set(&keys)
}

fn read_set(keys: &[Value]) -> Result<Vec<Jwk>, InvalidJwk> {
    let mut ids = BTreeSet::new();
    let mut read = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let path = format!("keys[{index}]");
        let Value::Object(members) = key else {
            return Err(at(&path, InvalidJwkCause::Type));
        };
        let key = Jwk::read(members, &path)?;
        if let Some(kid) = &key.kid
            && !ids.insert(kid.clone())
        {
            return Err(at(&join(&path, "kid"), InvalidJwkCause::KeyIdTaken));
        }
        read.push(key);
    }
    Ok(read)
}

// === impl Jwk ===

impl Jwk {
    /// A key under an id.
    #[must_use]
    pub const fn new(key: PublicKey, kid: Option<String>, algorithm: Option<String>) -> Self {
        Self {
            key,
            kid,
            algorithm,
        }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Its `alg`; an AKP key always has one.
    #[must_use]
    pub fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref()
    }

    /// The JWK: the members of the key, `kid`, `alg` and `use`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = required_members(&self.key);
        members.insert("use", "sig".to_owned());
        for (name, value) in [("kid", &self.kid), ("alg", &self.algorithm)] {
            if let Some(value) = value {
                members.insert(name, value.clone());
            }
        }
        json!(members)
    }

    /// Its thumbprint with SHA-256, in base64url (RFC 7638, section 3; of an AKP key over `alg`,
    /// `kty` and `pub`).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.key)
    }

    fn read(members: &Members, path: &str) -> Result<Self, InvalidJwk> {
        check_public(members, path)?;
        let kid = optional(members, path, "kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAXIMUM_KEY_ID_BYTES) {
            return Err(at(&join(path, "kid"), InvalidJwkCause::KeyId));
        }
        check_use(members, path)?;
        let algorithm = optional(members, path, "alg")?;
        let (spki, algorithms) = match required(members, path, "kty")? {
            "AKP" => akp(members, path)?,
            "RSA" => rsa(members, path)?,
            "EC" => elliptic(members, path)?,
            _ => return Err(at(&join(path, "kty"), InvalidJwkCause::KeyType)),
        };
        if let Some(algorithm) = algorithm
            && !algorithms.split(' ').any(|possible| possible == algorithm)
        {
            let cause = InvalidJwkCause::Algorithm(algorithms);
            return Err(at(&join(path, "alg"), cause));
        }
        let key = PublicKey::from_spki_up_to(MAXIMUM_RSA_BITS, &spki)
            .map_err(|cause| at(path, cause.into()))?;
        Ok(Self {
            key,
            kid: kid.map(str::to_owned),
            algorithm: algorithm.map(str::to_owned),
        })
    }
}

/// The thumbprint of a key, as of [`Jwk::thumbprint`].
#[must_use]
pub fn thumbprint(key: &PublicKey) -> String {
    // INVARIANT: base64url and names need no escapes, so this is the JSON of section 3.3.
    let members: Vec<String> = required_members(key)
        .iter()
        .map(|(name, value)| format!("\"{name}\":\"{value}\""))
        .collect();
    let text = format!("{{{}}}", members.join(","));
    Base64UrlUnpadded::encode_string(&crate::sha256(text.as_bytes()))
}

/// The members without which there is no key, in the order of their names (RFC 7638, section 3).
fn required_members(key: &PublicKey) -> BTreeMap<&'static str, String> {
    let encode = Base64UrlUnpadded::encode_string;
    match &key.kind {
        KeyKind::MlDsa(key) => BTreeMap::from([
            ("kty", "AKP".to_owned()),
            ("alg", jose_name(key.algorithm()).to_owned()),
            ("pub", encode(key.as_bytes())),
        ]),
        KeyKind::Classical(ClassicalKey::Rsa(key)) => BTreeMap::from([
            ("kty", "RSA".to_owned()),
            ("n", encode(key.modulus())),
            ("e", encode(key.exponent())),
        ]),
        KeyKind::Classical(ClassicalKey::Ecdsa(key)) => {
            let coordinates = key.point().get(1..).unwrap_or_default();
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let curve = match key.curve() {
                Curve::P256 => "P-256",
                Curve::P384 => "P-384",
            };
            BTreeMap::from([
                ("kty", "EC".to_owned()),
                ("crv", curve.to_owned()),
                ("x", encode(x)),
                ("y", encode(y)),
            ])
        }
    }
}

/// The `SubjectPublicKeyInfo` of an AKP key, and the algorithms that it may name.
fn akp(members: &Members, path: &str) -> Result<(Vec<u8>, &'static str), InvalidJwk> {
    let (algorithm, name, length) = match required(members, path, "alg")? {
        "ML-DSA-44" => (AlternativeAlgorithm::MlDsa44, "ML-DSA-44", 1312),
        "ML-DSA-65" => (AlternativeAlgorithm::MlDsa65, "ML-DSA-65", 1952),
        "ML-DSA-87" => (AlternativeAlgorithm::MlDsa87, "ML-DSA-87", 2592),
        _ => {
            let cause = InvalidJwkCause::Algorithm("ML-DSA-44 ML-DSA-65 ML-DSA-87");
            return Err(at(&join(path, "alg"), cause));
        }
    };
    let key = exactly(members, path, "pub", length)?;
    Ok((alternative::spki(algorithm, &key), name))
}

fn rsa(members: &Members, path: &str) -> Result<(Vec<u8>, &'static str), InvalidJwk> {
    let mut numbers = Vec::new();
    for name in ["n", "e"] {
        let number = bytes(members, path, name)?;
        let sign: &[u8] = match number.first() {
            None | Some(0) => return Err(at(&join(path, name), InvalidJwkCause::Number)),
            Some(0x01..=0x7f) => &[],
            Some(0x80..=0xff) => &[0],
        };
        numbers.push(der::wrap(der::INTEGER, &[sign, &number]));
    }
    let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
    let key = der::wrap(der::SEQUENCE, &numbers);
    Ok((spki(RSA_ENCRYPTION, &key), crate::jws::RSA_ALGORITHMS))
}

fn elliptic(members: &Members, path: &str) -> Result<(Vec<u8>, &'static str), InvalidJwk> {
    let (identifier, algorithm, length) = match required(members, path, "crv")? {
        "P-256" => (EC_P256, "ES256", 32),
        "P-384" => (EC_P384, "ES384", 48),
        _ => return Err(at(&join(path, "crv"), InvalidJwkCause::Curve)),
    };
    let mut point = vec![UNCOMPRESSED_POINT];
    for name in ["x", "y"] {
        point.extend(exactly(members, path, name, length)?);
    }
    Ok((spki(identifier, &point), algorithm))
}

fn spki(identifier: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = der::wrap(der::BIT_STRING, &[&[0], key]);
    der::wrap(der::SEQUENCE, &[identifier, &bits])
}

fn check_public(members: &Members, path: &str) -> Result<(), InvalidJwk> {
    match PRIVATE_MEMBERS
        .iter()
        .find(|name| members.contains_key(**name))
    {
        Some(private) => Err(at(&join(path, private), InvalidJwkCause::Private)),
        None => Ok(()),
    }
}

fn check_use(members: &Members, path: &str) -> Result<(), InvalidJwk> {
    if !matches!(optional(members, path, "use")?, None | Some("sig")) {
        return Err(at(&join(path, "use"), InvalidJwkCause::Use));
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(operations) if *operations == json!(["verify"]) => Ok(()),
        Some(_) => Err(at(&join(path, "key_ops"), InvalidJwkCause::Operations)),
    }
}

fn exactly(
    members: &Members,
    path: &str,
    name: &str,
    expected: usize,
) -> Result<Vec<u8>, InvalidJwk> {
    let bytes = bytes(members, path, name)?;
    if bytes.len() == expected {
        return Ok(bytes);
    }
    let found = bytes.len();
    let cause = InvalidJwkCause::Length { expected, found };
    Err(at(&join(path, name), cause))
}

fn bytes(members: &Members, path: &str, name: &str) -> Result<Vec<u8>, InvalidJwk> {
    Base64UrlUnpadded::decode_vec(required(members, path, name)?)
        .map_err(|_| at(&join(path, name), InvalidJwkCause::Base64))
}

fn required<'a>(members: &'a Members, path: &str, name: &str) -> Result<&'a str, InvalidJwk> {
    optional(members, path, name)?.ok_or_else(|| at(&join(path, name), InvalidJwkCause::Missing))
}

fn optional<'a>(
    members: &'a Members,
    path: &str,
    name: &str,
) -> Result<Option<&'a str>, InvalidJwk> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(at(&join(path, name), InvalidJwkCause::Type)),
    }
}

fn at(path: &str, cause: InvalidJwkCause) -> InvalidJwk {
    InvalidJwk {
        path: path.to_owned(),
        cause,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("`{path}` ")
    }
}

#[cfg(test)]
mod tests;

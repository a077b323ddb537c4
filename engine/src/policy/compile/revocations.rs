//! Revocations and floors.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::errors::Errors;
use super::limits::{MAXIMUM_FLOORS, MAXIMUM_REVOCATIONS, MAXIMUM_SERIAL_BYTES, MAXIMUM_TOKEN_ID};
use crate::facts::CredentialNumber;
use crate::hexadecimal;
use crate::identity::SpiffeId;
use crate::policy::revocation::Revocations;
use crate::policy::{PolicyErrorCause as Cause, raw};
use crate::time::TimeMs;

#[inline(never)]
pub(super) fn revocations(spec: &raw::Spec, errors: &mut Errors) -> Revocations {
    let mut compiled = Revocations::default();
    if let Some(entries) = &spec.revocations {
        errors.count("spec.revocations", entries.len(), MAXIMUM_REVOCATIONS);
        for (number, entry) in entries.iter().take(MAXIMUM_REVOCATIONS).enumerate() {
            let path = format!("spec.revocations[{number}]");
            revoke(entry, &path, spec, &mut compiled, errors);
        }
    }
    if let Some(entries) = &spec.not_before_floors {
        errors.count("spec.notBeforeFloors", entries.len(), MAXIMUM_FLOORS);
        for (number, entry) in entries.iter().take(MAXIMUM_FLOORS).enumerate() {
            let path = format!("spec.notBeforeFloors[{number}]");
            raise(entry, &path, spec, &mut compiled, errors);
        }
    }
    compiled
}

fn revoke(
    entry: &raw::Revocation,
    path: &str,
    spec: &raw::Spec,
    compiled: &mut Revocations,
    errors: &mut Errors,
) {
    use raw::Revocation;
    let is_new = match entry {
        Revocation::Certificate(text) => errors
            .keep(&format!("{path}.certificate"), digest(text))
            .map(|digest| compiled.certificates.insert(digest)),
        Revocation::Key(text) => errors
            .keep(&format!("{path}.key"), digest(text))
            .map(|digest| compiled.keys.insert(digest)),
        Revocation::Identity(text) => errors
            .keep(&format!("{path}.identity"), identity(text))
            .map(|identity| compiled.identities.insert(identity)),
        Revocation::Serial(serial) => {
            let path = format!("{path}.serial");
            let known = names(spec, Role::Certificates);
            let authority = errors.authority(&path, &serial.authority, &known);
            let number = errors.keep(&format!("{path}.number"), serial_number(&serial.number));
            authority
                .zip(number)
                .map(|(authority, number)| insert(compiled, authority, number))
        }
        Revocation::Token(token) => {
            let path = format!("{path}.token");
            let known = names(spec, Role::Tokens);
            let authority = errors.authority(&path, &token.authority, &known);
            let id = errors.keep(&format!("{path}.jti"), token_id(&token.jti));
            authority
                .zip(id)
                .map(|(authority, id)| insert(compiled, authority, id))
        }
    };
    if is_new == Some(false) {
        errors.add(path, Cause::RevokedTwice);
    }
}

fn insert(compiled: &mut Revocations, authority: String, number: CredentialNumber) -> bool {
    compiled
        .numbers
        .entry(authority)
        .or_default()
        .insert(number)
}

fn raise(
    entry: &raw::NotBeforeFloor,
    path: &str,
    spec: &raw::Spec,
    compiled: &mut Revocations,
    errors: &mut Errors,
) {
    let time = TimeMs::parse_rfc3339(&entry.not_before)
        .map_err(|_| Cause::NotATime(entry.not_before.clone()));
    let Some(time) = errors.keep(&format!("{path}.notBefore"), time) else {
        return;
    };
    let replaced = match (&entry.identity, &entry.authority) {
        (Some(text), None) => {
            let identity = errors.keep(&format!("{path}.identity"), identity(text));
            identity.and_then(|identity| compiled.identity_floors.insert(identity, time))
        }
        (None, Some(name)) => {
            let mut known = names(spec, Role::Certificates);
            known.extend(names(spec, Role::Tokens));
            let authority = errors.authority(path, name, &known);
            authority.and_then(|name| compiled.authority_floors.insert(name, time))
        }
        (Some(_), Some(_)) | (None, None) => {
            errors.add(path, Cause::FloorOfOne);
            None
        }
    };
    if replaced.is_some() {
        errors.add(path, Cause::RevokedTwice);
    }
}

#[derive(Clone, Copy)]
enum Role {
    Certificates,
    Tokens,
}

fn names(spec: &raw::Spec, role: Role) -> BTreeSet<&str> {
    let Some(authorities) = &spec.authorities else {
        return BTreeSet::new();
    };
    match role {
        Role::Certificates => {
            let entries = authorities.certificates.iter().flatten();
            entries.map(|entry| entry.name.as_str()).collect()
        }
        Role::Tokens => {
            let entries = authorities.tokens.iter().flatten();
            entries.map(|entry| entry.name.as_str()).collect()
        }
    }
}

pub(super) fn identity(text: &str) -> Result<String, Cause> {
    match text.parse::<SpiffeId>() {
        Ok(identity) => Ok(identity.as_str().to_owned()),
        Err(cause) => Err(Cause::Identity {
            text: text.to_owned(),
            cause,
        }),
    }
}

/// 64 hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<[u8; 32], Cause> {
    hexadecimal::decode_sha256(text.as_bytes()).map_err(|_| Cause::NotADigest(text.to_owned()))
}

/// As tools print it: hexadecimal digits, with colons or without.
fn serial_number(text: &str) -> Result<CredentialNumber, Cause> {
    let invalid = || Cause::NotASerial(text.to_owned());
    let digits: String = text.chars().filter(|character| *character != ':').collect();
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits
    };
    let bytes = hexadecimal::decode(padded.as_bytes()).map_err(|_| invalid())?;
    let start = bytes.iter().position(|byte| *byte != 0);
    match start.and_then(|start| bytes.get(start..)) {
        Some(number) if number.len() <= MAXIMUM_SERIAL_BYTES => {
            Ok(CredentialNumber::Serial(Arc::from(number)))
        }
        Some(_) | None => Err(invalid()),
    }
}

fn token_id(text: &str) -> Result<CredentialNumber, Cause> {
    match text.len() {
        1..=MAXIMUM_TOKEN_ID => Ok(CredentialNumber::TokenId(Arc::from(text))),
        _ => Err(Cause::NotATokenId),
    }
}

#[cfg(test)]
mod tests;

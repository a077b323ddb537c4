//! Collecting what is wrong with a document, with the checks that many of its fields share.
//!
//! Paths are written only for what is wrong: of a large document, writing all of them was a third of
//! the time that it took to compile.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Display;

use super::artifacts::Manifests;
use super::limits::{MAXIMUM_TRUST, MAXIMUM_WORKLOAD_NAMES};
use crate::identity::TrustDomain;
use crate::names::Method;
use crate::policy::Manifest;
use crate::policy::segment::SegmentId;
use crate::policy::{PolicyError, PolicyErrorCause as Cause};
use crate::text::is_control;

/// All errors found so far.
#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<PolicyError>);

impl Errors {
    #[inline(never)]
    pub(super) fn add(&mut self, path: impl Display + Copy, cause: Cause) {
        self.0.push(PolicyError {
            path: path.to_string(),
            cause,
        });
    }

    #[inline(never)]
    pub(super) fn keep<T>(
        &mut self,
        path: impl Display + Copy,
        result: Result<T, Cause>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(cause) => {
                self.add(path, cause);
                None
            }
        }
    }

    #[inline(never)]
    pub(super) fn count(&mut self, path: impl Display + Copy, count: usize, maximum: usize) {
        if count == 0 {
            self.add(path, Cause::Empty);
        } else if count > maximum {
            self.add(path, Cause::TooMany(maximum));
        }
    }

    #[inline(never)]
    pub(super) fn unique<'a>(
        &mut self,
        path: impl Display + Copy,
        names: impl Iterator<Item = &'a str>,
        member: &str,
    ) {
        // Most lists have one name.
        if names.size_hint().1.is_some_and(|names| names < 2) {
            return;
        }
        let mut seen = BTreeSet::new();
        for (number, name) in names.enumerate() {
            if !seen.insert(name) {
                self.add(
                    format_args!("{path}[{number}]{member}"),
                    Cause::Duplicate(name.to_owned()),
                );
            }
        }
    }

    /// A text that records and terminals show.
    #[inline(never)]
    pub(super) fn text(&mut self, path: impl Display + Copy, text: &str, maximum: usize) {
        if !(1..=maximum).contains(&text.len()) {
            self.add(path, Cause::TextLength(maximum));
        } else if text.chars().any(is_control) {
            self.add(path, Cause::TextControl);
        }
    }

    #[inline(never)]
    pub(super) fn label(&mut self, path: impl Display + Copy, name: &str) {
        if !is_dns_label(name) {
            self.add(path, Cause::NotALabel(name.to_owned()));
        }
    }

    #[inline(never)]
    pub(super) fn labels(&mut self, path: impl Display + Copy, names: &[String]) {
        self.count(path, names.len(), MAXIMUM_WORKLOAD_NAMES);
        self.unique(path, names.iter().map(String::as_str), "");
        for (number, name) in names.iter().enumerate() {
            self.label(format_args!("{path}[{number}]"), name);
        }
    }

    #[inline(never)]
    pub(super) fn subdomains(&mut self, path: impl Display + Copy, names: &[String]) {
        self.count(path, names.len(), MAXIMUM_WORKLOAD_NAMES);
        self.unique(path, names.iter().map(String::as_str), "");
        for (number, name) in names.iter().enumerate() {
            if name.len() > 253 || !name.split('.').all(is_dns_part) {
                self.add(
                    format_args!("{path}[{number}]"),
                    Cause::NotASubdomain(name.clone()),
                );
            }
        }
    }

    #[inline(never)]
    pub(super) fn trust(&mut self, path: impl Display + Copy, value: Option<u8>) -> Option<u8> {
        if let Some(value) = value.filter(|value| *value > MAXIMUM_TRUST) {
            self.add(path, Cause::TrustOutOfRange(value));
        }
        value
    }

    #[inline(never)]
    pub(super) fn method(&mut self, path: impl Display + Copy, name: &str) {
        if let Err(cause) = Method::parse(name.as_bytes()) {
            self.add(
                path,
                Cause::Method {
                    name: name.to_owned(),
                    cause,
                },
            );
        } else if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            self.add(path, Cause::MethodCase(name.to_owned()));
        }
    }

    #[inline(never)]
    pub(super) fn known_domain(
        &mut self,
        path: impl Display + Copy,
        name: &str,
        known: &[TrustDomain],
    ) {
        if !known.iter().any(|domain| domain.as_str() == name) {
            self.add(path, Cause::UnknownTrustDomain(name.to_owned()));
        }
    }

    /// The name of an authority, under the key `authority` of `path`.
    #[inline(never)]
    pub(super) fn authority(
        &mut self,
        path: impl Display + Copy,
        name: &str,
        known: &BTreeSet<&str>,
    ) -> Option<String> {
        self.authority_named(format_args!("{path}.authority"), name, known)
    }

    /// The name of an authority, at `path`.
    #[inline(never)]
    pub(super) fn authority_named(
        &mut self,
        path: impl Display + Copy,
        name: &str,
        known: &BTreeSet<&str>,
    ) -> Option<String> {
        if known.contains(name) {
            return Some(name.to_owned());
        }
        let similar = known.iter().find(|known| is_similar(known, name));
        self.add(
            path,
            Cause::UnknownAuthority {
                name: name.to_owned(),
                similar: similar.map(|known| (*known).to_owned()),
            },
        );
        None
    }

    /// The manifest of this name; none, without another error, if it is in error itself.
    #[inline(never)]
    pub(super) fn manifest(
        &mut self,
        path: impl Display + Copy,
        name: &str,
        known: &Manifests<'_>,
    ) -> Option<Arc<Manifest>> {
        if let Some((_, manifest)) = known.iter().find(|(known, _)| *known == name) {
            return manifest.clone();
        }
        let mut names = known.iter().map(|(name, _)| *name);
        let similar = names.find(|known| is_similar(known, name));
        self.add(
            path,
            Cause::UnknownManifest {
                name: name.to_owned(),
                similar: similar.map(str::to_owned),
            },
        );
        None
    }

    #[inline(never)]
    pub(super) fn segment(
        &mut self,
        path: impl Display + Copy,
        name: &str,
        ids: &BTreeMap<&str, SegmentId>,
    ) -> Option<SegmentId> {
        let id = ids.get(name).copied();
        if id.is_none() {
            let similar = ids.keys().find(|known| is_similar(known, name));
            let similar = similar.map(|known| (*known).to_owned());
            self.add(
                path,
                Cause::UnknownSegment {
                    name: name.to_owned(),
                    similar,
                },
            );
        }
        id
    }
}

/// RFC 1123 label, as Kubernetes uses it for namespaces and names.
fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_dns_part(name)
}

/// A part of a Kubernetes name between dots; only the whole name has a greatest length.
fn is_dns_part(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.is_empty() && name.bytes().all(allowed) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether one name looks like a slip in writing the other: the same but for case and separators, or
/// for one letter that is wrong, missing or too many.
fn is_similar(known: &str, typed: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let (known, typed) = (plain(known), plain(typed));
    let (shorter, longer) = if known.len() <= typed.len() {
        (known, typed)
    } else {
        (typed, known)
    };
    let front = shorter
        .bytes()
        .zip(longer.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let back = shorter
        .bytes()
        .rev()
        .zip(longer.bytes().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let differing = longer.len().saturating_sub(front.saturating_add(back));
    shorter == longer || (shorter.len() >= 4 && (differing <= 1 || longer.starts_with(&shorter)))
}

//! From what each identity may do to segments: those that are alike share one.

use std::collections::{BTreeMap, BTreeSet};

use super::callers::Caller;
use super::mesh::Mesh;
use super::reckoning::{Admission, Called};
use crate::finding::{Code, Finding};

/// A segment to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) trust_domains: Vec<String>,
    pub(super) namespace: String,
    /// Absent: each one.
    pub(super) accounts: Option<Vec<String>>,
    /// One of its callers, and one of its called workloads; the others are the same.
    pub(super) caller: usize,
    pub(super) called: Option<usize>,
}

/// The whole matrix: by called workload, by caller.
pub(super) struct Matrix {
    pub(super) callers: Vec<Caller>,
    pub(super) called: Vec<Called>,
    pub(super) admissions: Vec<Vec<Admission>>,
}

/// What tells an identity from others: what it may ask, and what it may be asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    asks: Vec<usize>,
    is_asked: Option<Vec<usize>>,
}

/// The members of a namespace in one trust domain, by likeness; `None`: all others.
type Groups = BTreeMap<Likeness, Vec<(Option<String>, usize)>>;

pub(super) fn segments(matrix: &Matrix, mesh: &Mesh, findings: &mut Vec<Finding>) -> Vec<Segment> {
    let numbers = Numbers::new(matrix);
    let mut by_place: BTreeMap<(String, String), Groups> = BTreeMap::new();
    for (number, caller) in matrix.callers.iter().enumerate() {
        let likeness = numbers.likeness(matrix, number, caller, mesh);
        let place = (caller.namespace.clone(), caller.trust_domain.clone());
        let groups = by_place.entry(place).or_default();
        let members = groups.entry(likeness).or_default();
        members.push((caller.account.clone(), number));
    }
    let mut names = BTreeSet::new();
    let mut segments: Vec<Segment> = Vec::new();
    for ((namespace, trust_domain), groups) in by_place {
        let is_whole = groups.len() == 1;
        for (likeness, members) in groups {
            let Some((_, caller)) = members.first() else {
                continue;
            };
            let named: Vec<String> = members
                .iter()
                .filter_map(|(name, _)| name.clone())
                .collect();
            let has_others = members.iter().any(|(name, _)| name.is_none());
            if !is_whole && has_others && numbers.is_admitted(&likeness) {
                findings.extend(others_left_out(&namespace, mesh));
            }
            let accounts = (!(is_whole && has_others)).then_some(named);
            if accounts.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let position = |called: &Called| {
                called.namespace == namespace
                    && members.iter().any(|(name, _)| *name == called.account)
            };
            let called = likeness.is_asked.as_ref();
            let called = called.and_then(|_| matrix.called.iter().position(position));
            let twin = segments.iter_mut().find(|other| {
                other.namespace == namespace
                    && other.accounts == accounts
                    && other.called == called
                    && numbers.asks(matrix, other.caller) == likeness.asks
            });
            if let Some(twin) = twin {
                twin.trust_domains.push(trust_domain.clone());
                continue;
            }
            let wanted = match accounts.as_deref() {
                None => namespace.clone(),
                Some([]) => continue,
                Some([first, ..]) => format!("{namespace}-{first}"),
            };
            segments.push(Segment {
                name: unique(&wanted, &mut names),
                trust_domains: vec![trust_domain.clone()],
                namespace: namespace.clone(),
                accounts,
                caller: *caller,
                called,
            });
        }
    }
    segments
}

fn others_left_out(namespace: &str, mesh: &Mesh) -> Option<Finding> {
    // Manifests are taken to be complete.
    let known = mesh.namespaces.get(namespace)?;
    let message = format!(
        "the policies tell service accounts of `{namespace}` apart; those that are not known here are \
         left out"
    );
    known.workloads.is_empty().then(|| {
        Finding::new(Code::ImportAccountsUnknown, "spec.segments", message)
            .with_hint("give the workloads with `--manifests`")
    })
}

/// A number for each different admission; 0 for nothing.
struct Numbers(BTreeMap<Admission, usize>);

impl Numbers {
    fn new(matrix: &Matrix) -> Self {
        let mut numbers = BTreeMap::new();
        for admission in matrix.admissions.iter().flatten() {
            if !admission.regions.is_empty() && !numbers.contains_key(admission) {
                let next = numbers.len().saturating_add(1);
                numbers.insert(admission.clone(), next);
            }
        }
        Self(numbers)
    }

    fn number(&self, admission: &Admission) -> usize {
        self.0.get(admission).copied().unwrap_or(0)
    }

    fn asks(&self, matrix: &Matrix, caller: usize) -> Vec<usize> {
        let rows = matrix.admissions.iter();
        rows.map(|row| {
            row.get(caller)
                .map_or(0, |admission| self.number(admission))
        })
        .collect()
    }

    fn likeness(&self, matrix: &Matrix, number: usize, caller: &Caller, mesh: &Mesh) -> Likeness {
        let is_own = mesh.trust_domains.contains(&caller.trust_domain);
        let mut pairs = matrix.called.iter().zip(&matrix.admissions);
        let row = pairs.find(|(called, _)| {
            is_own && called.namespace == caller.namespace && called.account == caller.account
        });
        Likeness {
            asks: self.asks(matrix, number),
            is_asked: row.map(|(_, row)| row.iter().map(|one| self.number(one)).collect()),
        }
    }

    fn is_admitted(&self, likeness: &Likeness) -> bool {
        let numbers = likeness
            .asks
            .iter()
            .chain(likeness.is_asked.iter().flatten());
        numbers.into_iter().any(|number| *number != 0)
    }
}

/// A DNS label that is not taken.
pub(super) fn unique(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let plain: String = wanted.replace('.', "-").chars().take(LONGEST).collect();
    let plain = plain.trim_end_matches('-').to_owned();
    let numbered = (2_u32..).map(|number| format!("{plain}-{number}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    let name = names.find(|name| !taken.contains(name)).unwrap_or(plain);
    taken.insert(name.clone());
    name
}

/// A label has 63 characters; the rest is for a number.
const LONGEST: usize = 56;

//! From Istio's AuthorizationPolicies to a MeshTrustPolicy.
//!
//! Istio's policies are taken apart into clauses ([`clause`]); for each caller and each called service
//! account the requests that Istio surely allows are reckoned ([`reckoning`]) as boxes of methods,
//! ports and path templates ([`region`]); identities that are alike become a segment ([`segments`]).
//!
//! INVARIANT: the result allows nothing that Istio denies. What cannot be said, or is not known, is
//! left out and reported.

mod callers;
mod clause;
mod document;
mod doubts;
mod labels;
mod losses;
mod mesh;
mod path;
mod pattern;
mod policy;
mod reckoning;
mod region;
mod segments;
mod template;
mod typed;
mod values;

use std::path::Path;

use sallyport_engine::policy::raw::PolicyDocument;

use crate::finding::{Code, Finding, Severity};
use crate::manifests::Manifests;
use crate::policy_file;
use callers::Caller;
use losses::Losses;
use mesh::Mesh;
use policy::AuthorizationPolicy;
use reckoning::{Called, Reckoning};
use segments::Matrix;

/// What the policies do not say themselves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the policy to be made.
    pub name: String,
    /// The trust domain of the mesh.
    pub trust_domain: String,
    /// Its aliases in meshConfig.
    pub trust_domain_aliases: Vec<String>,
    /// The namespace whose policies apply to the whole mesh.
    pub root_namespace: String,
    /// Whether CUSTOM policies stay applied, so that flows need not leave out what they decide on.
    pub keep_custom: bool,
    /// Whether the policy is to report only.
    pub is_shadow: bool,
}

/// A policy, and what it leaves out.
#[derive(Debug)]
pub struct Imported {
    /// The policy; none where there is nothing to import, or the result breaks a limit.
    pub document: Option<PolicyDocument>,
    /// What was left out, and what is wrong.
    pub findings: Vec<Finding>,
}

/// Turns all AuthorizationPolicies among the objects into one MeshTrustPolicy. Workloads, service
/// accounts, services and namespaces among them tell who there is.
#[must_use]
pub fn import(manifests: &Manifests, options: &Options) -> Imported {
    let mut findings = Vec::new();
    let objects = manifests.objects.iter();
    let policies: Vec<AuthorizationPolicy<'_>> = objects
        .filter(|object| policy::is_policy(object))
        .map(|object| AuthorizationPolicy::read(object, &mut findings))
        .collect();
    if policies.is_empty() {
        let message = "there is no AuthorizationPolicy of `security.istio.io` in the files";
        findings.push(Finding::new(Code::ImportNothing, "", message));
        return Imported {
            document: None,
            findings,
        };
    }
    let unclear = doubts::doubts(&manifests.objects);
    if !unclear.is_empty() {
        findings.extend(unclear);
        return Imported {
            document: None,
            findings,
        };
    }
    let mesh = Mesh::new(&manifests.objects, &policies, options);
    findings.extend(losses::about_policies(&policies, options.keep_custom));
    let reckoning = Reckoning::new(&mesh, &policies, options);
    findings.extend(losses::about_paths(&policies, reckoning.unsaid_paths()));
    findings.extend(losses::about_methods(&policies, reckoning.open_methods()));

    let mut losses = Losses::default();
    let callers = callers(&mesh);
    let called = called(&mesh);
    let rows = called.iter();
    let admissions = rows
        .map(|called| reckoning.admissions(called, &callers, &mut losses))
        .collect();
    findings.extend(losses.findings(&policies, &mesh));
    findings.extend(reckoning.unprotected(&called));
    let matrix = Matrix {
        callers,
        called,
        admissions,
    };
    let segments = segments::segments(&matrix, &mesh, &mut findings);
    findings.extend(foreign(&mesh));
    let document = document::document(options, &mesh, &segments, &matrix, &mut findings);
    let document = document
        .map_err(|error| vec![Finding::new(Code::OtherForm, "", error.to_string())])
        .and_then(checked);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    // Clauses of one rule complain about the same places.
    findings.dedup();
    match document {
        Ok(document) => Imported {
            document: Some(document),
            findings,
        },
        Err(wrong) => {
            findings.extend(wrong);
            Imported {
                document: None,
                findings,
            }
        }
    }
}

impl Imported {
    /// Whether something is wrong with the policies themselves.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let severities = self.findings.iter().map(|finding| finding.severity);
        severities.max() == Some(Severity::Error)
    }
}

/// What is written must be what `check` accepts.
fn checked(document: PolicyDocument) -> Result<PolicyDocument, Vec<Finding>> {
    let text = serde_json::to_string(&document)
        .map_err(|error| vec![Finding::new(Code::OtherForm, "", error.to_string())])?;
    policy_file::from_text(&text, Path::new(".")).map(|_| document)
}

/// Everybody who may call, as far as known.
fn callers(mesh: &Mesh) -> Vec<Caller> {
    let mut callers = Vec::new();
    for trust_domain in &mesh.trust_domains {
        for called in called(mesh) {
            callers.push(Caller {
                trust_domain: trust_domain.clone(),
                namespace: called.namespace,
                account: called.account,
            });
        }
    }
    for (trust_domain, namespace, account) in &mesh.foreign {
        callers.push(Caller {
            trust_domain: trust_domain.clone(),
            namespace: namespace.clone(),
            account: Some(account.clone()),
        });
    }
    callers
}

/// Everybody who may be called, as far as known.
fn called(mesh: &Mesh) -> Vec<Called> {
    let mut all = Vec::new();
    for (namespace, known) in &mesh.namespaces {
        let named = known.accounts.iter().cloned().map(Some);
        for account in named.chain([None]) {
            all.push(Called {
                namespace: namespace.clone(),
                account,
            });
        }
    }
    all
}

fn foreign(mesh: &Mesh) -> Option<Finding> {
    let (domain, _, _) = mesh.foreign.first()?;
    let message = format!(
        "of trust domain `{domain}` only the identities that policies name are carried over"
    );
    let hint = "if it is an alias of the mesh's own, give it with `--trust-domain-alias`";
    Some(Finding::new(Code::ImportForeign, "spec.trustDomains", message).with_hint(hint))
}

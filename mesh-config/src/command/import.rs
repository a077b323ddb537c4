//! `sallyport import`: a policy from Istio's AuthorizationPolicies.

use sallyport_engine::policy::raw::PolicyDocument;
use sallyport_mesh_config::finding::Finding;
use sallyport_mesh_config::import::{self, Options};
use sallyport_mesh_config::manifests;
use serde::Serialize;

use super::failure::Failure;
use super::writing;
use crate::args::{ImportArgs, ImportMode, Output};
use crate::exit::Exit;
use crate::terminal::{self, labelled};

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    policy: Option<&'a PolicyDocument>,
    findings: &'a [Finding],
}

pub(super) fn run(args: &ImportArgs, output: Output) -> Result<Exit, Failure> {
    let paths = [args.policies.as_slice(), &args.manifests].concat();
    let options = Options {
        name: args.name.clone(),
        trust_domain: args.trust_domain.clone(),
        trust_domain_aliases: args.trust_domain_alias.clone(),
        root_namespace: args.root_namespace.clone(),
        keep_custom: args.keep_custom,
        is_shadow: args.mode == ImportMode::Shadow,
    };
    let mut manifests = manifests::read(&paths).map_err(|wrong| Failure::files(wrong.0))?;
    manifests.place(args.namespace.as_deref());
    let imported = import::import(&manifests, &options);
    let policy = imported.document.as_ref();
    if let (Some(path), Some(policy)) = (&args.out, policy) {
        writing::write(path, lines(policy)?.as_bytes(), args.force)?;
    }
    match output {
        Output::Json => {
            let report = Report {
                policy: policy.filter(|_| args.out.is_none()),
                findings: &imported.findings,
            };
            let text = serde_json::to_string(&report).map_err(|_| Failure::Encoding("JSON"))?;
            terminal::line(text).map_err(Failure::Output)?;
        }
        Output::Text => {
            for finding in &imported.findings {
                terminal::complain(labelled(finding));
            }
            if let (None, Some(policy)) = (&args.out, policy) {
                let text = lines(policy)?;
                terminal::raw(text.as_bytes()).map_err(Failure::Output)?;
            }
        }
    }
    Ok(if imported.has_errors() {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

/// The policy as YAML, with the end of its last line.
fn lines(policy: &PolicyDocument) -> Result<String, Failure> {
    super::yaml(policy).map(|text| text.trim_end().to_owned() + "\n")
}

//! `sallyport bundle diff`.

use std::collections::BTreeMap;

use sallyport_credentials::signing::Purpose;
use sallyport_mesh_config::bundle::{Bundle, Contents, open};
use sallyport_mesh_config::diff::{Change, Effect, diff};
use sallyport_mesh_config::signing as files;

use super::{read, subject};
use crate::args::{BundleDiffArgs, Output};
use crate::command::diff::answer;
use crate::command::failure::Failure;
use crate::command::signing::{artifact_pins, pins, time};
use crate::exit::Exit;

pub(super) fn run(args: &BundleDiffArgs, output: Output) -> Result<Exit, Failure> {
    let authorities = pins(&args.pins)?;
    let now = time(args.comparison.at.as_deref())?;
    let vetters = artifact_pins(&args.artifact_pins, &args.pins.authorities)?;
    // Whoever could replace it would decide what counts as a change.
    let old = read(&args.old)?;
    files::verify_file(
        &authorities,
        Purpose::Bundle,
        &files::signature_path(&args.old),
        &subject(&old),
    )
    .map_err(|finding| Failure::files(vec![finding]))?;
    let load = |bundle: &Bundle| open(bundle, &vetters, now).map_err(Failure::files);
    let (old, new) = (load(&old)?, load(&read(&args.new)?)?);
    let mut difference = diff(&old.policy, &new.policy, now, args.comparison.limit);
    difference.parts.extend(artifacts(&old, &new));
    answer(&difference, &args.comparison, output)
}

/// What a manifest says of an artifact: its name and the rest.
type Listed = BTreeMap<(String, String), String>;

/// Artifacts that may run in one of them only, or for which something else is said.
fn artifacts(old: &Contents, new: &Contents) -> Vec<Change> {
    let (old, new) = (listed(old), listed(new));
    let change = |key: &(String, String), effect, change: String| Change {
        effect,
        part: format!("{} {}", key.0, key.1),
        change,
    };
    let mut changes = Vec::new();
    for (key, said) in &new {
        match old.get(key) {
            None => changes.push(change(key, Effect::Widening, format!("added: {said}"))),
            // A condition of the policy may ask for any of it.
            Some(before) if before != said => changes.push(change(
                key,
                Effect::Widening,
                format!("was {before}, is {said}"),
            )),
            Some(_) => {}
        }
    }
    for (key, said) in &old {
        if !new.contains_key(key) {
            changes.push(change(key, Effect::Narrowing, format!("removed: {said}")));
        }
    }
    changes
}

fn listed(contents: &Contents) -> Listed {
    let mut listed = Listed::new();
    for (manifest, _) in &contents.manifests {
        let spec = &manifest.document.spec;
        for artifact in &spec.artifacts {
            let key = (artifact.kind.as_str().to_owned(), artifact.digest.clone());
            let version = artifact.version.as_deref().unwrap_or("-");
            let stage = artifact.stage.as_deref().unwrap_or("-");
            let text = format!(
                "{} {version} {stage}, by {} until {}",
                artifact.name,
                manifest.name(),
                spec.not_after
            );
            listed.insert(key, text);
        }
    }
    listed
}

//! `sallyport bundle diff`.

use std::collections::BTreeMap;

use sallyport_mesh_config::bundle::{Contents, open};
use sallyport_mesh_config::diff::{Change, Effect, diff};

use super::read;
use crate::args::{BundleDiffArgs, Output};
use crate::command::diff::answer;
use crate::command::failure::Failure;
use crate::command::signing::{pins, time};
use crate::exit::Exit;

pub(super) fn run(args: &BundleDiffArgs, output: Output) -> Result<Exit, Failure> {
    let authorities = pins(&args.pins)?;
    let now = time(args.comparison.at.as_deref())?;
    let load = |path| open(&read(path)?, &authorities, now).map_err(Failure::files);
    let (old, new) = (load(&args.old)?, load(&args.new)?);
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

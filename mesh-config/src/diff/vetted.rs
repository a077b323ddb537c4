//! Models and images that callers of a flow are asked with: some of each manifest that it requires,
//! those first that only one of two policies has.

use std::collections::BTreeSet;

use sallyport_engine::policy::raw::{ArtifactKind, Flow, Spec};

use super::named::Running;

/// What tokens of callers of a flow say in either policy; nothing where it requires nothing.
pub(super) fn vetted(flow: &Flow, [old, new]: [&Spec; 2]) -> Vec<Running> {
    let of_kind = |kind| {
        let required = flow.requires.iter().flat_map(|requires| requires.iter());
        let mut names = required.filter(|(of, _)| *of == kind);
        let name = names.next().map(|(_, asked)| asked.manifest.as_str());
        name.map_or_else(Vec::new, |name| some(kind, name, [old, new]))
    };
    let (models, images) = (of_kind(ArtifactKind::Model), of_kind(ArtifactKind::Image));
    let (model, image) = (models.first(), images.first());
    let with_image = models.iter().map(|model| (Some(model), image));
    let with_model = images.iter().skip(1).map(|image| (model, Some(image)));
    // Without models the first image stands for itself.
    let alone = image.filter(|_| models.is_empty());
    let alone = alone.map(|image| (None, Some(image)));
    let all = alone.into_iter().chain(with_image).chain(with_model);
    all.map(|(model, image)| (model.cloned(), image.cloned()))
        .collect()
}

/// Some digests of a manifest.
fn some(kind: ArtifactKind, manifest: &str, specs: [&Spec; 2]) -> Vec<String> {
    let [before, after] = specs.map(|spec| {
        let manifests = spec.artifacts.iter();
        let manifests = manifests.flat_map(|artifacts| &artifacts.manifests);
        let named = manifests.filter(|entry| entry.name == manifest);
        let verified = named.filter_map(|entry| entry.verified.as_ref());
        let artifacts = verified.flat_map(|verified| &verified.artifacts);
        let of_kind = artifacts.filter(|artifact| artifact.kind == kind);
        of_kind
            .map(|artifact| {
                let said = (&artifact.name, &artifact.version, &artifact.stage);
                (&artifact.digest, said)
            })
            .collect::<BTreeSet<_>>()
    });
    let mut digests: Vec<String> = Vec::new();
    let differing = before.symmetric_difference(&after).take(MAXIMUM);
    let kept = before.intersection(&after).take(1);
    for (digest, _) in differing.chain(kept) {
        if !digests.contains(*digest) {
            digests.push((*digest).clone());
        }
    }
    digests
}

/// Of each kind that differ: what each of them is, is compared as a part.
const MAXIMUM: usize = 4;

//! Resources as text: YAML that readers of YAML 1.1 and 1.2 read alike, or JSON.

use serde::Serialize;

use super::resources::Resource;
use crate::render::InvalidRendering;

/// A list of resources, as `kubectl` takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: &'a [Resource],
}

/// What `kubectl apply -k` reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization {
    api_version: &'static str,
    kind: &'static str,
    resources: Vec<String>,
}

/// One document after the other.
///
/// # Errors
/// [`InvalidRendering::Unwritable`], which the types rule out.
pub fn yaml(resources: &[Resource]) -> Result<String, InvalidRendering> {
    let mut text = String::new();
    for resource in resources {
        text.push_str("---\n");
        text.push_str(&one_yaml(resource)?);
    }
    Ok(text)
}

/// A `List` of all.
///
/// # Errors
/// [`InvalidRendering::Unwritable`], which the types rule out.
pub fn json(resources: &[Resource]) -> Result<String, InvalidRendering> {
    let list = List {
        api_version: "v1",
        kind: "List",
        items: resources,
    };
    let text = serde_json::to_string_pretty(&list).map_err(|_| InvalidRendering::Unwritable)?;
    Ok(text + "\n")
}

/// A file for each resource, and `kustomization.yaml`, which lists them: names and texts.
///
/// # Errors
/// [`InvalidRendering::Unwritable`], which the types rule out.
pub fn files(resources: &[Resource]) -> Result<Vec<(String, String)>, InvalidRendering> {
    let mut files = Vec::new();
    for resource in resources {
        files.push((resource.file_name(), one_yaml(resource)?));
    }
    let kustomization = Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources: files.iter().map(|(name, _)| name.clone()).collect(),
    };
    files.push((KUSTOMIZATION.to_owned(), one_yaml(&kustomization)?));
    Ok(files)
}

fn one_yaml(value: &impl Serialize) -> Result<String, InvalidRendering> {
    let options = serde_saphyr::ser_options! {
        // Long lines stay what they are.
        prefer_block_scalars: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options)
        .map_err(|_| InvalidRendering::Unwritable)?;
    Ok(text)
}

/// The name of the file that lists the others.
pub const KUSTOMIZATION: &str = "kustomization.yaml";

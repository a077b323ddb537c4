//! Resources for Istio.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use sallyport_engine::hexadecimal;
use sallyport_mesh_config::finding::{Code, Finding};
use sallyport_mesh_config::policy_file;
use sallyport_mesh_config::render::fields::{FIRST, ModuleVersion};
use sallyport_mesh_config::render::istio::{
    InvalidModule, Module, Part, Rendering, Request, Target, document, render,
};

use super::{folder, policy, strategy};
use crate::args::{IstioArgs, Output, RenderArgs};
use crate::command::counted;
use crate::command::failure::Failure;
use crate::command::inventory;
use crate::command::module::verify;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &RenderArgs, target: Target, output: Output) -> Result<Exit, Failure> {
    let istio = &args.istio;
    let version = istio.istio_version;
    let version = version.ok_or(Failure::FlagNeeded("--istio-version"))?;
    let url = args.module.as_deref();
    let url = url.ok_or(Failure::FlagNeeded("--module"))?;
    let module = module(istio, url)?;
    let known = inventory::read(&istio.inventory)?;
    let inventory = known.inventory.ok_or(Failure::WorkloadsNeeded)?;
    let manifests = known.manifests;
    let loaded = policy(args)?;
    let without: BTreeSet<Part> = istio.without.iter().map(|part| Part::from(*part)).collect();
    let open_tcp = istio.open_tcp.iter().cloned().collect();
    let request = Request {
        policy: &loaded,
        inventory: &inventory,
        objects: &manifests.objects,
        target,
        version,
        module: &module,
        module_version: istio.module_version.unwrap_or_else(own_version),
        image_pull_secret: istio.image_pull_secret.as_deref(),
        strategy: strategy(args),
        without: &without,
        open_tcp: &open_tcp,
        connection_seconds: istio.max_connection_duration.seconds,
        root_namespace: &istio.root_namespace,
    };
    let bar = progress();
    let result = render(&request, |done, total| {
        if total > MANY {
            bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
    });
    bar.finish_and_clear();
    let rendering = result.map_err(Failure::Unrendered)?;
    write(istio, &rendering, output)?;
    for finding in &manifests.left_out {
        terminal::complain(terminal::labelled(finding));
    }
    summarise(&request, &rendering);
    Ok(Exit::Ok)
}

/// The module by its URL and digest. A file that is given is verified first, and its digest counts.
fn module(istio: &IstioArgs, url: &str) -> Result<Module, Failure> {
    let refuse =
        |code, flag, message: String| Failure::Unrendered(vec![Finding::new(code, flag, message)]);
    let unpinned =
        |error: InvalidModule| refuse(Code::ModuleUnpinned, "--module", error.to_string());
    let given = istio.module_sha256.as_deref();
    let (Some(file), Some(sbom)) = (&istio.module_file, &istio.module_sbom) else {
        return Module::new(url, given).map_err(unpinned);
    };
    let signature = istio.module_signature.as_ref();
    let (release, _) = verify(file, sbom, signature, &istio.module_authority)?;
    let sha256 = release.sha256();
    if given.is_some_and(|given| !given.eq_ignore_ascii_case(sha256)) {
        let message = "is not the digest of `--module-file`".to_owned();
        return Err(refuse(Code::ModuleDiffers, "--module-sha256", message));
    }
    if url.starts_with("oci://") {
        let message = "is an image, whose digest is not that of the module in it".to_owned();
        return Err(refuse(Code::ModuleDiffers, "--module", message));
    }
    Module::new(url, Some(sha256)).map_err(unpinned)
}

fn write(istio: &IstioArgs, rendering: &Rendering, output: Output) -> Result<(), Failure> {
    if let Some(path) = &istio.out_dir {
        return folder::write(path, &document::files(&rendering.resources)?);
    }
    let text = match output {
        Output::Text => document::yaml(&rendering.resources)?,
        Output::Json => document::json(&rendering.resources)?,
    };
    terminal::raw(text.as_bytes()).map_err(Failure::Output)
}

/// The version of the module that is built with this command.
fn own_version() -> ModuleVersion {
    // A test shows that it can be read.
    env!("CARGO_PKG_VERSION").parse().unwrap_or(FIRST)
}

/// On standard error: what was rendered, and what is not covered.
fn summarise(request: &Request<'_>, rendering: &Rendering) {
    let policy = &request.policy;
    let (name, version) = (policy.policy.name(), request.version);
    terminal::complain(format_args!(
        "policy `{name}`, sha256 {}; Istio {version}, Envoy 1.{}",
        hexadecimal::encode(&policy.sha256),
        version.envoy(),
    ));
    for namespace in &rendering.namespaces {
        terminal::complain(format_args!(
            "namespace `{}`: {}, {} bytes, policy_hash {}, sha256 {}",
            namespace.name,
            counted(namespace.workloads, "workload"),
            namespace.bytes,
            policy_file::policy_hash(&namespace.sha256),
            hexadecimal::encode(&namespace.sha256),
        ));
    }
    for remark in &rendering.remarks {
        terminal::complain(format_args!("note: {remark}"));
    }
}

/// Hidden where standard error is no terminal.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} namespaces") {
        bar.set_style(style);
    }
    bar
}

/// More namespaces than these take a moment.
const MANY: usize = 100;

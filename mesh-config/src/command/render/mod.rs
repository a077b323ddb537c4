//! `sallyport render`: resources for Istio, or the configuration of an Envoy.

mod envoy;
mod folder;
mod istio;

use sallyport_engine::policy::raw::BreakGlass;
use sallyport_engine::policy::{self};
use sallyport_mesh_config::finding::{Code, Finding, Severity};
use sallyport_mesh_config::lint;
use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use sallyport_mesh_config::render::FailStrategy;
use sallyport_mesh_config::render::istio::Target as IstioTarget;

use super::failure::Failure;
use crate::args::{BreakGlassArgs, Output, RenderArgs, Strategy, Target};
use crate::clock;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &RenderArgs, output: Output) -> Result<Exit, Failure> {
    let target = match args.target {
        Target::Envoy => return envoy::run(args, output),
        Target::Wasmplugin => IstioTarget::WasmPlugin,
        Target::Trafficextension => IstioTarget::TrafficExtension,
        Target::Envoyfilter => IstioTarget::EnvoyFilter,
    };
    istio::run(args, target, output)
}

/// The policy, with what the command line adds to it.
fn policy(args: &RenderArgs) -> Result<LoadedPolicy, Failure> {
    let path = args.policy.as_deref();
    let path = path.ok_or(Failure::FlagNeeded("--policy"))?;
    let mut loaded = super::policy::load(path, args.mesh.as_deref())?;
    if let Some(glass) = break_glass(&args.break_glass)? {
        let mut document = loaded.document;
        document.spec.break_glass = Some(glass);
        loaded = policy_file::from_document(document).map_err(Failure::Unrendered)?;
    }
    // Sidecars would deny whatever requires them.
    let manifests = lint::manifests(&loaded, clock::now()).into_iter();
    let (refused, others): (Vec<Finding>, Vec<Finding>) =
        manifests.partition(|finding| finding.severity == Severity::Error);
    if !refused.is_empty() {
        return Err(Failure::Unrendered(refused));
    }
    for finding in others {
        terminal::complain(terminal::labelled(&finding));
    }
    // One that is far ahead would open everything on a day when nobody thinks of it any more.
    match lint::break_glass(&loaded.document.spec, clock::now()) {
        Some(finding) if finding.severity == Severity::Error => {
            Err(Failure::Unrendered(vec![finding]))
        }
        finding => {
            finding
                .iter()
                .for_each(|it| terminal::complain(terminal::labelled(it)));
            Ok(loaded)
        }
    }
}

fn break_glass(args: &BreakGlassArgs) -> Result<Option<BreakGlass>, Failure> {
    let (Some(until), Some(reason)) = (&args.until, &args.reason) else {
        return Ok(None);
    };
    let (end, now) = (clock::parse(until)?, clock::now());
    // It would not open anything, which is found out late in an emergency.
    let code = if end <= now {
        Some(Code::BreakGlassOver)
    } else {
        (end.since(now) > policy::BreakGlass::MAXIMUM_MS).then_some(Code::BreakGlassTooLong)
    };
    if let Some(code) = code {
        let text = format!("`{until}` is not within the next 7 days");
        let finding = Finding {
            severity: Severity::Error,
            ..Finding::new(code, "spec.breakGlass.until", text)
        };
        return Err(Failure::Unrendered(vec![finding]));
    }
    Ok(Some(BreakGlass {
        until: clock::show(end),
        reason: reason.clone(),
        segments: (!args.segment.is_empty()).then(|| args.segment.clone()),
    }))
}

const fn strategy(args: &RenderArgs) -> FailStrategy {
    match args.fail_strategy {
        Strategy::Reload => FailStrategy::Reload,
        Strategy::Open => FailStrategy::Open,
        Strategy::Closed => FailStrategy::Closed,
    }
}

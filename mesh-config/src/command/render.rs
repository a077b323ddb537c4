//! `sallyport render`: the configuration of a proxy.

use sallyport_mesh_config::policy_file::{self, LoadedPolicy};
use sallyport_mesh_config::render::{FailStrategy, envoy};
use serde::Serialize;

use super::failure::Failure;
use crate::args::{Output, RenderArgs, Resource, Strategy, Target};
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &RenderArgs, output: Output) -> Result<Exit, Failure> {
    match args.target {
        Target::Envoy => {}
    }
    let text = match args.resource {
        Resource::Filter => {
            let (loaded, module) = inputs(args)?;
            // An entry of a list, as it stands below `http_filters`.
            encode(
                &[envoy::http_filter(&loaded, module, strategy(args))?],
                output,
            )
        }
        Resource::Ecds => {
            let (loaded, module) = inputs(args)?;
            encode(
                &envoy::ecds_resource(&loaded, module, strategy(args))?,
                output,
            )
        }
        Resource::EcdsFilter => {
            let path = args.resource_path.as_deref();
            let path = path.ok_or(Failure::FlagNeeded("--resource-path"))?;
            encode(&[envoy::ecds_filter(path)], output)
        }
        Resource::StatsTags => encode(&envoy::stats_tags(), output),
    }?;
    terminal::raw(text.as_bytes()).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn inputs(args: &RenderArgs) -> Result<(LoadedPolicy, &str), Failure> {
    let policy = args
        .policy
        .as_deref()
        .ok_or(Failure::FlagNeeded("--policy"))?;
    let module = args
        .module
        .as_deref()
        .ok_or(Failure::FlagNeeded("--module"))?;
    Ok((policy_file::load(policy)?, module))
}

const fn strategy(args: &RenderArgs) -> FailStrategy {
    match args.fail_strategy {
        Strategy::Reload => FailStrategy::Reload,
        Strategy::Open => FailStrategy::Open,
        Strategy::Closed => FailStrategy::Closed,
    }
}

fn encode(resource: &impl Serialize, output: Output) -> Result<String, Failure> {
    match output {
        Output::Text => super::yaml(resource),
        Output::Json => serde_json::to_string_pretty(resource)
            .map(|text| text + "\n")
            .map_err(|_| Failure::Encoding("JSON")),
    }
}

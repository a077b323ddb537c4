//! The configuration of an Envoy without a control plane.

use sallyport_mesh_config::policy_file::LoadedPolicy;
use sallyport_mesh_config::render::envoy;
use serde::Serialize;

use super::{policy, strategy};
use crate::args::{Output, RenderArgs, Resource};
use crate::command::failure::Failure;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(args: &RenderArgs, output: Output) -> Result<Exit, Failure> {
    let text = match args.envoy.resource {
        Resource::Filter => {
            let (loaded, module) = inputs(args)?;
            // An entry of a list, as it stands below `http_filters`.
            let filter = envoy::http_filter(&loaded, module, strategy(args))?;
            encode(&[filter], output)
        }
        Resource::Ecds => {
            let (loaded, module) = inputs(args)?;
            let resource = envoy::ecds_resource(&loaded, module, strategy(args))?;
            encode(&resource, output)
        }
        Resource::EcdsFilter => {
            let path = args.envoy.resource_path.as_deref();
            let path = path.ok_or(Failure::FlagNeeded("--resource-path"))?;
            encode(&[envoy::ecds_filter(path)], output)
        }
        Resource::StatsTags => encode(&envoy::stats_tags(), output),
    }?;
    terminal::raw(text.as_bytes()).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn inputs(args: &RenderArgs) -> Result<(LoadedPolicy, &str), Failure> {
    let loaded = policy(args)?;
    let module = args.module.as_deref();
    Ok((loaded, module.ok_or(Failure::FlagNeeded("--module"))?))
}

fn encode(resource: &impl Serialize, output: Output) -> Result<String, Failure> {
    match output {
        Output::Text => crate::command::yaml(resource),
        Output::Json => serde_json::to_string_pretty(resource)
            .map(|text| text + "\n")
            .map_err(|_| Failure::Encoding("JSON")),
    }
}

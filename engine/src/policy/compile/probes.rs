//! Health probes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ipnet::IpNet;

use super::errors::Errors;
use super::limits::{MAXIMUM_IP_BLOCKS, MAXIMUM_PROBES};
use crate::names::RequestPath;
use crate::policy::probe::Probe;
use crate::policy::{PolicyErrorCause as Cause, raw};

#[inline(never)]
pub(super) fn probes(spec: &raw::Spec, errors: &mut Errors) -> Vec<Probe> {
    let Some(probes) = &spec.probes else {
        return Vec::new();
    };
    errors.count("spec.probes", probes.len(), MAXIMUM_PROBES);
    let mut compiled = Vec::new();
    for (number, raw) in probes.iter().take(MAXIMUM_PROBES).enumerate() {
        let path = format!("spec.probes[{number}]");
        if raw.method == "*" {
            errors.add(&format!("{path}.method"), Cause::ProbeMethodStar);
        } else {
            errors.method(&format!("{path}.method"), &raw.method);
        }
        probe_path(&raw.path, &format!("{path}.path"), errors);
        if raw.port == 0 {
            errors.add(&format!("{path}.port"), Cause::PortZero);
        }
        compiled.push(Probe {
            method: raw.method.clone(),
            path: raw.path.clone(),
            port: raw.port,
            ip_blocks: ip_blocks(&raw.ip_blocks, &format!("{path}.ipBlocks"), errors),
        });
    }
    compiled
}

fn probe_path(text: &str, path: &str, errors: &mut Errors) {
    if text.contains('?') {
        errors.add(path, Cause::ProbeQuery(text.to_owned()));
    } else if let Err(cause) = RequestPath::parse(text.as_bytes()) {
        errors.add(
            path,
            Cause::ProbePath {
                path: text.to_owned(),
                cause,
            },
        );
    }
}

fn ip_blocks(texts: &[String], path: &str, errors: &mut Errors) -> Vec<IpNet> {
    errors.count(path, texts.len(), MAXIMUM_IP_BLOCKS);
    let mut blocks = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        blocks.extend(errors.keep(&format!("{path}[{number}]"), ip_block(text)));
    }
    blocks
}

fn ip_block(text: &str) -> Result<IpNet, Cause> {
    let block: IpNet = text.parse().map_err(|_| Cause::IpBlock(text.to_owned()))?;
    if block.prefix_len() == 0 {
        return Err(Cause::IpBlockEverything(text.to_owned()));
    }
    if block.trunc() != block {
        return Err(Cause::IpBlockBits(
            text.to_owned(),
            block.trunc().to_string(),
        ));
    }
    Ok(block)
}

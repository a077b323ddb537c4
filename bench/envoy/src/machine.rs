//! Where and with what was measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use sallyport_credentials::sha256;
use sallyport_engine::hexadecimal;
use serde::{Deserialize, Serialize};

use crate::error::BenchError;
use crate::stand::Programs;

/// Where and with what was measured. Turns of different environments are not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// The processor's name.
    pub(crate) processor: String,
    /// Processors that the system has.
    pub(crate) processors: usize,
    /// The kernel.
    pub(crate) kernel: String,
    /// Envoy, as it names itself.
    pub(crate) envoy: String,
    /// The load generator, as it names itself.
    pub(crate) oha: String,
    /// OPA's library.
    pub(crate) opa: String,
    /// SHA-256 of the filter.
    pub(crate) module_sha256: String,
    /// Size of the filter, in bytes.
    pub(crate) module_bytes: u64,
    /// Size of the module that does nothing, in bytes.
    pub(crate) noop_bytes: u64,
    /// Requests each second, at the constant rate.
    pub(crate) rate: u32,
    /// Seconds of a turn at the constant rate.
    pub(crate) seconds: u32,
    /// Seconds of a turn at saturation.
    pub(crate) saturated_seconds: u32,
}

impl Environment {
    /// What this machine and these programs are.
    pub(crate) fn find(
        programs: &Programs,
        [rate, seconds, saturated_seconds]: [u32; 3],
    ) -> Result<Self, BenchError> {
        let module = read(&programs.settings.wasm)?;
        let noop = read(&programs.noop)?;
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Self {
            processor: processor()?,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: version(Path::new("uname"), &["-sr"])?,
            envoy: envoy_version(&version(&programs.settings.envoy, &["--version"])?),
            oha: version(&programs.oha, &["--version"])?,
            opa: opa_version(),
            module_sha256: hexadecimal::encode(&sha256(&module)),
            module_bytes: length(&module),
            noop_bytes: length(&noop),
            rate,
            seconds,
            saturated_seconds,
        })
    }
}

/// The system's load over the last minute: programs that run or want to.
pub(crate) fn load() -> Result<f64, BenchError> {
    let path = Path::new("/proc/loadavg");
    let text = fs::read_to_string(path).map_err(BenchError::file(path))?;
    match text.split_whitespace().next().map(str::parse) {
        Some(Ok(load)) => Ok(load),
        Some(Err(_)) | None => Err(BenchError::tool(
            "/proc/loadavg",
            "there is no number in it",
        )),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BenchError> {
    fs::read(path).map_err(BenchError::file(path))
}

fn processor() -> Result<String, BenchError> {
    let path = Path::new("/proc/cpuinfo");
    let text = fs::read_to_string(path).map_err(BenchError::file(path))?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name
        .unwrap_or("unknown")
        .trim_start_matches([' ', '\t', ':']);
    Ok(name.to_owned())
}

fn version(program: &Path, arguments: &[&str]) -> Result<String, BenchError> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(BenchError::file(program))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| !line.trim().is_empty());
    Ok(line.unwrap_or("unknown").trim().to_owned())
}

/// Envoy says `version: <commit>/1.40.0/Clean/RELEASE/BoringSSL` after its path.
fn envoy_version(line: &str) -> String {
    let version = line.rsplit("version: ").next().unwrap_or(line);
    version.split('/').nth(1).unwrap_or(version).to_owned()
}

fn opa_version() -> String {
    let text = include_str!("../../opa/go.mod");
    let line = text
        .lines()
        .find(|line| line.contains("open-policy-agent/opa "));
    let version = line.and_then(|line| line.split_whitespace().last());
    version.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_versions() {
        let line = "envoy  version: abc/1.40.0/Clean/RELEASE/BoringSSL";
        assert_eq!(envoy_version(line), "1.40.0");
        assert!(opa_version().starts_with("v1."));
    }
}

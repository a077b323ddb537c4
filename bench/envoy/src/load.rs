//! Load: `oha`, at a constant rate whatever the answers, or as fast as answers come.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::BenchError;

/// The load generator.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The program.
    pub(crate) oha: PathBuf,
    /// Processors that it may use.
    pub(crate) cpus: &'static str,
    /// Sent with each request.
    pub(crate) headers: Vec<(String, String)>,
}

/// How fast requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// So many a second. Latencies count from when a request was due.
    EachSecond(u32),
    /// Each connection sends one request after the other.
    Saturating,
}

/// Who asks, where a called workload is asked directly.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    /// The file of its certificate.
    pub(crate) certificate: &'a Path,
    /// The file of its key.
    pub(crate) key: &'a Path,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Answers by status.
    pub(crate) statuses: BTreeMap<String, u64>,
    /// Answers each second.
    pub(crate) rate: f64,
    /// Median of latencies, in microseconds.
    pub(crate) p50_us: f64,
    /// 90th percentile.
    pub(crate) p90_us: f64,
    /// 99th percentile.
    pub(crate) p99_us: f64,
}

impl Load {
    /// Runs for some seconds.
    pub(crate) fn run(
        &self,
        url: &str,
        pace: Pace,
        seconds: u32,
        client: Option<&Client<'_>>,
    ) -> Result<Outcome, BenchError> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", self.cpus]).arg(&self.oha);
        command.args(["--no-tui", "--output-format", "json", "-w", "-t", "10s"]);
        command.args(["-c", CONNECTIONS, "-z", &format!("{seconds}s")]);
        if let Pace::EachSecond(rate) = pace {
            command.args(["--latency-correction", "-q", &rate.to_string()]);
        }
        if let Some(Client { certificate, key }) = client {
            command.arg("--insecure").arg("--cert").arg(certificate);
            command.arg("--key").arg(key);
        }
        for (name, value) in &self.headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        let output = command.arg(url).output();
        let output = output.map_err(BenchError::file(Path::new("taskset")))?;
        let failed = |problem: String| BenchError::tool("oha", problem);
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        parse(&output.stdout).map_err(failed)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    summary: Summary,
    latency_percentiles: Percentiles,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    requests_per_sec: f64,
}

#[derive(Deserialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

fn parse(text: &[u8]) -> Result<Outcome, String> {
    let report: Report = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if !report.error_distribution.is_empty() {
        return Err(format!("requests failed: {:?}", report.error_distribution));
    }
    Ok(Outcome {
        statuses: report.status_code_distribution,
        rate: report.summary.requests_per_sec,
        p50_us: report.latency_percentiles.p50 * 1e6,
        p90_us: report.latency_percentiles.p90 * 1e6,
        p99_us: report.latency_percentiles.p99 * 1e6,
    })
}

/// So many that a slow answer delays no other request, and so few that they are warm.
const CONNECTIONS: &str = "50";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_report() {
        let text = br#"{"summary": {"requestsPerSec": 999.5, "total": 1.0},
            "latencyPercentiles": {"p10": 0.0001, "p50": 0.0002, "p90": 0.0003, "p99": 0.001},
            "statusCodeDistribution": {"200": 1000}, "errorDistribution": {}}"#;
        let outcome = parse(text).unwrap();
        assert_eq!(outcome.statuses.get("200"), Some(&1000));
        assert!((outcome.p99_us - 1000.0).abs() < 0.001);
    }

    #[test]
    fn a_failed_request_is_an_error() {
        let text = br#"{"summary": {"requestsPerSec": 1.0}, "latencyPercentiles":
            {"p50": 0.1, "p90": 0.1, "p99": 0.1}, "statusCodeDistribution": {},
            "errorDistribution": {"connection refused": 1}}"#;
        assert!(parse(text).is_err_and(|problem| problem.contains("connection refused")));
    }
}

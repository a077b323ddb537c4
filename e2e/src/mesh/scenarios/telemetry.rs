//! What the sidecar shows of the filter: metrics for Prometheus, and access logs.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_engine::metric::{Metric, MetricKind, MetricRow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Stage, check, url};
use crate::mesh::caller::Caller;
use crate::mesh::cluster::Cluster;
use crate::mesh::error::MeshError;
use crate::mesh::program::Program;
use crate::mesh::report::Notes;
use crate::mesh::until;
use crate::settings::project_root;

/// A family of samples, as Prometheus' own parser reads it.
#[derive(Debug, Deserialize)]
struct Family {
    name: String,
    kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    labels: BTreeMap<String, String>,
    value: f64,
}

/// At the sidecar's own port and at the agent's: all metrics of docs/metrics.md and no others, and
/// they count. What tells them apart is a label where the bootstrap has `stats-tags`, and otherwise
/// the end of the name.
pub(super) fn metrics(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    traffic(stage, "registry", "/v1/models")?;
    traffic(stage, "inference", "/v1/models/one")?;
    for (pod, labels) in [("registry-0", true), ("inference-0", false)] {
        for port in PORTS {
            // A histogram is there once it has a value, and Envoy has added up those of its workers.
            let families = until("all metrics", SETTLED, || {
                let families = scraped(stage, pod, port).map_err(|error| error.to_string())?;
                let seen = documented(&families, labels).map_err(|error| error.to_string())?;
                let rows = Metric::rows();
                let mut names = rows.iter().map(|row| row.name);
                match names.find(|name| !seen.contains(name)) {
                    None => Ok(families),
                    Some(missing) => Err(format!("{pod}, port {port} does not show {missing}")),
                }
            })?;
            notes.add(&format!("{pod}:{port}"), families.len());
        }
    }
    let before = scraped(stage, "registry-0", 15090)?;
    traffic(stage, "registry", "/v1/models")?;
    let after = scraped(stage, "registry-0", 15090)?;
    let label = Some(("reason", "operation_not_allowed"));
    grew(&before, &after, "sallyport_denied", label, 2.0)?;
    grew(&before, &after, "sallyport_allowed", None, 3.0)
}

/// Three requests that pass, and two that do not.
fn traffic(stage: &Stage, to: &str, allowed: &str) -> Result<(), MeshError> {
    for (path, count, status) in [(allowed, "3", 200), ("/nobody/may", "2", 403)] {
        let called = url(&stage.mesh, to, path);
        let outcomes = Caller::new("gateway-0", &called)
            .option("count", count)
            .call(&stage.mesh)?;
        let other = outcomes
            .iter()
            .find(|outcome| outcome.status != Some(status));
        check(other.is_none(), || format!("expected {status}: {other:?}"))?;
    }
    Ok(())
}

/// Ours, of what is scraped at a port of a pod.
fn scraped(stage: &Stage, pod: &str, port: u16) -> Result<Vec<Family>, MeshError> {
    let address = format!("http://127.0.0.1:{port}/stats/prometheus");
    let outcome = Caller::new(pod, &address).once(&stage.mesh)?;
    check(outcome.status == Some(200), || {
        format!("port {port} should answer: {outcome:?}")
    })?;
    let python = project_root().join(".tools/venv/bin/python");
    let parser = project_root().join("e2e/istio/parse-metrics.py");
    let parse = Program::new(&python.to_string_lossy(), [parser.to_string_lossy()]);
    let families: Vec<Family> = parse.input(outcome.body).json()?;
    let ours = |family: &Family| family.name.starts_with("sallyport");
    Ok(families.into_iter().filter(ours).collect())
}

/// Each family is of the table, of its kind, and told apart as it says; returns the rows that are
/// there.
fn documented(families: &[Family], labels: bool) -> Result<BTreeSet<&'static str>, MeshError> {
    let rows = Metric::rows();
    let mut seen = BTreeSet::new();
    for family in families {
        let row = rows.iter().find(|row| is_of(family, row, labels));
        let row = row.ok_or_else(|| MeshError::Wrong(format!("no document knows {family:?}")))?;
        let kind = match row.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        check(family.kind == kind, || {
            format!("{} is a {}, not a {kind}", family.name, family.kind)
        })?;
        seen.insert(row.name);
    }
    Ok(seen)
}

/// Whether a family has the name of a row, and its label: as one, or at the end of the name.
fn is_of(family: &Family, row: &MetricRow, labels: bool) -> bool {
    let name = row.name.replace('.', "_");
    let Some(rest) = family.name.strip_prefix(&name) else {
        return false;
    };
    match (row.label, rest.strip_prefix('_')) {
        (Some(label), None) if labels => {
            let own = |sample: &Sample| {
                let mut names = sample.labels.keys().filter(|name| *name != "le");
                names.next().is_some_and(|name| name == label) && names.next().is_none()
            };
            rest.is_empty() && family.samples.iter().all(own)
        }
        (Some(_), Some(value)) if !labels => !value.is_empty(),
        (None, None) => rest.is_empty(),
        _ => false,
    }
}

fn grew(
    before: &[Family],
    after: &[Family],
    name: &str,
    label: Option<(&str, &str)>,
    by: f64,
) -> Result<(), MeshError> {
    let value = |families: &[Family]| -> f64 {
        let family = families.iter().filter(|family| family.name == name);
        let samples = family.flat_map(|family| &family.samples);
        let meant = samples.filter(|sample| {
            label.is_none_or(|(name, value)| sample.labels.get(name).is_some_and(|it| it == value))
        });
        meant.map(|sample| sample.value).sum()
    };
    let (before, after) = (value(before), value(after));
    check((after - before - by).abs() < 0.5, || {
        format!("{name} went from {before} to {after}, not up by {by}")
    })
}

/// With `spec.accessLog` each line of the mesh's access log says what was decided, and why.
pub(super) fn access_logs(stage: &mut Stage, notes: &mut Notes) -> Result<(), MeshError> {
    stage.deploy(&json!({"spec": {"accessLog": true}}))?;
    for (path, status, words) in [
        (
            "/v1/models",
            200,
            ["verdict=allow", "reason=-", "flow=gateway-to-registry"],
        ),
        (
            "/nobody/may",
            403,
            [
                "verdict=deny",
                "reason=operation_not_allowed",
                "state=TRUSTED",
            ],
        ),
    ] {
        let start = stage.mesh.log("registry-0")?.len();
        let called = url(&stage.mesh, "registry", path);
        Caller::new("gateway-0", &called).once(&stage.mesh)?;
        let line = until("a line of the access log", SETTLED, || {
            let log = stage
                .mesh
                .log("registry-0")
                .map_err(|error| error.to_string())?;
            let fresh = log.get(start..).unwrap_or_default();
            let ours = |line: &Value| {
                line.get("path").and_then(Value::as_str) == Some(path)
                    && line.get("status").and_then(Value::as_u64) == Some(status)
            };
            let mut lines = fresh.lines().filter_map(json_object);
            lines.find(ours).ok_or_else(|| "it is not there".to_owned())
        })?;
        let said = line
            .get("sallyport")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for word in words {
            check(said.split(' ').any(|other| other == word), || {
                format!("`{word}` is not in the access log: {line}")
            })?;
        }
        let trust = said.split(' ').find_map(|word| word.strip_prefix("trust="));
        match trust.map(str::parse::<u8>) {
            Some(Ok(trust)) => notes.add(&format!("trust{status}"), trust),
            _ => {
                return Err(MeshError::Wrong(format!(
                    "no trust in the access log: {line}"
                )));
            }
        }
    }
    stage.deploy(&Value::Null).map(|_| ())
}

/// A line that is a JSON object: other ones are what Envoy and its agent say.
fn json_object(line: &str) -> Option<Value> {
    let value: Result<Value, _> = serde_json::from_str(line);
    value.map_or(None, |value| value.is_object().then_some(value))
}

/// Envoy's own, and that of Istio's agent, which adds what the agent and the application have.
const PORTS: [u16; 2] = [15090, 15020];
/// Envoy writes its access log every 10 s.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(60);

//! The generated reference documents: codes of findings, deny reasons, metrics, the policy file.
//!
//! Each is written from the one table or type that the code itself uses, so a document cannot say
//! something else. scripts/generate-docs puts them into docs/.

mod schemas;

use sallyport_engine::metric::{Metric, MetricKind};
use sallyport_engine::reason::DenyReason;
use sallyport_engine::trust::Family;

use crate::finding::Code;

pub use schemas::{decision_record, policy};

/// docs/deny-reasons.md.
#[must_use]
pub fn reasons() -> String {
    let rows = DenyReason::ALL.iter().map(|reason| {
        let row = reason.row();
        let evidence = row.evidence.map_or("no", Family::as_str);
        format!(
            "| `{}` | {} | {} | {} | {evidence} | {} | {} |\n",
            row.code,
            row.gate,
            row.status,
            reason.grpc_status(),
            cell(row.meaning),
            cell(row.remedy),
        )
    });
    format!("{GENERATED}{REASONS_HEAD}{}", rows.collect::<String>())
}

/// docs/findings.md.
#[must_use]
pub fn findings() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let row = code.row();
        let severity = row.severity.as_str();
        let (title, remedy) = (cell(row.title), cell(row.remedy));
        format!("| `{code}` | {severity} | {title} | {remedy} |\n")
    });
    format!("{GENERATED}{FINDINGS_HEAD}{}", rows.collect::<String>())
}

/// docs/metrics.md.
#[must_use]
pub fn metrics() -> String {
    let rows = Metric::rows().into_iter().map(|row| {
        let name = match row.label {
            Some(label) => row.name_with(&format!("<{label}>")),
            None => row.name.to_owned(),
        };
        let kind = match row.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        format!("| `{name}` | {kind} | {} |\n", cell(row.help))
    });
    format!("{GENERATED}{METRICS_HEAD}{}", rows.collect::<String>())
}

/// Text that stays in its cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

const GENERATED: &str = "<!-- Written by scripts/generate-docs. Edits here are lost. -->\n\n";

const REASONS_HEAD: &str = "\
# Deny reasons

A denied request gets the HTTP status and, for gRPC, the status code below, a body with the reason
code and a decision id, and response code details of the form
`sallyport_denied[policy[..]-flow[..]-reason[..]]`. The proxy's log has the record with that id:
caller, flow, score. `sallyport report` reads it and names the missing piece of policy. In shadow mode
the request passes, and the record says `would_deny` with the same reason.

Gates are passed in order, and the first one that is shut gives the reason. Evidence lowers the
trust score of the caller.

| Reason | Gate | HTTP | gRPC | Evidence | What happened | What to do |
|---|---|---|---|---|---|---|
";

const FINDINGS_HEAD: &str = "\
# Findings

What `sallyport check` and the other commands say about policies and the files around them. Errors
must be mended; `--deny-warnings` makes warnings count as errors. A code keeps its meaning: SP0nn is
the file and its form, SP1nn segments, flows and grants, SP2nn authorities and credentials, SP3nn trust and
signals, SP4nn meshConfig and Istio resources, SP5nn rendering, SP6nn import, SP7nn signed documents.

| Code | Severity | What it means | What to do |
|---|---|---|---|
";

const METRICS_HEAD: &str = "\
# Metrics

Envoy shows the metrics of the filter below `wasmcustom.` at `/stats`. `<reason>` is a code of
[deny-reasons.md](deny-reasons.md), `<state>` is `trusted`, `restricted` or `isolated`, `<segment>` a name of the policy;
`sallyport render --target envoy --as stats-tags` prints the `stats_config` that makes labels of them. Names keep their
meaning between minor versions.

| Name | Kind | Meaning |
|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_row() {
        let text = reasons();
        for reason in DenyReason::ALL {
            assert_eq!(text.matches(&format!("| `{}` |", reason.code())).count(), 1);
        }
    }

    #[test]
    fn each_metric_has_a_row() {
        let text = metrics();
        let rows = text
            .lines()
            .filter(|line| line.starts_with("| `sallyport."))
            .count();
        assert_eq!(rows, Metric::rows().len());
        assert!(text.contains("| `sallyport.peers.<state>` | gauge |"));
        assert!(text.contains("| `sallyport.denied.<reason>` | counter |"));
    }

    #[test]
    fn each_table_keeps_its_columns() {
        for text in [
            findings(),
            reasons(),
            metrics(),
            policy(),
            decision_record(),
        ] {
            for table in text.split("\n\n").filter(|block| block.starts_with('|')) {
                let columns = |line: &str| line.replace("\\|", "").matches('|').count();
                let expected = table.lines().next().map(columns);
                for line in table.lines() {
                    assert_eq!(Some(columns(line)), expected, "{line}");
                }
            }
        }
    }
}

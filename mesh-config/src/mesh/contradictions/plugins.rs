//! The resources that carry this filter, and other plugins beside it.

use sallyport_engine::policy::Mode;
use serde_json::Value;

use super::Scene;
use crate::finding::{Code, Finding, Severity};
use crate::manifests::Object;
use crate::mesh::visit;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in scene.objects() {
        let is_plugin = object.is("extensions.istio.io", "WasmPlugin")
            || object.is("extensions.istio.io", "TrafficExtension");
        let is_filter = object.is("networking.istio.io", "EnvoyFilter");
        let is_ours = (is_plugin || is_filter) && is_ours(object);
        if is_ours {
            findings.extend(open(object, scene.asked.mode()));
        }
        if is_plugin && is_ours {
            findings.extend(direction(object));
        } else if is_plugin && is_wasm(object) {
            findings.push(other(object));
        }
    }
    findings
}

/// What `sallyport render` writes has the version of its form in it.
fn is_ours(object: &Object) -> bool {
    let carries = |place: &visit::Visited<'_>| {
        place.key == "sliceVersion"
            || place
                .value
                .as_str()
                .is_some_and(|text| text.contains("\"sliceVersion\""))
    };
    visit::all(&object.value).iter().any(carries)
}

/// A `TrafficExtension` may be a Lua script, which has no shared data.
fn is_wasm(object: &Object) -> bool {
    object.kind == "WasmPlugin" || object.value.pointer("/spec/wasm").is_some()
}

fn open(object: &Object, mode: Mode) -> Vec<Finding> {
    let visited = visit::all(&object.value).into_iter();
    let open = visited.filter(|place| {
        let by_word = matches!(
            place.key,
            "failStrategy" | "failure_policy" | "failurePolicy"
        ) && place.value.as_str() == Some("FAIL_OPEN");
        by_word || (matches!(place.key, "fail_open" | "failOpen") && place.value == &true)
    });
    open.map(|place| {
        let message = "lets every request pass once the filter failed";
        let finding = object.finding(Code::FailsOpen, &place.path, message);
        let severity = match mode {
            Mode::Enforce => finding.severity,
            Mode::Shadow => Severity::Warning,
        };
        Finding {
            severity,
            ..finding
        }
        .with_hint("use FAIL_RELOAD, which `sallyport render` writes")
    })
    .collect()
}

fn direction(object: &Object) -> Option<Finding> {
    let matches = object
        .value
        .pointer("/spec/match")
        .and_then(Value::as_array);
    let is_server = |entry: &Value| entry.get("mode").and_then(Value::as_str) == Some("SERVER");
    let is_inbound =
        matches.is_some_and(|entries| !entries.is_empty() && entries.iter().all(is_server));
    (!is_inbound).then(|| {
        let message = "is for outgoing requests too, all of which the filter refuses";
        let finding = object.finding(Code::BothDirections, "spec.match", message);
        finding.with_hint("write `match: [{mode: SERVER}]`")
    })
}

fn other(object: &Object) -> Finding {
    let message = format!(
        "`{}` shares its data with the filter: it can erase the list of used proofs",
        object.name
    );
    let finding = object.finding(Code::OtherPlugin, "", message);
    finding.with_hint(
        "trust it as much as the filter, or render `--target envoyfilter`, which has a `vm_id` of \
         its own",
    )
}

//! The settings of the mesh that are the same wherever it runs.

use serde_json::{Value, json};

use super::error::MeshError;
use super::layout::TRUST_DOMAIN;
use super::program::Program;
use crate::scenario::merge;

/// meshConfig of the example, and what tests want to see.
pub(super) fn mesh_config(example: &Value) -> Value {
    let mut config = example.clone();
    let ours = json!({
        "trustDomain": TRUST_DOMAIN,
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": access_log_format(),
    });
    merge(&mut config, &ours);
    config
}

/// What makes labels of parts of the names of our metrics, for the bootstrap of a sidecar.
pub(super) fn stats_tags() -> Result<Value, MeshError> {
    let render = ["render", "--target", "envoy", "--as", "stats-tags"];
    let text = Program::sallyport(render).run()?;
    serde_saphyr::from_str(&text).map_err(|cause| MeshError::Output {
        program: "sallyport render".to_owned(),
        problem: cause.to_string(),
    })
}

/// One line for each request, with the filter's note of its decision.
fn access_log_format() -> String {
    json!({
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "peer": "%DOWNSTREAM_PEER_URI_SAN%",
        "sallyport": "%FILTER_STATE(wasm.sallyport:PLAIN)%",
    })
    .to_string()
}

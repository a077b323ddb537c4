//! The policy of the simulated mesh, with other numbers of the score.

use sallyport_engine::policy::{Policy, compile};
use sallyport_simulation::generate::POLICY;
use serde_json::{Value, json};

/// The families of evidence, as a policy names them.
pub(crate) const FAMILIES: [&str; 6] =
    ["denial", "novelty", "credential", "rate", "volume", "error"];

/// The policy as it ships.
pub(crate) fn usual() -> Result<Policy, String> {
    with(None)
}

/// A policy that scores but never acts, so that others can be watched on the same requests.
pub(crate) fn passive() -> Result<Policy, String> {
    with(Some(json!({
        "restricted": {"enter": 59_000}, "isolated": {"enter": 60_000}
    })))
}

/// Without one family: it weighs and amounts to a thousandth of a nat.
pub(crate) fn without(family: &str) -> Result<Policy, String> {
    with(Some(json!({"weights": {family: 1}, "caps": {family: 1}})))
}

/// With another threshold for ISOLATED, in nats; the other thresholds keep their proportion.
pub(crate) fn isolating_at(nats: u32) -> Result<Policy, String> {
    with(Some(json!({
        "restricted": {"enter": nats * 625, "exit": nats * 437},
        "isolated": {"enter": nats * 1_000, "exit": nats * 750}
    })))
}

fn with(numbers: Option<Value>) -> Result<Policy, String> {
    let mut document: Value = serde_json::from_str(POLICY).map_err(|error| error.to_string())?;
    if let (Some(numbers), Some(spec)) = (numbers, document.pointer_mut("/spec")) {
        let spec = spec.as_object_mut().ok_or("the policy has no spec")?;
        spec.insert("trust".to_owned(), json!({"defaults": numbers}));
    }
    let document = serde_json::from_value(document).map_err(|error| error.to_string())?;
    compile(&document).map_err(|errors| format!("{errors:?}"))
}

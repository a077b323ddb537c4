//! What can play a scenario. All drivers must come to the same answers.

pub mod envoy;
pub mod mesh;
pub mod native;
pub mod observe;
pub mod sidecars;

use sallyport_engine::policy::raw::PolicyDocument;
use serde::Deserialize;

use crate::HarnessError;
use crate::observed::Observed;
use crate::scenario::Request;

/// Something that decides requests.
pub trait Driver {
    /// Which driver it is.
    fn kind(&self) -> DriverKind;

    /// Lets time pass until so many milliseconds after the start; none when that is over.
    fn wait_until(&mut self, at_ms: u64);

    /// Puts another policy in force, while all connections stay open. What the sidecar knows of its
    /// callers' behaviour starts anew.
    ///
    /// # Errors
    /// When the policy is not valid.
    fn change_policy(&mut self, document: PolicyDocument) -> Result<(), HarnessError>;

    /// Makes a request on a connection of the scenario.
    ///
    /// # Errors
    /// When it could not be made, or its outcome not be seen.
    fn request(&mut self, connection: &str, request: &Request) -> Result<Observed, HarnessError>;
}

/// The drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriverKind {
    /// The engine, called directly.
    Native,
    /// The shipped module in Envoy.
    Envoy,
    /// The shipped module in a sidecar of Istio.
    Mesh,
}

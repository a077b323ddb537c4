//! The module that ships: signed together with its bill of materials.

use std::path::Path;

use sallyport_credentials::signing::{Purpose, SigningAuthorities, Subject, Verified};
use sallyport_credentials::strict_json;
use serde_json::Value;

use crate::finding::{Code, Finding};
use crate::signing;

/// The files of a release, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The module, then its bill of materials, as they are signed.
    pub subjects: [Subject; 2],
    /// How many components the bill names.
    pub components: usize,
}

/// The longest module and bill of materials, in MiB.
const MAXIMUM_MEBIBYTES: u32 = 16;
/// The magic number and version of a module (WebAssembly core, section 5.5.16).
const WASM: &[u8] = b"\0asm\x01\0\0\0";

// === impl Release ===

impl Release {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read, or is not what it should be.
    pub fn read(module: &Path, sbom: &Path) -> Result<Self, Vec<Finding>> {
        let read = |path| signing::read(path, MAXIMUM_MEBIBYTES).map_err(|finding| vec![finding]);
        let (module_bytes, sbom_bytes) = (read(module)?, read(sbom)?);
        let mut findings = Vec::new();
        if !module_bytes.starts_with(WASM) {
            let message = "is no WebAssembly module";
            findings.push(signing::of_file(Code::ModuleForm, module, message));
        }
        let components = match components(&sbom_bytes) {
            Ok(components) => components,
            Err(message) => {
                findings.push(signing::of_file(Code::ModuleForm, sbom, message));
                0
            }
        };
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            subjects: [
                Subject::of("module", &module_bytes),
                Subject::of("sbom", &sbom_bytes),
            ],
            components,
        })
    }

    /// SHA-256 of the module, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        let [module, _] = &self.subjects;
        &module.sha256
    }

    /// Verifies that one pinned authority signed both.
    ///
    /// # Errors
    /// What is wrong with the signature.
    pub fn verify(
        &self,
        signature: &Path,
        authorities: &SigningAuthorities,
    ) -> Result<Verified, Finding> {
        signing::verify_file(authorities, Purpose::Module, signature, &self.subjects)
    }
}

/// The number of components of a CycloneDX bill, at least one.
fn components(bytes: &[u8]) -> Result<usize, String> {
    let bill: Value = strict_json::read(bytes).map_err(|error| error.to_string())?;
    if bill.get("bomFormat").and_then(Value::as_str) != Some("CycloneDX") {
        return Err("is no bill of materials of CycloneDX in JSON".to_owned());
    }
    match bill
        .get("components")
        .and_then(Value::as_array)
        .map(Vec::len)
    {
        None | Some(0) => Err("names no components".to_owned()),
        Some(count) => Ok(count),
    }
}

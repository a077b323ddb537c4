//! The authorities of a mesh and what they issue, all made with `sallyport cred`, as an operator
//! would.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::HarnessError;
use crate::mesh::error::MeshError;
use crate::mesh::layout::{TRUST_DOMAIN, Workload};
use crate::mesh::program::Program;
use crate::settings::project_root;

/// The authorities of a mesh, beside a copy of the example's policy, which pins them.
#[derive(Debug, Clone)]
pub struct Authorities {
    folder: PathBuf,
}

/// A certificate that was issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The folder with it and its key.
    pub folder: PathBuf,
    /// The name of its authority in the policy.
    pub authority: &'static str,
    /// SHA-256 of its DER, in hexadecimal digits.
    pub sha256: String,
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
}

/// What `sallyport cred issue certificate` says.
#[derive(Deserialize)]
struct Written {
    sha256: String,
}

/// What `sallyport cred inspect` says of a certificate.
#[derive(Deserialize)]
struct Inspected {
    serial: String,
}

impl Authorities {
    /// Copies the example, and makes its authorities anew.
    pub(super) fn make(parent: &Path) -> Result<Self, MeshError> {
        let example = project_root().join("examples/istio/ai-pipeline");
        let folder = parent.join("policy");
        let (from, to) = (example.to_string_lossy(), folder.to_string_lossy());
        Program::new("cp", ["-r", &from, &to]).run()?;
        let authorities = Self { folder };
        for (kind, name) in [
            ("hybrid", MESH_CA),
            ("classical", ISTIO_CA),
            ("token", TOKEN_ISSUER),
        ] {
            authorities.new_authority(kind, name)?;
        }
        Ok(authorities)
    }

    fn new_authority(&self, kind: &str, name: &str) -> Result<(), MeshError> {
        let out = self.path(name);
        let arguments = [
            "cred",
            "authority",
            "new",
            "--force",
            "--kind",
            kind,
            "--name",
            name,
        ];
        Program::sallyport(arguments.into_iter().chain([
            "--trust-domain",
            TRUST_DOMAIN,
            "--key",
            "rsa-2048",
            "--out",
            &out,
        ]))
        .run()
        .map(|_| ())
    }

    /// The folder of the policy.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// meshConfig of the example.
    pub(super) fn mesh_config(&self) -> Result<serde_json::Value, HarnessError> {
        let path = self.folder.join("mesh.yaml");
        let text = fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
        serde_saphyr::from_str(&text).map_err(|cause| HarnessError::format(&path, cause))
    }

    /// `postQuantumAuth` of the example.
    pub(crate) fn post_quantum_auth(&self) -> Result<serde_json::Value, HarnessError> {
        let config = self.mesh_config()?;
        let setting = config.get("postQuantumAuth");
        Ok(setting.cloned().unwrap_or_default())
    }

    /// The authority that istiod signs with: its certificate and its key.
    pub(super) fn istiod(&self) -> (PathBuf, PathBuf) {
        let folder = PathBuf::from(self.path(ISTIO_CA));
        (folder.join("ca.crt"), folder.join("ca.key"))
    }

    /// What all workloads trust: both authorities, in PEM.
    pub(super) fn trusted(&self) -> Result<String, HarnessError> {
        let read = |name: &str| {
            let path = PathBuf::from(self.path(name)).join("ca.crt");
            fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))
        };
        Ok(format!("{}\n{}", read(ISTIO_CA)?, read(MESH_CA)?))
    }

    /// Issues a hybrid certificate into a folder, as files of a SPIFFE workload, for a time as `24h`
    /// or `20s`.
    pub(super) fn issue(
        &self,
        workload: Workload,
        lifetime: &str,
        out: &Path,
    ) -> Result<Issued, MeshError> {
        let (authority, out_text) = (self.path(MESH_CA), out.to_string_lossy());
        let identity = workload.spiffe_id();
        let issued: Written = Program::sallyport([
            "--output",
            "json",
            "cred",
            "issue",
            "certificate",
            "--authority",
            &authority,
            "--spiffe-id",
            &identity,
            "--ttl",
            lifetime,
            "--out",
            &out_text,
        ])
        .json()?;
        let roots = out.join("root-cert.pem");
        fs::write(&roots, self.trusted()?).map_err(|cause| HarnessError::file(&roots, cause))?;
        let leaf = out.join("cert-chain.pem");
        let leaf = leaf.to_string_lossy();
        let seen: Inspected =
            Program::sallyport(["--output", "json", "cred", "inspect", &leaf]).json()?;
        Ok(Issued {
            folder: out.to_owned(),
            authority: MESH_CA,
            sha256: issued.sha256,
            serial: seen.serial,
        })
    }

    /// Issues a hybrid token for a certificate, for a time as `5m`; returns the headers that carry it.
    ///
    /// # Errors
    /// When `sallyport cred` fails.
    pub fn token(
        &self,
        certificate_pem: &str,
        lifetime: &str,
    ) -> Result<Vec<(String, String)>, MeshError> {
        self.token_with(certificate_pem, lifetime, &[])
    }

    /// The same with further options of `sallyport cred issue token`.
    ///
    /// # Errors
    /// When it cannot be issued.
    pub fn token_with(
        &self,
        certificate_pem: &str,
        lifetime: &str,
        options: &[&str],
    ) -> Result<Vec<(String, String)>, MeshError> {
        let folder = tempfile::tempdir_in(&self.folder)
            .map_err(|cause| HarnessError::file(&self.folder, cause))?;
        let certificate = folder.path().join("leaf.pem");
        fs::write(&certificate, certificate_pem)
            .map_err(|cause| HarnessError::file(&certificate, cause))?;
        let (authority, out) = (self.path(TOKEN_ISSUER), folder.path().join("token"));
        let (certificate, out_text) = (certificate.to_string_lossy(), out.to_string_lossy());
        let fixed = [
            "cred",
            "issue",
            "token",
            "--authority",
            &authority,
            "--certificate",
            &certificate,
            "--ttl",
            lifetime,
            "--out",
            &out_text,
        ];
        Program::sallyport(fixed.iter().chain(options)).run()?;
        let mut headers = Vec::new();
        for (file, header) in [
            ("hybrid-identity-token", sallyport_engine::headers::TOKEN),
            (
                "hybrid-identity-signature",
                sallyport_engine::headers::TOKEN_SIGNATURE,
            ),
        ] {
            let path = out.join(file);
            let value =
                fs::read_to_string(&path).map_err(|cause| HarnessError::file(&path, cause))?;
            headers.push((header.to_owned(), value.trim().to_owned()));
        }
        Ok(headers)
    }

    fn path(&self, authority: &str) -> String {
        let folder = self.folder.join("authority").join(authority);
        folder.to_string_lossy().into_owned()
    }
}

// Their names in the example's policy.
const MESH_CA: &str = "mesh-ca";
const ISTIO_CA: &str = "istio-ca";
const TOKEN_ISSUER: &str = "token-issuer";

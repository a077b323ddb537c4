//! Where in a file meshConfig is. The form is recognised by the content; what could be two things is
//! an error.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{KEY, Place};
use crate::finding::{Code, Finding};
use crate::yaml::{self, Document, Lines};

/// The forms of files that carry meshConfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// `spec.meshConfig` of an `IstioOperator`.
    IstioOperator,
    /// `meshConfig` of the values of the chart of istiod.
    HelmValues,
    /// `data.mesh` of the ConfigMap `istio`, or of that of a revision.
    ConfigMap,
    /// meshConfig itself.
    MeshConfig,
}

/// meshConfig, and the file that it is in.
pub(super) struct Carrier {
    pub(super) form: Form,
    pub(super) mesh: Place,
    pub(super) around: Place,
}

/// Where the parts of a text stand in the file. The text may be a value of the file itself.
#[derive(Debug, Clone)]
pub(super) struct Located {
    lines: Lines,
    /// The path of the part within the text.
    base: String,
    within: Within,
}

#[derive(Debug, Clone, Copy)]
enum Within {
    File,
    /// The first line of the text is the one after this line of the file.
    Block(u64),
    /// All of the text is at this line of the file.
    Line(u64),
}

impl Located {
    pub(super) fn of(&self, path: &str) -> Option<u64> {
        let path = match (self.base.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.base.clone(),
            (false, false) => format!("{}.{path}", self.base),
        };
        let line = self.lines.of(&path);
        match self.within {
            Within::File => line,
            Within::Block(before) => line.map(|line| line.saturating_add(before)),
            Within::Line(line) => Some(line),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IstioOperator => "an IstioOperator",
            Self::HelmValues => "Helm values",
            Self::ConfigMap => "the ConfigMap of Istio",
            Self::MeshConfig => "a plain mesh file",
        })
    }
}

/// Finds the one meshConfig of a file.
pub(super) fn find(text: &str) -> Result<Carrier, Vec<Finding>> {
    let documents = yaml::parse_manifests(text).map_err(|finding| vec![finding])?;
    let mut carriers = Vec::new();
    let mut others = Vec::new();
    for document in &documents {
        let found = found_in(document, text)?;
        if found.is_empty() {
            others.push(document);
        }
        carriers.extend(found);
    }
    // A key in a document that nobody reads must not be lost behind one that is read.
    let lost: Vec<Finding> = others
        .iter()
        .flat_map(|document| super::stray::in_document(&whole(document)))
        .collect();
    if !lost.is_empty() {
        return Err(lost);
    }
    let mut carriers = carriers.into_iter();
    match (carriers.next(), carriers.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(vec![
            Finding::new(Code::MeshForm, "", "holds no meshConfig").with_hint(
                "give an IstioOperator, Helm values with `meshConfig`, the ConfigMap `istio`, or \
                 meshConfig itself",
            ),
        ]),
        (Some(one), Some(other)) => Err(vec![
            other
                .mesh
                .finding(
                    Code::MeshForm,
                    "",
                    format!(
                        "is a second meshConfig, beside `{}`{}",
                        one.mesh.path,
                        at(one.mesh.line(""))
                    ),
                )
                .with_hint("give a file with the one that counts"),
        ]),
    }
}

fn at(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

fn found_in(document: &Document, text: &str) -> Result<Vec<Carrier>, Vec<Finding>> {
    let value = &document.value;
    let word = |key: &str| value.get(key).and_then(Value::as_str);
    let name = value.pointer("/metadata/name").and_then(Value::as_str);
    match word("kind") {
        Some("IstioOperator") => Ok(operator(document)),
        Some("ConfigMap") if name.is_some_and(is_istio) => config_map(document, text),
        Some(_) => Ok(Vec::new()),
        None => plain(document),
    }
}

fn is_istio(name: &str) -> bool {
    // `istio-ca-root-cert` and others are no revisions, and have no key `mesh`.
    name == "istio" || name.starts_with("istio-")
}

/// `spec.meshConfig`; and `spec.values.meshConfig`, which istiod merges with it.
fn operator(document: &Document) -> Vec<Carrier> {
    let places = ["spec.meshConfig", "spec.values.meshConfig"];
    let present: Vec<&str> = places
        .into_iter()
        .filter(|path| document.value.pointer(&pointer(path)).is_some())
        .collect();
    let chosen = if present.is_empty() {
        vec!["spec.meshConfig"]
    } else {
        present
    };
    chosen
        .into_iter()
        .map(|path| carrier(Form::IstioOperator, document, path))
        .collect()
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn config_map(document: &Document, text: &str) -> Result<Vec<Carrier>, Vec<Finding>> {
    let path = "data.mesh";
    let Some(mesh) = document.value.pointer("/data/mesh") else {
        return Ok(Vec::new());
    };
    let around = whole(document);
    let Value::String(inner) = mesh else {
        let finding = around.finding(Code::WrongType, path, "is no text, which holds meshConfig");
        return Err(vec![finding.with_hint("write it as a block: `mesh: |`")]);
    };
    let line = document.lines.of(path).unwrap_or(1);
    let within = if is_block(text, line) {
        Within::Block(line)
    } else {
        Within::Line(line)
    };
    let located = |lines: Lines| Located {
        lines,
        base: String::new(),
        within,
    };
    let documents = yaml::parse_manifests(inner).map_err(|finding| {
        let of_inner = located(Lines::default());
        let line = match (finding.line, of_inner.within) {
            (Some(line), Within::Block(before)) => Some(line.saturating_add(before)),
            (Some(_) | None, Within::Block(line) | Within::Line(line)) => Some(line),
            (line, Within::File) => line,
        };
        let path = match finding.path.as_str() {
            "" => path.to_owned(),
            inner => format!("{path}.{inner}"),
        };
        vec![Finding {
            path,
            line,
            ..finding
        }]
    })?;
    let mut documents = documents.into_iter();
    let (value, lines) = match (documents.next(), documents.next()) {
        (Some(_), Some(_)) => {
            let finding = around.finding(Code::MeshForm, path, "holds several documents");
            return Err(vec![finding.with_hint("leave the one that counts")]);
        }
        (Some(only), None) => (only.value, only.lines),
        (None, _) => (Value::Null, Lines::default()),
    };
    Ok(vec![Carrier {
        form: Form::ConfigMap,
        mesh: Place {
            value,
            path: path.to_owned(),
            lines: located(lines),
        },
        around,
    }])
}

/// Whether the value of the key at this line is a literal block, so that its lines are the file's.
fn is_block(text: &str, line: u64) -> bool {
    let line = usize::try_from(line).unwrap_or(0).checked_sub(1);
    let line = line.and_then(|index| text.lines().nth(index));
    line.and_then(|line| line.split_once(':'))
        .is_some_and(|(_, value)| value.trim_start().starts_with('|'))
}

/// A document that does not say what it is: Helm values, or meshConfig itself.
fn plain(document: &Document) -> Result<Vec<Carrier>, Vec<Finding>> {
    let Value::Object(members) = &document.value else {
        return Ok(Vec::new());
    };
    let has = |names: &[&str]| members.keys().find(|key| names.contains(&key.as_str()));
    let values = has(&HELM_VALUES);
    let mesh = has(&MESH_CONFIG);
    let whole = || whole(document);
    match (values, mesh) {
        (Some(value), Some(mesh)) => {
            let message =
                format!("is a key of meshConfig beside `{value}`, which is one of Helm values");
            let finding = whole().finding(Code::MeshForm, mesh, message);
            Err(vec![finding.with_hint(
                "move it below `meshConfig`, or give meshConfig by itself",
            )])
        }
        (Some(_), None) => Ok(vec![carrier(Form::HelmValues, document, "meshConfig")]),
        (None, Some(_)) => Ok(vec![carrier(Form::MeshConfig, document, "")]),
        (None, None) if members.contains_key(KEY) => {
            Ok(vec![carrier(Form::MeshConfig, document, "")])
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn whole(document: &Document) -> Place {
    place(document, "")
}

fn carrier(form: Form, document: &Document, path: &str) -> Carrier {
    Carrier {
        form,
        mesh: place(document, path),
        around: whole(document),
    }
}

fn place(document: &Document, path: &str) -> Place {
    let value = if path.is_empty() {
        Some(&document.value)
    } else {
        document.value.pointer(&pointer(path))
    };
    Place {
        value: value.cloned().unwrap_or_default(),
        path: path.to_owned(),
        lines: Located {
            lines: document.lines.clone(),
            base: path.to_owned(),
            within: Within::File,
        },
    }
}

/// Top-level values of the charts of Istio that meshConfig does not have.
const HELM_VALUES: [&str; 29] = [
    "meshConfig",
    "global",
    "pilot",
    "istiod",
    "revision",
    "revisionTags",
    "defaultRevision",
    "profile",
    "compatibilityVersion",
    "sidecarInjectorWebhook",
    "istiodRemote",
    "telemetry",
    "base",
    "cni",
    "ztunnel",
    "gateways",
    "gatewayClasses",
    "experimental",
    "autoscaleEnabled",
    "autoscaleMin",
    "autoscaleMax",
    "replicaCount",
    "resources",
    "image",
    "hub",
    "tag",
    "env",
    "configMap",
    "_internal_defaults_do_not_edit",
];
/// Fields of meshConfig (`istio.mesh.v1alpha1.MeshConfig`).
const MESH_CONFIG: [&str; 46] = [
    "accessLogEncoding",
    "accessLogFile",
    "accessLogFormat",
    "ca",
    "caCertificates",
    "certificates",
    "configSources",
    "connectTimeout",
    "defaultConfig",
    "defaultDestinationRuleExportTo",
    "defaultHttpRetryPolicy",
    "defaultProviders",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "disableEnvoyListenerLog",
    "discoverySelectors",
    "dnsRefreshRate",
    "enableAutoMtls",
    "enableEnvoyAccessLogService",
    "enablePrometheusMerge",
    "enableTracing",
    "extensionProviders",
    "h2UpgradePolicy",
    "hboneIdleTimeout",
    "inboundClusterStatName",
    "inboundTrafficPolicy",
    "ingressClass",
    "ingressControllerMode",
    "ingressSelector",
    "ingressService",
    "localityLbSetting",
    "meshMTLS",
    "outboundClusterStatName",
    "outboundTrafficPolicy",
    "pathNormalization",
    "proxyHttpPort",
    "proxyInboundListenPort",
    "proxyListenPort",
    "rootNamespace",
    "serviceScopeConfigs",
    "serviceSettings",
    "tcpKeepalive",
    "thriftConfig",
    "tlsDefaults",
    "trustDomain",
    "trustDomainAliases",
];

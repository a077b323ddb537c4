//! What an operator should know about a rendering, above all what it does not cover.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sallyport_engine::policy::raw::Segment;

use super::coverage::{Coverage, Namespace};
use super::{Part, Request, hidden, in_shadow, needs_certificate_header, shows_key_exchange};
use crate::finding::Printable;
use crate::lint;
use crate::render::slice::Slicer;
use crate::workloads::{Bypass, Protocol, WithoutSidecar, Workload};

/// The name of a workload in text: `Deployment shop/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadName(String);

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// No segment has a workload.
    Outside {
        /// The workload.
        workload: WorkloadName,
        /// Its service account.
        service_account: String,
        /// Whether its namespace is rendered for, so that it has the filter all the same.
        has_filter: bool,
    },
    /// A workload of a segment has no sidecar.
    Bare(WorkloadName, WithoutSidecar),
    /// Connections to a port of a covered workload meet no decision.
    Port {
        /// The workload.
        workload: WorkloadName,
        /// The port.
        port: u16,
        /// Why.
        why: PortRemark,
        /// What happens to them.
        fate: Fate,
    },
    /// A segment names a namespace in which no workload is known.
    Empty {
        /// The segment.
        segment: String,
        /// The namespace.
        namespace: String,
    },
    /// The rendering does less than it could, or asks for more.
    Note(String),
}

/// Why connections to a port meet no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRemark {
    /// It is not HTTP.
    Tcp,
    /// The service does not say what it is, so what is not taken for HTTP passes as TCP.
    Detected,
    /// No service leads there.
    NoService,
    /// An annotation takes it out of the sidecar's traffic.
    Excluded,
}

/// What happens to connections that no filter sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The rendered `AuthorizationPolicy` refuses them.
    Refused,
    /// It would: it is on trial.
    WouldBeRefused,
    /// They pass undecided.
    Pass,
}

pub(super) fn remarks(
    request: &Request<'_>,
    slicer: &Slicer<'_>,
    coverage: &Coverage<'_>,
    strict: &BTreeSet<&str>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for workload in &coverage.outside {
        remarks.push(Remark::Outside {
            workload: WorkloadName::of(workload),
            service_account: workload.service_account.clone(),
            has_filter: coverage
                .namespaces
                .contains_key(workload.namespace.as_str())
                && workload.without_sidecar.is_none(),
        });
    }
    for workload in &coverage.bare {
        let why = workload
            .without_sidecar
            .map(|why| (WorkloadName::of(workload), why));
        remarks.extend(why.map(|(name, why)| Remark::Bare(name, why)));
    }
    for namespace in coverage.namespaces.values() {
        for workload in &namespace.covered {
            remarks.extend(ports(request, workload, namespace));
        }
    }
    for (name, namespace) in &coverage.namespaces {
        remarks.extend(injection(request, name, namespace));
    }
    for (name, namespace) in &coverage.namespaces {
        let ports: Vec<String> = namespace.gateways.iter().map(u16::to_string).collect();
        if !ports.is_empty() {
            remarks.push(Remark::Note(format!(
                "namespace `{name}` has a gateway: its ports {} stay open to any connection there; a namespace of its own is better",
                ports.join(", ")
            )));
        }
    }
    remarks.extend(empty(request, slicer));
    remarks.extend(notes(request, strict).into_iter().map(Remark::Note));
    remarks
}

fn ports(request: &Request<'_>, workload: &Workload, namespace: &Namespace<'_>) -> Vec<Remark> {
    let closed = !request.without.contains(&Part::AuthorizationPolicy);
    let remarks = workload.ports.iter().filter_map(|port| {
        let why = match (port.bypass, port.protocol) {
            (Some(Bypass::Excluded), _) => PortRemark::Excluded,
            (Some(Bypass::NoService), _) => PortRemark::NoService,
            (None, Protocol::Tcp) => PortRemark::Tcp,
            (None, Protocol::Detected) => PortRemark::Detected,
            (None, Protocol::Http) => return None,
        };
        let open = (workload.namespace.clone(), port.number);
        let gateway = &namespace.gateways;
        let is_open = request.open_tcp.contains(&open)
            || (gateway.contains(&port.number) && !namespace.http.contains(&port.number));
        let fate = if why == PortRemark::Excluded || !closed || is_open {
            Fate::Pass
        } else if in_shadow(request) {
            Fate::WouldBeRefused
        } else {
            Fate::Refused
        };
        Some(Remark::Port {
            workload: WorkloadName::of(workload),
            port: port.number,
            why,
            fate,
        })
    });
    remarks.collect()
}

/// Namespaces in which no workload of a segment is known: there may be some of a kind that is none of
/// those which are looked for.
fn empty(request: &Request<'_>, slicer: &Slicer<'_>) -> Vec<Remark> {
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for workload in &request.inventory.workloads {
        let accounts = known.entry(&workload.namespace).or_default();
        accounts.insert(&workload.service_account);
    }
    let segments = request.policy.document.spec.segments.iter();
    let namespaces: BTreeSet<&str> = segments
        .flat_map(|segment| segment.namespaces.iter().map(String::as_str))
        .collect();
    let is_empty = |namespace: &str, segment: &Segment| match (
        known.get(namespace),
        &segment.service_accounts,
    ) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(known), Some(names)) => !names.iter().any(|name| known.contains(name.as_str())),
    };
    let remarks = namespaces.into_iter().flat_map(|namespace| {
        let segments = slicer.segments(namespace);
        let segments = segments.filter(move |segment| is_empty(namespace, segment));
        segments.map(|segment| Remark::Empty {
            segment: segment.name.clone(),
            namespace: namespace.to_owned(),
        })
    });
    remarks.collect::<Vec<_>>()
}

/// A namespace whose manifest does not ask for sidecars has none, unless the mesh or the pods do.
fn injection(request: &Request<'_>, name: &str, namespace: &Namespace<'_>) -> Option<Remark> {
    let mut objects = request.objects.iter();
    let object = objects.find(|object| object.is("", "Namespace") && object.name == name)?;
    let label = |key: &str| object.value.pointer("/metadata/labels")?.get(key);
    let is_asked = ["istio-injection", "istio.io/rev"]
        .into_iter()
        .any(|key| label(key).is_some());
    let silent: Vec<&str> = namespace
        .covered
        .iter()
        .filter(|it| !it.asks_for_sidecar)
        .map(|it| it.name.as_str())
        .collect();
    (!is_asked && !silent.is_empty()).then(|| {
        Remark::Note(format!(
            "namespace `{name}` does not ask for sidecars (`istio-injection: enabled` or `istio.io/rev`), \
             and without one nothing covers {}",
            silent.join(", ")
        ))
    })
}

fn notes(request: &Request<'_>, strict: &BTreeSet<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    if let Some(glass) = &request.policy.document.spec.break_glass {
        let of = glass.segments.as_ref().map_or(String::new(), |segments| {
            format!(" to {}", segments.join(", "))
        });
        note(&format!(
            "break-glass: no request{of} is refused until {} ({})",
            glass.until, glass.reason
        ));
    }
    if in_shadow(request) {
        note(
            "the policy is in shadow, so the AuthorizationPolicy is on trial (`istio.io/dry-run`) and there is no PeerAuthentication: render again when it enforces",
        );
    }
    for namespace in strict {
        note(&format!(
            "namespace `{namespace}` has a PeerAuthentication with STRICT already"
        ));
    }
    if !request.version.shows_certificate() {
        let envoy = request.version.envoy();
        if needs_certificate_header(request) {
            note(&format!(
                "Envoy 1.{envoy} shows the certificate of a caller in `x-forwarded-client-cert` only: an EnvoyFilter puts it there, and replaces what callers wrote"
            ));
        } else {
            note(&format!(
                "Envoy 1.{envoy} shows the certificate of a caller in a header only: without it every caller is refused. Set it for the mesh:\n{PROXY_HEADERS}"
            ));
        }
    }
    if request.version.says_who_validated() {
        for (_, domain) in lint::unpinned(&request.policy.document.spec) {
            note(&format!(
                "no certificate authority of trust domain `{domain}` is pinned, so its callers are refused on resumed TLS sessions (`peer_unvalidated`), of which Envoy 1.{} says that it did not validate the certificate: pin the CA of the mesh under `spec.authorities.certificates`",
                request.version.envoy()
            ));
        }
    }
    let asked = request.policy.document.spec.post_quantum_auth.as_ref();
    if asked.is_some_and(|asked| asked.key_exchange().is_read()) && !shows_key_exchange(request) {
        note(&format!(
            "the key exchange is not counted: {}",
            hidden(request)
        ));
    }
    for (part, text) in [
        (
            Part::PeerAuthentication,
            "plaintext reaches the sidecars unless a PeerAuthentication of yours refuses it",
        ),
        (
            Part::AuthorizationPolicy,
            "connections that are no HTTP, or go to ports without a service, pass undecided",
        ),
    ] {
        if request.without.contains(&part) {
            note(text);
        }
    }
    notes
}

impl WorkloadName {
    fn of(workload: &Workload) -> Self {
        let Workload {
            kind,
            namespace,
            name,
            ..
        } = workload;
        Self(format!("{kind} {namespace}/{name}"))
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&self.0))
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside {
                workload,
                service_account,
                has_filter,
            } => {
                let account = Printable(service_account);
                write!(
                    f,
                    "{workload}: no segment has its service account `{account}`: "
                )?;
                f.write_str(if *has_filter {
                    "every request to it counts as refused"
                } else {
                    "it is not covered"
                })
            }
            Self::Bare(workload, why) => {
                write!(f, "{workload}: is not covered: {}", why.as_str())
            }
            Self::Port {
                workload,
                port,
                why,
                fate,
            } => {
                let (what, fate) = (why.as_str(), fate.as_str());
                write!(f, "{workload}: port {port}: {what} {fate}")
            }
            Self::Empty { segment, namespace } => {
                write!(
                    f,
                    "segment `{segment}`: no workload is known in namespace `{namespace}`"
                )
            }
            Self::Note(text) => {
                let mut lines = text.lines();
                write!(f, "{}", Printable(lines.next().unwrap_or_default()))?;
                lines.try_for_each(|line| write!(f, "\n{}", Printable(line)))
            }
        }
    }
}

impl PortRemark {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "its service does not declare HTTP: connections",
            Self::Detected => {
                "its service does not declare a protocol: connections that are not taken for HTTP"
            }
            Self::NoService => "no service leads there: connections",
            Self::Excluded => "an annotation takes it out of the sidecar: connections",
        }
    }
}

impl Fate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "are refused",
            Self::WouldBeRefused => "would be refused",
            Self::Pass => "pass undecided",
        }
    }
}

/// What a mesh sets where no `EnvoyFilter` is wanted.
const PROXY_HEADERS: &str = "\
meshConfig:
  defaultConfig:
    proxyHeaders:
      forwardedClientCert: SANITIZE_SET
      setCurrentClientCertDetails:
        cert: true";

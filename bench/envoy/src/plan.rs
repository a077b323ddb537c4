//! What is measured: cells, and the groups of cells whose turns alternate.

use serde::{Deserialize, Serialize};

/// What stands in front of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Variant {
    /// Nothing.
    NoFilter,
    /// A module that does nothing.
    NoOp,
    /// The same, with requests that bring hybrid tokens: more bytes for Envoy to read.
    NoOpTokens,
    /// A module that makes the filter's host calls and decides nothing.
    Calls,
    /// Envoy's RBAC with a rule about the caller.
    Rbac,
    /// `jwt_authn`: RS256, verified on each request.
    Jwt,
    /// `jwt_authn` with its cache.
    JwtCached,
    /// `jwt_authn` without its cache, and RBAC.
    JwtRbac,
    /// `ext_authz` to a server with OPA's library.
    Opa,
    /// Sallyport allows: hybrid certificates that it has seen before.
    Certificate,
    /// Sallyport allows: hybrid tokens that it has seen before.
    Token,
    /// Sallyport refuses an operation that no flow covers.
    Deny,
}

/// One thing to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// What stands in front of the application.
    pub(crate) variant: Variant,
    /// Flows of the policy.
    pub(crate) flows: usize,
    /// Callers that have called before.
    pub(crate) peers: usize,
}

/// Cells that are measured in turns, under the same conditions.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Its name, also of its file.
    pub(crate) name: &'static str,
    /// What it asks.
    pub(crate) title: &'static str,
    /// The cells, in the order of the first round.
    pub(crate) cells: Vec<Cell>,
    /// How the two Envoys speak.
    pub(crate) protocol: Protocol,
    /// Who answers.
    pub(crate) application: Application,
    /// Whether callers that take no turns have called once before.
    pub(crate) meets_all: bool,
}

/// How the two Envoys speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Who answers a request that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Application {
    /// The called workload's Envoy itself.
    Direct,
    /// A server behind it, with 1 kB.
    Upstream,
}

// === impl Variant ===

impl Variant {
    /// As tables name it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::NoOp => "no-op module",
            Self::NoOpTokens => "no-op module, requests with tokens",
            Self::Calls => "host calls only",
            Self::Rbac => "RBAC",
            Self::Jwt => "jwt_authn",
            Self::JwtCached => "jwt_authn, cached",
            Self::JwtRbac => "jwt_authn and RBAC",
            Self::Opa => "ext_authz with OPA",
            Self::Certificate => "Sallyport, hybrid certificate",
            Self::Token => "Sallyport, hybrid token",
            Self::Deny => "Sallyport denies",
        }
    }

    /// The status of each answer.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Deny => 403,
            Self::NoFilter
            | Self::NoOp
            | Self::NoOpTokens
            | Self::Calls
            | Self::Rbac
            | Self::Jwt
            | Self::JwtCached
            | Self::JwtRbac
            | Self::Opa
            | Self::Certificate
            | Self::Token => 200,
        }
    }

    /// What is asked for.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Deny => "/v1/secrets/7",
            Self::NoFilter
            | Self::NoOp
            | Self::NoOpTokens
            | Self::Calls
            | Self::Rbac
            | Self::Jwt
            | Self::JwtCached
            | Self::JwtRbac
            | Self::Opa
            | Self::Certificate
            | Self::Token => "/v1/items/7",
        }
    }

    /// Whether its requests bring hybrid tokens.
    pub(crate) fn has_tokens(self) -> bool {
        matches!(self, Self::Token | Self::NoOpTokens)
    }

    /// The counters of Envoy that each request must raise by one.
    pub(crate) const fn counters(self) -> &'static [&'static str] {
        match self {
            Self::NoFilter | Self::NoOp | Self::NoOpTokens => &[],
            Self::Calls => &["wasmcustom.calls.requests"],
            Self::Rbac => &["http.inbound.rbac.allowed"],
            Self::Jwt | Self::JwtCached => &["http.inbound.jwt_authn.allowed"],
            Self::JwtRbac => &[
                "http.inbound.jwt_authn.allowed",
                "http.inbound.rbac.allowed",
            ],
            Self::Opa => &["http.inbound.ext_authz.ok"],
            Self::Certificate | Self::Token => &["wasmcustom.sallyport.allowed"],
            Self::Deny => &["wasmcustom.sallyport.denied.operation_not_allowed"],
        }
    }
}

// === impl Cell ===

impl Cell {
    pub(crate) const fn new(variant: Variant, flows: usize, peers: usize) -> Self {
        Self {
            variant,
            flows,
            peers,
        }
    }

    /// Callers whose requests take turns. More peers than these called before.
    pub(crate) fn active_peers(&self) -> usize {
        self.peers.min(ACTIVE_PEERS)
    }

    /// A name that a listener can have.
    pub(crate) fn name(&self) -> String {
        let Self {
            variant,
            flows,
            peers,
        } = self;
        format!("{variant:?}-{flows}-{peers}").to_lowercase()
    }

    /// Whether the other cell, of the same group, is compared with this one: Sallyport with tokens with a
    /// no-op module that gets the same ones.
    pub(crate) fn is_baseline_of(&self, other: &Self, variant: Variant) -> bool {
        let variant = match (variant, other.variant) {
            (Variant::NoOp, Variant::Token) => Variant::NoOpTokens,
            (variant, _) => variant,
        };
        self.variant == variant && self.active_peers() == other.active_peers()
    }
}

/// All groups; the first is `make bench`.
pub(crate) fn groups() -> Vec<Group> {
    let usual = |variants: &[Variant]| {
        let cells = variants.iter();
        cells.map(|variant| Cell::new(*variant, 100, 100)).collect()
    };
    let group = |name, title, cells| Group {
        name,
        title,
        cells,
        protocol: Protocol::Http1,
        application: Application::Direct,
        meets_all: true,
    };
    use Variant::{
        Calls, Certificate, Deny, Jwt, JwtCached, JwtRbac, NoFilter, NoOp, NoOpTokens, Opa, Rbac,
        Token,
    };
    let compared = [NoFilter, NoOp, Jwt, Opa, Certificate];
    vec![
        group(
            CORE,
            "Beside what else one would use",
            usual(&[NoFilter, NoOp, Jwt, Opa, Certificate, Deny]),
        ),
        group(
            "native",
            "Beside Envoy's own filters",
            usual(&[NoFilter, NoOp, Calls, Rbac, JwtCached, JwtRbac, Certificate]),
        ),
        group(
            "tokens",
            "Hybrid tokens",
            usual(&[NoOp, NoOpTokens, Certificate, Token]),
        ),
        group(
            "flows",
            "More flows",
            [
                Cell::new(NoOp, 100, 100),
                Cell::new(Certificate, 10, 100),
                Cell::new(Certificate, 100, 100),
                Cell::new(Certificate, 1_000, 100),
                Cell::new(Certificate, 10_000, 100),
            ]
            .to_vec(),
        ),
        group(
            "peers",
            "More peers",
            [
                Cell::new(NoOp, 100, 1),
                Cell::new(Certificate, 100, 1),
                Cell::new(NoOp, 100, 100),
                Cell::new(Certificate, 100, 100),
                Cell::new(Certificate, 100, 10_000),
            ]
            .to_vec(),
        ),
        Group {
            protocol: Protocol::Http2,
            ..group("http2", "HTTP/2 between the Envoys", usual(&compared))
        },
        Group {
            application: Application::Upstream,
            ..group(
                "upstream",
                "A server that answers with 1 kB",
                usual(&compared),
            )
        },
    ]
}

/// The group of `make bench`.
pub(crate) const CORE: &str = "core";
const ACTIVE_PEERS: usize = 100;

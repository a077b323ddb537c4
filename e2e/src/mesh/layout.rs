//! Which workloads there are in a mesh: those of `examples/istio/ai-pipeline`, and one that its
//! policy does not know.

use std::net::{IpAddr, Ipv4Addr};

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Its name: also of its namespace, its service and, with a number, its pods.
    pub name: &'static str,
    /// Its service account.
    pub service_account: &'static str,
    /// How many pods it has.
    pub replicas: u8,
    /// Where its certificate comes from.
    pub leaf: Leaf,
}

/// Where the certificate of a workload comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// An authority with an RSA and an ML-DSA key, by files.
    Hybrid,
    /// istiod: RSA only.
    Istiod,
    /// Nobody: the pod has no sidecar.
    None,
}

/// A pod of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its workload.
    pub workload: Workload,
    /// Its number among all pods, from 0. One that was added may have that of one that is gone.
    pub number: u8,
}

/// All workloads.
pub const WORKLOADS: [Workload; 8] = [
    workload("gateway", "gateway", 1, Leaf::Hybrid),
    // As in the example: on trial, with a certificate of the mesh's old authority.
    workload("ingestion", "ingester", 1, Leaf::Istiod),
    workload("training", "trainer", 1, Leaf::Hybrid),
    // It becomes hybrid by a token.
    workload("validation", "validator", 1, Leaf::Istiod),
    workload("inference", "model-server", 2, Leaf::Hybrid),
    workload("registry", "registry", 1, Leaf::Hybrid),
    workload("outsider", "outsider", 1, Leaf::Istiod),
    workload("bare", "bare", 1, Leaf::None),
];

/// The trust domain.
pub const TRUST_DOMAIN: &str = "ai.example";

/// The port that the policy speaks of.
pub const PORT: u16 = 8080;

/// A port of the application that no service declares.
pub const UNDECLARED_PORT: u16 = 9999;

/// A further port that services may declare.
pub const SECOND_PORT: u16 = 9090;

impl Workload {
    /// Its pods.
    pub fn pods(self) -> impl Iterator<Item = String> {
        (0..self.replicas).map(move |number| format!("{}-{number}", self.name))
    }

    /// Its SPIFFE ID.
    #[must_use]
    pub fn spiffe_id(self) -> String {
        let (namespace, account) = (self.name, self.service_account);
        format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
    }

    /// The host name of its service.
    #[must_use]
    pub fn host(self) -> String {
        format!("{0}.{0}.svc.cluster.local", self.name)
    }

    /// Whether its sidecar is told at its start to make labels of parts of the names of our metrics.
    #[must_use]
    pub fn has_stats_tags(self) -> bool {
        self.name == "registry"
    }

    /// Whether it has a sidecar.
    #[must_use]
    pub fn has_sidecar(self) -> bool {
        self.leaf != Leaf::None
    }
}

/// All pods, in the order of their workloads.
#[must_use]
pub fn pods() -> Vec<Pod> {
    let names = WORKLOADS
        .into_iter()
        .flat_map(|workload| workload.pods().map(move |name| (name, workload)));
    (0..)
        .zip(names)
        .map(|(number, (name, workload))| Pod {
            name,
            workload,
            number,
        })
        .collect()
}

/// The workload of a name.
#[must_use]
pub fn find(name: &str) -> Option<Workload> {
    WORKLOADS.into_iter().find(|workload| workload.name == name)
}

impl Pod {
    /// Its address, where addresses are ours to give.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 244, 0, self.number.saturating_add(FIRST))
    }

    /// The number of the pod with this address.
    #[must_use]
    pub fn number_at(address: IpAddr) -> Option<u8> {
        match address {
            IpAddr::V4(address) => match address.octets() {
                [10, 244, 0, last] => last.checked_sub(FIRST),
                _ => None,
            },
            IpAddr::V6(_) => None,
        }
    }
}

/// The address of the first pod ends with it.
const FIRST: u8 = 10;

const fn workload(
    name: &'static str,
    service_account: &'static str,
    replicas: u8,
    leaf: Leaf,
) -> Workload {
    Workload {
        name,
        service_account,
        replicas,
        leaf,
    }
}

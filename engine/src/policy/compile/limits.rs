//! How much a document may hold. Together the limits keep compiling a hostile or mistaken one to
//! about a second.

/// Trust is rounded down, and nobody is surely sound.
pub(super) const MAXIMUM_TRUST: u8 = 99;

// Real meshes are far below these.
pub(super) const MAXIMUM_TRUST_DOMAINS: usize = 64;
pub(super) const MAXIMUM_AUTHORITIES: usize = 64;
pub(super) const MAXIMUM_SEGMENTS: usize = 2_000;
pub(super) const MAXIMUM_WORKLOAD_NAMES: usize = 1_000;
/// Namespaces times service accounts, over all segments: entries of an index.
pub(super) const MAXIMUM_WORKLOADS: usize = 100_000;
pub(super) const MAXIMUM_FLOWS: usize = 20_000;
pub(super) const MAXIMUM_PARALLEL_FLOWS: usize = 256;
pub(super) const MAXIMUM_GRANTS: usize = 256;
/// Pairs of path templates that are compared to find flows that overlap.
pub(super) const MAXIMUM_COMPARISONS: usize = 4_000_000;
pub(super) const MAXIMUM_OPERATIONS: usize = 64;
pub(super) const MAXIMUM_METHODS: usize = 32;
pub(super) const MAXIMUM_PATHS: usize = 256;
pub(super) const MAXIMUM_PORTS: usize = 64;
pub(super) const MAXIMUM_REVOCATIONS: usize = 10_000;
pub(super) const MAXIMUM_FLOORS: usize = 10_000;
/// RFC 5280, section 4.1.2.2.
pub(super) const MAXIMUM_SERIAL_BYTES: usize = 20;
/// As long as the `jti` of a token may be, in bytes.
pub(super) const MAXIMUM_TOKEN_ID: usize = 128;
pub(super) const MAXIMUM_SIGNALS: usize = 10_000;
/// Source, reason and author of a signal, reason and approver of a grant, in bytes.
pub(super) const MAXIMUM_SIGNAL_TEXT: usize = 256;
/// One workload in eight thousand, in milli-nats.
pub(super) const MINIMUM_PRIOR: i32 = -9_000;
/// Eight hours: evidence is forgotten soon after.
pub(super) const MAXIMUM_DWELL_SECONDS: u32 = 28_800;
pub(super) const MAXIMUM_MANIFESTS: usize = 64;
/// Over all manifests: entries of an index.
pub(super) const MAXIMUM_ARTIFACTS: usize = 4_096;
/// Name, version or stage of an artifact, in bytes: as long as manifests may have them.
pub(super) const MAXIMUM_ARTIFACT_TEXT: usize = 512;
/// Names, versions or stages that a flow asks for.
pub(super) const MAXIMUM_REQUIRED_TEXTS: usize = 64;
pub(super) const MAXIMUM_PROBES: usize = 64;
pub(super) const MAXIMUM_IP_BLOCKS: usize = 64;

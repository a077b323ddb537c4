//! What is wrong with a policy, where, and what to do about it.

use alloc::string::String;
use core::fmt;

use super::raw::AlternativeAlgorithm;
use crate::identity::{InvalidSpiffeId, InvalidTrustDomain};
use crate::names::{InvalidMethod, InvalidPath, InvalidTemplate};

/// One error of a policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Where: a path such as `spec.flows[2].operations[0].paths[1]`.
    pub path: String,
    /// What.
    pub cause: PolicyErrorCause,
}

/// What can be wrong with a policy whose shape is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyErrorCause {
    /// A list that needs an entry has none.
    #[error("is empty: name at least one, or leave the key out where it may be absent")]
    Empty,
    /// More entries than the limit.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// The segments name more workloads than the limit.
    #[error(
        "with this segment the policy names more than {0} workloads: leave `serviceAccounts` out where a segment has all of a namespace"
    )]
    TooManyWorkloads(usize),
    /// More flows between the same two segments than the limit.
    #[error(
        "is one of more than {0} flows between the same segments: put their operations into fewer flows"
    )]
    TooManyParallelFlows(usize),
    /// Comparing the flows would take too long.
    #[error(
        "has so many paths beside other flows between the same segments that comparing them takes more than {0} steps: use fewer flows or wider templates"
    )]
    TooManyTemplates(usize),
    /// A text is no DNS label.
    #[error("`{0}` is no DNS label: use lower case letters, digits and `-`, at most 63 characters")]
    NotALabel(String),
    /// A text is no DNS subdomain.
    #[error(
        "`{0}` is no Kubernetes name: use lower case letters, digits, `-` and `.`, at most 253 characters"
    )]
    NotASubdomain(String),
    /// The same name twice.
    #[error("`{0}` is already used: give each its own name")]
    Duplicate(String),
    /// A trust domain breaks a rule.
    #[error("`{name}` {cause}")]
    TrustDomain {
        /// The text.
        name: String,
        /// The broken rule.
        cause: InvalidTrustDomain,
    },
    /// A trust domain that the policy does not list.
    #[error("`{0}` is not among `spec.trustDomains`: add it there, or correct it")]
    UnknownTrustDomain(String),
    /// An authority's ML-DSA key is of a lower level than the policy's least.
    #[error(
        "`{}` is below `spec.authorities.minimumAlternativeLevel`, which is `{}`: pin a key of that level, or write a lower minimum",
        .level.name(), .minimum.name()
    )]
    LevelTooLow {
        /// The level of the key.
        level: AlternativeAlgorithm,
        /// The policy's least.
        minimum: AlternativeAlgorithm,
    },
    /// An authority that does not exist, or signs something else.
    #[error("no pinned authority of this kind has the name `{name}`{}", DidYouMean(.similar))]
    UnknownAuthority {
        /// The text.
        name: String,
        /// An authority whose name looks like it.
        similar: Option<String>,
    },
    /// The same revocation or floor twice.
    #[error("says what an entry before says already: leave one of them out")]
    RevokedTwice,
    /// A floor of nobody, or of an identity and an authority.
    #[error("a floor is of one `identity` or of one `authority`: write exactly one of them")]
    FloorOfOne,
    /// A text is no time.
    #[error("`{0}` is no time: write it as in `2026-01-31T12:00:00Z` (RFC 3339)")]
    NotATime(String),
    /// A text is no SPIFFE ID.
    #[error("`{text}` is no SPIFFE ID: {cause}")]
    Identity {
        /// The text.
        text: String,
        /// The broken rule.
        cause: InvalidSpiffeId,
    },
    /// A text is no SHA-256 digest.
    #[error(
        "`{0}` is no SHA-256 digest: write 64 hexadecimal digits, as `sallyport cred inspect` shows them"
    )]
    NotADigest(String),
    /// A text is no serial number.
    #[error(
        "`{0}` is no serial number: write it in hexadecimal digits, at most 20 bytes and not zero"
    )]
    NotASerial(String),
    /// A `jti` that no token can have.
    #[error("a `jti` has 1 to 128 bytes")]
    NotATokenId,
    /// A segment without trust domains, in a policy with several.
    #[error(
        "the policy has several trust domains: say in `trustDomains` which ones this segment is of"
    )]
    AmbiguousTrustDomain,
    /// A segment that does not exist.
    #[error("there is no segment `{name}`{}", Suggestion(.similar))]
    UnknownSegment {
        /// The text.
        name: String,
        /// A segment whose name looks like it.
        similar: Option<String>,
    },
    /// Two segments contain the same workload.
    #[error("contains workloads that `{0}` contains too: a workload belongs to one segment only")]
    SegmentsOverlap(String),
    /// Two flows cover the same request.
    #[error("covers requests that flow `{0}` covers too: a request belongs to one flow only")]
    FlowsOverlap(String),
    /// Two grants cover the same request at the same time.
    #[error(
        "covers requests that grant `{0}` covers at the same time: let one of them decide, or begin this one when that one ends"
    )]
    GrantsOverlap(String),
    /// A grant that ends before it begins.
    #[error("is not after `notBefore`")]
    EndsBeforeBeginning,
    /// A grant that lasts too long.
    #[error("is more than 7 days after `notBefore`: add a flow for what is to last")]
    GrantTooLong,
    /// A trust score above 99, which no peer can have.
    #[error("{0} is no trust score: use 0 to 99; a score is rounded down, so no peer has 100")]
    TrustOutOfRange(u8),
    /// An uncertainty above 100.
    #[error("{0} is no uncertainty: use 0 to 100")]
    UncertaintyOutOfRange(u8),
    /// A number outside its range.
    #[error("is outside of {least} to {most}")]
    OutOfRange {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A state that is left where it is entered.
    #[error("a peer at the threshold would flap: `exit` must be below `enter`")]
    NoMargin,
    /// Isolation comes before restriction.
    #[error(
        "isolation must not come before restriction: raise `enter` above, and `exit` to at least, those of `restricted`"
    )]
    IsolationBelowRestriction,
    /// Caps below what isolation needs.
    #[error(
        "no evidence could isolate anyone: denial and credential need 8000 together, and all families as much as `isolated.enter`"
    )]
    IsolationImpossible,
    /// An event that weighs more than its family can.
    #[error("weighs more than the cap of its family: lower it, or raise the cap")]
    WeightAboveCap,
    /// A text that is empty or too long.
    #[error("needs a text of 1 to {0} bytes")]
    TextLength(usize),
    /// A text that a record or a terminal would not show as it is.
    #[error(
        "has a control character, a line break or a mark that turns the direction of writing: leave it out"
    )]
    TextControl,
    /// A weight of a signal that does not weigh.
    #[error("only a signal with `effect: weigh` has a weight: leave it out")]
    WeightWithoutWeigh,
    /// A signal that ends before it begins.
    #[error("is not after `issued`")]
    ExpiresBeforeIssued,
    /// A file that only the command line reads.
    #[error("is a file, which only the command line reads: use what `sallyport render` prints")]
    Unresolved,
    /// A manifest that is no file and not verified, or both.
    #[error(
        "a manifest is one `file`, which the command line verifies: write it, and nothing else"
    )]
    ManifestOfOne,
    /// A manifest that is older than the policy wants.
    #[error(
        "has the serial {serial}, and `minimumSerial` is {minimum}: take the newest manifest; an older one may list what was taken back"
    )]
    ManifestOlder {
        /// The number of the manifest.
        serial: u64,
        /// The policy's least.
        minimum: u64,
    },
    /// A manifest that does not exist.
    #[error("there is no manifest `{name}`{}", OrAdd(.similar))]
    UnknownManifest {
        /// The text.
        name: String,
        /// A manifest whose name looks like it.
        similar: Option<String>,
    },
    /// The manifests hold more artifacts than the limit.
    #[error(
        "with this manifest the policy has more than {0} artifacts: leave out what no flow needs"
    )]
    TooManyArtifacts(usize),
    /// Artifacts that are not in their order, or one that stands twice.
    #[error(
        "is not behind the artifact before it, by kind and digest: use what `sallyport` writes"
    )]
    ArtifactOrder,
    /// A time that is not after the one that it belongs to.
    #[error("is not after `notBefore`")]
    EndsBeforeItBegins,
    /// A text is no digest of an artifact.
    #[error("`{0}` is no digest: write `sha256:` and 64 lower-case hexadecimal digits")]
    NotAnArtifactDigest(String),
    /// A signal about a digest that does not shut out.
    #[error("a signal about a digest can only have `effect: quarantine`")]
    DigestNotQuarantined,
    /// An HTTP method breaks a rule.
    #[error("`{name}` {cause}")]
    Method {
        /// The text.
        name: String,
        /// The broken rule.
        cause: InvalidMethod,
    },
    /// A method that is not written in upper case.
    #[error(
        "`{0}` is not in upper case: methods are compared exactly, and no client sends this one"
    )]
    MethodCase(String),
    /// `*` beside other methods.
    #[error("`*` stands for any method: leave the others out")]
    StarNotAlone,
    /// A path template breaks a rule.
    #[error("`{template}`: {cause}")]
    Template {
        /// The text.
        template: String,
        /// The broken rule.
        cause: InvalidTemplate,
    },
    /// `*` as the method of a probe.
    #[error("`*` would exempt every method: name the one that the probe uses")]
    ProbeMethodStar,
    /// The path of a probe breaks a rule.
    #[error("`{path}` {cause}")]
    ProbePath {
        /// The text.
        path: String,
        /// The broken rule.
        cause: InvalidPath,
    },
    /// The path of a probe has a query.
    #[error("`{0}` has a query: a probe is matched by its path alone, leave the query out")]
    ProbeQuery(String),
    /// Port 0.
    #[error("0 is no port")]
    PortZero,
    /// A text is no address block.
    #[error("`{0}` is no address block: write an address and a prefix length, as in `10.0.0.0/8`")]
    IpBlock(String),
    /// A block of all addresses.
    #[error("`{0}` is every address: name the addresses that the probes come from")]
    IpBlockEverything(String),
    /// An address block with bits outside its prefix.
    #[error("`{0}` has bits behind its prefix length: did you mean `{1}`?")]
    IpBlockBits(String, String),
}

/// `: did you mean `x`?`, or nothing.
struct Suggestion<'a>(&'a Option<String>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, ": did you mean `{name}`?"),
            None => f.write_str(": add it to `spec.segments`, or correct the name"),
        }
    }
}

/// `: did you mean `x`?`, or where to add it.
struct OrAdd<'a>(&'a Option<String>);

impl fmt::Display for OrAdd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, ": did you mean `{name}`?"),
            None => f.write_str(": add it to `spec.artifacts.manifests`, or correct the name"),
        }
    }
}

/// ` did you mean `x`?`, or where to look.
struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, ": did you mean `{name}`?"),
            None => f.write_str(": use a name of `spec.authorities`"),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.cause)
    }
}

impl core::error::Error for PolicyError {}

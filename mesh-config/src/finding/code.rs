//! What all can be said about policies and the files around them: one table.
//!
//! Codes are stable: a code keeps its meaning, and one that is no longer used is not given again.
//! SP0nn is the file and its form, SP1nn segments, flows and grants, SP2nn authorities and credentials,
//! SP3nn trust and signals, SP4nn meshConfig and Istio resources, SP5nn rendering, SP6nn import,
//! SP7nn signed documents: manifests of artifacts, bundles, modules.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Allowed, and probably not meant.
    Warning,
    /// It cannot stay.
    Error,
}

/// What is said about a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeRow {
    /// The code, `SPnnn`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means.
    pub title: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $title:literal, $remedy:literal;)*) => {
        /// The stable code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What is said about it.
            #[must_use]
            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$name => CodeRow {
                        id: $id,
                        severity: Severity::$severity,
                        title: $title,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

codes! {
    // The file and its form.
    Unreadable = "SP001", Error, "The file cannot be read.",
        "Check its name, its permissions and that it is at most 8 MiB of UTF-8.";
    Syntax = "SP002", Error, "The file is no YAML or JSON that may be used.",
        "Write one document of plain mappings, lists and values: no merge keys, no tags.";
    KeyTwice = "SP003", Error, "A key stands twice in the same mapping.",
        "Remove one of them.";
    UnknownKey = "SP004", Error, "A key is not part of the format.",
        "Correct it; the hint names the keys that are known there.";
    MissingKey = "SP005", Error, "A key that is required is missing.",
        "Add it.";
    UnknownWord = "SP006", Error, "A value is not one of the words that are allowed there.",
        "Use one of the words of the hint.";
    WrongType = "SP007", Error, "A value is of another type than the format wants.",
        "Write the type that the message names.";
    OutOfRange = "SP008", Error, "A number is outside of its range.",
        "Use a number within the range.";
    NotExactlyOne = "SP009", Error, "Of several keys exactly one must stand there.",
        "Leave one of them.";
    OtherForm = "SP010", Error, "The document breaks another rule of the format.",
        "Compare it with the output of `sallyport schema`.";
    Empty = "SP011", Error, "A list or text that needs content has none, or a text is too long.",
        "Fill it, or leave the key out where it may be absent.";
    TooMany = "SP012", Error, "A limit of the policy is exceeded.",
        "Split the policy, or say the same with fewer entries.";
    InvalidName = "SP013", Error, "A name breaks the rules for names.",
        "Use lower case letters, digits and inner `-`.";
    NameTaken = "SP014", Error, "A name is used twice.",
        "Give each its own name.";
    InvalidTime = "SP015", Error, "A text is no time.",
        "Write it as in `2026-01-31T12:00:00Z` (RFC 3339).";
    InvalidIdentity = "SP016", Error, "A text is no SPIFFE ID.",
        "Write it as in `spiffe://mesh.example/ns/shop/sa/orders`.";
    Shadow = "SP017", Warning, "A policy or flow is in shadow, so it only reports.",
        "Set `mode: enforce` once the reports are clean.";
    OtherKind = "SP018", Error, "The file is of another kind than a policy.",
        "Give it to the command that reads it, which the message names.";
    AmbiguousWord = "SP041", Error, "Kubernetes reads a word as true or false.",
        "Quote it if it is text, and write `true` or `false` if it is not.";
    NoObject = "SP042", Error, "A document is no object of Kubernetes, or not in its form.",
        "Name files with Kubernetes manifests only, as `kubectl apply` accepts them.";
    LeftOut = "SP043", Note, "A document in a folder is no object of Kubernetes.",
        "Nothing, if it is one of another program, such as values of a Helm chart.";

    NamespaceUnknown = "SP044", Error, "An object does not say its namespace.",
        "Write `metadata.namespace`, or give `--namespace`.";

    // Segments, flows and grants.
    InvalidTrustDomain = "SP101", Error, "A text is no trust domain.",
        "Use lower case letters, digits, `.`, `-` and `_`.";
    UnknownTrustDomain = "SP102", Error, "A trust domain is not among `spec.trustDomains`.",
        "Add it there, or correct it.";
    AmbiguousTrustDomain = "SP103", Error, "A segment does not say which trust domains it is of.",
        "Write `trustDomains` in the segment.";
    UnknownSegment = "SP104", Error, "A flow or grant names a segment that does not exist.",
        "Add the segment, or correct the name.";
    SegmentsOverlap = "SP105", Error, "Two segments contain the same workload.",
        "Take the workload out of one of them.";
    FlowsOverlap = "SP106", Error, "Two flows cover the same request.",
        "Let each request belong to one flow.";
    InvalidMethod = "SP107", Error, "An HTTP method breaks a rule.",
        "Write methods in upper case, or `*` alone.";
    InvalidPath = "SP108", Error, "A path or path template breaks a rule.",
        "The message names the rule; docs/policy.md shows templates.";
    InvalidPort = "SP109", Error, "A number is no port.",
        "Use 1 to 65535.";
    InvalidProbe = "SP110", Error, "A health probe breaks a rule.",
        "Name the one method, path and source addresses of the probe.";
    LonelySegment = "SP111", Warning, "No flow leads to or from a segment.",
        "Add a flow, or remove the segment.";
    UnreachableFlow = "SP112", Warning, "No caller of a segment can take a flow.",
        "Pin an authority that can vouch for them, end the quarantine, or remove the flow.";
    ShadowedOperation = "SP113", Warning, "An earlier operation of a flow or grant covers all of another one.",
        "Remove it, or put it first if its `whenRestricted` is to count.";
    AbsentSegment = "SP114", Warning, "No workload of the manifests is in a segment.",
        "Correct namespaces and service accounts, or give the manifests that are missing.";
    UndeclaredPort = "SP115", Warning, "No workload of the called segment declares a port.",
        "Correct the port, or declare it in the Service or the container.";
    UnplacedWorkload = "SP116", Note, "A workload of the manifests is in no segment.",
        "Add a segment for it, or leave it out on purpose: where the filter runs, it is denied.";
    GrantsOverlap = "SP117", Error, "Two grants cover the same request at the same time.",
        "Let one of them decide, or begin one when the other ends.";
    InvalidGrant = "SP118", Error, "The time of a grant breaks a rule.",
        "Let it end after it begins, and within 7 days; what is to last is a flow.";
    GrantEnded = "SP119", Warning, "A grant has ended.",
        "Remove it from the policy.";
    GrantEndsSoon = "SP120", Note, "A long grant ends within a day.",
        "Add a flow if the access is to last, or have a new grant approved.";
    GrantLong = "SP121", Warning, "A grant lasts longer than a day.",
        "Let it end when the work does; what is to last is a flow.";
    GrantShadowed = "SP122", Warning, "A flow covers requests of a grant, and decides there.",
        "Leave them out of the grant; if the flow asks for too much, no grant lowers it.";
    GrantForAll = "SP123", Warning, "A grant is for every segment, or for every request.",
        "Name who needs the access, and what for.";
    ColonSegment = "SP124", Warning, "A segment of a path begins with `:`, which is text like any other.",
        "Write `{model}` where any text may stand; leave it if requests have the colon.";

    // Authorities and credentials.
    UnusableFile = "SP201", Error, "A file that the policy names cannot take its place.",
        "Name one PEM file below the folder of the policy.";
    PrivateKey = "SP202", Error, "A policy or a file that it names holds a private key.",
        "Pin the public key; replace the private key if the file was shared.";
    InvalidAuthority = "SP203", Error, "An authority breaks a rule.",
        "The message names the rule; docs/credentials.md shows how to make one.";
    UnusableKey = "SP204", Error, "A key or certificate cannot be pinned.",
        "Use RSA of 2048 bits or more, P-256 or P-384, and ML-DSA of FIPS 204.";
    KeyTaken = "SP205", Error, "Two authorities share a name, key, key id, subject or issuer.",
        "Use each for one authority.";
    LevelTooLow = "SP206", Error, "An ML-DSA key is below the policy's least level.",
        "Pin a key of that level, or write a lower minimum.";
    UnknownAuthority = "SP207", Error, "A revocation or floor names an authority that is not pinned.",
        "Use a name of `spec.authorities`.";
    InvalidRevocation = "SP208", Error, "A revocation or floor breaks a rule.",
        "The message names the rule; docs/credentials.md shows the forms.";
    UnreachableAssurance = "SP209", Warning, "No pinned authority can give the required assurance.",
        "Pin an authority with an ML-DSA key, or require `classical`.";
    LegacyAlgorithm = "SP210", Warning, "An algorithm is no longer maintained.",
        "Let the authority sign with ML-DSA of FIPS 204.";
    IdleAuthority = "SP211", Warning, "No segment is of the trust domain of an authority.",
        "Remove the authority, or add the segment.";
    AuthorityExpired = "SP212", Error, "The certificate of an authority has expired.",
        "Pin its successor; docs/credentials.md says how to rotate.";
    AuthorityExpiresSoon = "SP213", Warning, "The certificate of an authority expires within 90 days.",
        "Pin its successor beside it; docs/credentials.md says how to rotate.";
    ShortKey = "SP214", Note, "The RSA key of an authority has less than 3072 bits.",
        "Use 3072 bits or P-256 for the next authority: 2048 bits are accepted, and weaker.";
    SlowKey = "SP215", Note, "The key of an authority is P-384, which is slow in WebAssembly.",
        "Use P-256; docs/algorithms.md has the figures.";
    RevokedAuthorityKey = "SP216", Warning, "A revocation names the key of an authority, and does nothing.",
        "Take the authority out of `spec.authorities`, or raise a floor for it.";
    UnpinnedTrustDomain = "SP217", Warning, "No certificate authority of a trust domain is pinned.",
        "Pin the CA of the mesh: otherwise its callers are refused on resumed TLS sessions.";

    // Trust and signals.
    InvalidTrust = "SP301", Error, "A trust score or a parameter of trust breaks a rule.",
        "The message names the rule; docs/trust.md explains the parameters.";
    InvalidSignal = "SP302", Error, "A signal breaks a rule.",
        "The message names the rule; docs/trust.md explains signals.";
    UnreachableTrust = "SP303", Warning, "A `minimumTrust` is above what any caller can reach.",
        "Lower it, or pin an authority that makes callers hybrid.";
    SignalExpired = "SP304", Warning, "A signal has expired.",
        "Remove it, or issue it again.";
    SignalExpiresSoon = "SP305", Note, "A signal expires within a day.",
        "Issue it again if it is to last.";
    FloorInFuture = "SP306", Warning, "A `notBefore` floor lies in the future.",
        "Use the time from which credentials are to count; until then all others are refused.";

    // meshConfig and the resources of Istio.
    MeshForm = "SP401", Error, "A file holds no meshConfig, or more than one.",
        "Give an IstioOperator, Helm values, the ConfigMap `istio`, or meshConfig itself.";
    MeshKeyMisplaced = "SP402", Error, "`postQuantumAuth` stands where nothing reads it.",
        "Move it to the top of meshConfig, as the hint says.";
    MeshKeyMisspelt = "SP403", Error, "A key looks like `postQuantumAuth`, and Istio ignores it.",
        "Correct it, or give it another name.";
    MeshConflict = "SP404", Error, "meshConfig and the policy ask for different things.",
        "Leave `spec.postQuantumAuth` out of the policy.";
    BreakGlassTooLong = "SP405", Error, "A break-glass is declared for more than 7 days.",
        "Write an earlier `until`: until then proxies enforce.";
    BreakGlassOver = "SP406", Warning, "A break-glass is over.",
        "Remove it from the policy.";
    BreakGlassLasts = "SP407", Warning, "A break-glass lasts: nothing is refused.",
        "Remove it from the policy as soon as the emergency is over.";
    PlaintextAllowed = "SP411", Warning, "Mutual TLS is optional where `postQuantumAuth` asks for it.",
        "Set PeerAuthentication to STRICT.";
    MutualTlsDisabled = "SP412", Error, "Mutual TLS is off where `postQuantumAuth` asks for it.",
        "Set PeerAuthentication to STRICT.";
    UnseenPort = "SP413", Warning, "No HTTP filter sees a port.",
        "Declare it as HTTP, or close it.";
    ClassicalKeyExchange = "SP414", Warning, "A setting rules out the hybrid key exchange.",
        "Allow X25519MLKEM768.";
    UntrustedAccepted = "SP415", Error, "A gateway accepts certificates that nobody validated.",
        "Validate them against a CA.";
    OtherPlugin = "SP416", Warning, "Another plugin shares its data with the filter.",
        "Trust it as much as the filter, or give the filter a `vm_id` by an EnvoyFilter.";
    FailsOpen = "SP417", Error, "Requests pass once the filter failed.",
        "Use FAIL_RELOAD.";
    BothDirections = "SP418", Error, "The filter is for outgoing requests too.",
        "Write `match: [{mode: SERVER}]`.";
    Waypoint = "SP419", Warning, "A proxy gets no certificates of callers.",
        "Use sidecars, or make the namespace exempt.";
    ClassicalCallers = "SP420", Warning, "Callers of a flow can never bring what `postQuantumAuth` asks.",
        "Pin the ML-DSA key of their authority.";
    FloorBelowMesh = "SP421", Warning, "A flow asks for less assurance than `postQuantumAuth`.",
        "Leave its `minimumAssurance` out: the higher one counts.";

    // Rendering.
    ModuleUnpinned = "SP501", Error, "The wasm module is not pinned, or no URL that can be used.",
        "Give an absolute `file://` path or an `https://` URL with `--module-sha256`, or an image by its digest.";
    TargetUnsupported = "SP502", Error, "The target and the release of Istio, or the module, do not go together.",
        "The message names a target that does.";
    KeyExchangeHidden = "SP503", Error, "The key exchange is required, and the proxies could not see it.",
        "Render for `envoyfilter` and Istio 1.31, or ask for `keyExchange: preferred`.";
    FieldTooNew = "SP504", Error, "The module does not know a field of the policy.",
        "Deploy the newer module first, or leave the field out.";
    TooLarge = "SP505", Error, "The configuration of a namespace is larger than Kubernetes stores.",
        "Spread the workloads over more namespaces, or drop revocations and signals that have ended.";
    NotStrict = "SP506", Error, "Another PeerAuthentication of the namespace accepts plaintext.",
        "Set it to STRICT, or render with `--without peer-authentication`.";
    PortIsHttp = "SP507", Error, "A port that is to be open to any connection has requests to decide about.",
        "Leave it out of `--open-tcp`.";
    NothingCovered = "SP508", Error, "No workload that is known belongs to a segment.",
        "Compare the namespaces and service accounts of the policy with those of the workloads.";
    RootNamespace = "SP509", Error, "A covered workload is in the root namespace, whose resources Istio applies to the whole mesh.",
        "Move the workload, or leave it out of the manifests or the segment.";

    // Import of Istio's AuthorizationPolicies.
    ImportNothing = "SP601", Error, "There is nothing to import.",
        "Name files with AuthorizationPolicies of `security.istio.io`.";
    ImportRefused = "SP602", Error, "Istio refuses an AuthorizationPolicy.",
        "Correct it; until then nothing is allowed where it applies.";
    ImportConditionLeftOut = "SP603", Warning, "A rule asks for something that a policy cannot ask for, so it allows nothing.",
        "Write a flow by hand, and keep the AuthorizationPolicy applied for the rest.";
    ImportDeniesMore = "SP604", Warning, "A rule denies more, since a policy cannot say its condition.",
        "Write a flow by hand, and keep the AuthorizationPolicy applied for the rest.";
    ImportPath = "SP605", Warning, "Path templates cannot say all paths of a rule; the rest is left out.",
        "Name the paths by whole segments.";
    ImportDenyPart = "SP606", Warning, "A rule denies a part of what is allowed, and the other part cannot be said.",
        "Name the paths that are allowed.";
    ImportCustom = "SP607", Warning, "CUSTOM policies are not carried over.",
        "Keep them applied, and import with `--keep-custom`.";
    ImportTargets = "SP608", Warning, "A policy applies to a gateway or waypoint, and is left out.",
        "Keep it applied.";
    ImportSelector = "SP609", Warning, "A selector cannot be resolved, since no manifest shows the workloads.",
        "Give them with `--manifests`.";
    ImportPodsDiffer = "SP610", Warning, "Pods of one service account fall under different policies; only what all allow is kept.",
        "Give workloads of different duties different service accounts.";
    ImportAccountsUnknown = "SP611", Warning, "Service accounts that are not known are left out.",
        "Give the workloads with `--manifests`.";
    ImportValuesUnknown = "SP612", Warning, "Methods or ports that nobody names are left out.",
        "Name those that are used.";
    ImportForeign = "SP613", Warning, "Of a foreign trust domain only the named identities are carried over.",
        "Add segments for the others by hand.";
    ImportDryRun = "SP614", Warning, "A policy is on trial in Istio, and is not enforced here either.",
        "Remove the annotation to import what it would enforce.";
    ImportCallersUnknown = "SP615", Note, "Callers without identity, or of namespaces that are not known, are left out.",
        "Give all namespaces with `--manifests`.";
    ImportUnprotected = "SP616", Note, "No ALLOW policy applies to a workload, so everything is allowed.",
        "Narrow the flows to it.";
    ImportAudit = "SP617", Note, "AUDIT policies neither allow nor deny.",
        "Read the decision records instead.";
    ImportCallersUnclear = "SP618", Warning, "Whether a rule means a caller cannot be said, so the caller is denied.",
        "Write the pattern with one `*`, at its end.";

    // Signed documents.
    SignatureMissing = "SP701", Error, "A document has no signature file.",
        "Sign it, or name the file with `--signature`.";
    SignatureForm = "SP702", Error, "A signature file is cut off, changed or of another form.",
        "Take the file as the signer wrote it, or sign again.";
    SignatureHalfMissing = "SP703", Error, "A signature is only classical, or only ML-DSA.",
        "Sign again: both halves are required.";
    SignatureOfOtherKind = "SP704", Error, "A signature was made for another kind of document.",
        "Name the signature of this document.";
    SigningAuthorityUnknown = "SP705", Error, "A signature is by a key that is not pinned.",
        "Name the authority with `--authority` if it is one that you trust.";
    SigningAuthoritiesMixed = "SP706", Error, "The halves of a signature are by two authorities.",
        "Sign again, with both keys of one authority.";
    SignatureInvalid = "SP707", Error, "A half of a signature does not hold.",
        "Take document and signature from their source again; do not use this one.";
    SignedFileAltered = "SP708", Error, "A document is not the one that was signed.",
        "Take document and signature from their source again, or sign what it says now.";
    SigningAuthorityForm = "SP709", Error, "A file names no signing authority.",
        "Give the `signing-authority.json` that `sallyport cred signer` wrote.";
    SignerFailed = "SP710", Error, "The program of `--signer-command` gave no signature that holds.",
        "docs/key-handling.md says what it gets and what it prints.";
    ManifestExpired = "SP711", Error, "A manifest of artifacts has expired.",
        "Review its artifacts, and sign a new one.";
    ManifestNotYetValid = "SP712", Error, "A manifest of artifacts is not valid yet.",
        "Wait until its `notBefore`, or compare the clocks.";
    InvalidDigest = "SP713", Error, "An artifact has no SHA-256 digest in the one form.",
        "Write `sha256:` and 64 lower-case hexadecimal digits; ask the maker of the source for SHA-256.";
    SourceUnknown = "SP714", Error, "A file is of no format that artifacts are imported from.",
        "Give CycloneDX 1.5 to 1.7 or SPDX 3 in JSON, an in-toto statement, or its DSSE envelope.";
    SourceEmpty = "SP715", Error, "A source names no model and no image.",
        "Name another file, or give `--kind` for the subjects of a statement.";
    EnvelopeUnverified = "SP716", Warning, "The signature of an envelope was not verified.",
        "Give the public key of its signer with `--key`.";
    EnvelopeInvalid = "SP717", Error, "A source has no signature that holds with the key that was given.",
        "Give the key of its signer, or take the envelope from its source again; import what nobody signed without `--key`.";
    ManifestOlder = "SP718", Error, "A manifest is older than one that was seen before.",
        "Take the newest one; a replayed manifest may list what was taken back.";
    BundleForm = "SP721", Error, "A file is no bundle, or not in its one canonical form.",
        "Take it as `sallyport bundle build` wrote it.";
    BundlePath = "SP722", Error, "A bundle holds a file that has no place in it.",
        "Build it again with `sallyport bundle build`; do not unpack this one.";
    BundleContent = "SP723", Error, "A file of a bundle is not the one that its list says.",
        "Build the bundle again; do not edit it.";
    BundleOlder = "SP724", Error, "A bundle is not newer than the one that is in force.",
        "Build the next version, or go back with `sallyport bundle rollback`.";
    RollbackRefused = "SP725", Error, "A rollback is not from what is in force to this bundle.",
        "Sign a new one with `sallyport bundle rollback`: each counts once.";
    HistoryForm = "SP726", Error, "A history of bundles is none, or its entries do not follow each other.",
        "Restore the file: it is what keeps old bundles out.";
    RollbackLoses = "SP727", Error, "A rollback takes back what shuts callers out.",
        "Build a new version with it, or accept that by `--accept-losses`.";
    RollbackRevives = "SP728", Warning, "A rollback brings back what was taken away.",
        "Build a new version that takes it away again, as soon as the emergency is over.";
    ModuleForm = "SP731", Error, "A file is no WebAssembly module, or no bill of materials of one.",
        "Name the files of one release.";
    ModuleDiffers = "SP732", Error, "The module that was verified is not the one that is named.",
        "Leave `--module-sha256` out: it is taken from the file.";

    // Artifacts in the policy.
    UnknownManifest = "SP741", Error, "A flow requires a manifest of artifacts that the policy does not name.",
        "Add it to `spec.artifacts.manifests`, or correct the name.";
    ManifestUnverified = "SP742", Warning, "A manifest of artifacts is written into the policy, and nobody verifies it.",
        "Name its `file`; only what `sallyport` writes itself has `verified`.";
    ManifestUnused = "SP743", Warning, "No flow requires a manifest of artifacts.",
        "Require it in a flow, or remove it.";
    ManifestExpiresSoon = "SP744", Warning, "A manifest of artifacts ends within 14 days.",
        "Review its artifacts, and sign a new one with a higher serial.";
    RequirementUnmet = "SP745", Warning, "No caller can bring what a flow requires of models or images.",
        "Correct names, versions and stages, take a manifest that lists such artifacts, or pin the authority of the tokens.";
    ManifestOfOtherName = "SP746", Error, "A manifest of artifacts has another name than the policy gives it.",
        "Use the name in the manifest: flows refer to it by that.";
}

impl Code {
    /// `SPnnn`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().id
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let ids: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(ids.is_sorted_by(|before, after| before < after), "{ids:?}");
    }

    #[test]
    fn codes_are_of_the_form_that_is_promised() {
        for code in Code::ALL {
            let digits = code.as_str().strip_prefix("SP").unwrap();
            assert_eq!(digits.len(), 3, "{code}");
            assert!(
                digits.parse::<u16>().is_ok_and(|number| number < 800),
                "{code}"
            );
            assert!(
                code.row().title.ends_with('.') && code.row().remedy.ends_with('.'),
                "{code}"
            );
        }
    }
}

//! The codes of what the compiler of policies and the crate of authorities refuse.

use sallyport_credentials::{InvalidAuthority, InvalidAuthorityCause};
use sallyport_engine::policy::{PolicyError, PolicyErrorCause as Cause};

use super::{Code, Finding};

impl From<PolicyError> for Finding {
    fn from(error: PolicyError) -> Self {
        let code = compiler(&error);
        Self::new(code, error.path, error.cause.to_string())
    }
}

impl From<InvalidAuthority> for Finding {
    /// The text of such an error says after a semicolon what to do.
    fn from(error: InvalidAuthority) -> Self {
        let code = authority(&error.cause);
        let text = error.cause.to_string();
        match text.rsplit_once("; ") {
            Some((message, hint)) => Self::new(code, error.path, message).with_hint(hint),
            None => Self::new(code, error.path, text),
        }
    }
}

fn compiler(error: &PolicyError) -> Code {
    match &error.cause {
        Cause::Empty | Cause::TextLength(_) => Code::Empty,
        Cause::TooMany(_)
        | Cause::TooManyWorkloads(_)
        | Cause::TooManyParallelFlows(_)
        | Cause::TooManyTemplates(_) => Code::TooMany,
        Cause::NotALabel(_) | Cause::NotASubdomain(_) => Code::InvalidName,
        Cause::Duplicate(_) => Code::NameTaken,
        Cause::TrustDomain { .. } => Code::InvalidTrustDomain,
        Cause::UnknownTrustDomain(_) => Code::UnknownTrustDomain,
        Cause::AmbiguousTrustDomain => Code::AmbiguousTrustDomain,
        Cause::LevelTooLow { .. } => Code::LevelTooLow,
        Cause::UnknownAuthority { .. } => Code::UnknownAuthority,
        Cause::TooManyArtifacts(_) => Code::TooMany,
        Cause::Unresolved => Code::UnusableFile,
        Cause::ManifestOfOne => Code::NotExactlyOne,
        Cause::ManifestOlder { .. } => Code::ManifestOlder,
        Cause::UnknownManifest { .. } => Code::UnknownManifest,
        Cause::ArtifactOrder => Code::OtherForm,
        Cause::EndsBeforeItBegins => Code::InvalidTime,
        Cause::NotAnArtifactDigest(_) => Code::InvalidDigest,
        Cause::NotADigest(_) if error.path.starts_with("spec.artifacts") => Code::InvalidDigest,
        Cause::DigestNotQuarantined => Code::InvalidSignal,
        Cause::RevokedTwice
        | Cause::FloorOfOne
        | Cause::NotADigest(_)
        | Cause::NotASerial(_)
        | Cause::NotATokenId => Code::InvalidRevocation,
        Cause::NotATime(_) => Code::InvalidTime,
        Cause::Identity { .. } => Code::InvalidIdentity,
        Cause::UnknownSegment { .. } => Code::UnknownSegment,
        Cause::SegmentsOverlap(_) => Code::SegmentsOverlap,
        Cause::FlowsOverlap(_) => Code::FlowsOverlap,
        Cause::GrantsOverlap(_) => Code::GrantsOverlap,
        Cause::EndsBeforeBeginning | Cause::GrantTooLong => Code::InvalidGrant,
        Cause::TextControl => Code::OtherForm,
        Cause::TrustOutOfRange(_)
        | Cause::UncertaintyOutOfRange(_)
        | Cause::NoMargin
        | Cause::IsolationBelowRestriction
        | Cause::IsolationImpossible
        | Cause::WeightAboveCap => Code::InvalidTrust,
        Cause::OutOfRange { .. } => Code::OutOfRange,
        Cause::WeightWithoutWeigh | Cause::ExpiresBeforeIssued => Code::InvalidSignal,
        Cause::Method { .. } | Cause::MethodCase(_) | Cause::StarNotAlone => Code::InvalidMethod,
        Cause::Template { .. } => Code::InvalidPath,
        Cause::ProbeMethodStar
        | Cause::ProbePath { .. }
        | Cause::ProbeQuery(_)
        | Cause::IpBlock(_)
        | Cause::IpBlockEverything(_)
        | Cause::IpBlockBits(..) => Code::InvalidProbe,
        Cause::PortZero => Code::InvalidPort,
        // A rule that a later version of the engine adds.
        _ => Code::OtherForm,
    }
}

fn authority(cause: &InvalidAuthorityCause) -> Code {
    match cause {
        InvalidAuthorityCause::Name => Code::InvalidName,
        InvalidAuthorityCause::NameTaken { .. } => Code::NameTaken,
        InvalidAuthorityCause::TrustDomain(_) => Code::InvalidTrustDomain,
        InvalidAuthorityCause::NotInlined => Code::UnusableFile,
        InvalidAuthorityCause::Pem(_)
        | InvalidAuthorityCause::CaCertificate(_)
        | InvalidAuthorityCause::ClassicalKey(_)
        | InvalidAuthorityCause::AlternativeKey(_) => Code::UnusableKey,
        InvalidAuthorityCause::Time => Code::InvalidTime,
        InvalidAuthorityCause::KeyTaken { .. }
        | InvalidAuthorityCause::SubjectTaken { .. }
        | InvalidAuthorityCause::KeyIdTaken { .. }
        | InvalidAuthorityCause::IssuerTaken { .. } => Code::KeyTaken,
        InvalidAuthorityCause::RequiredWithoutKey
        | InvalidAuthorityCause::AlternativeKeyUnpinned
        | InvalidAuthorityCause::AlternativeKeyMismatch
        | InvalidAuthorityCause::KeyId
        | InvalidAuthorityCause::Claim
        | InvalidAuthorityCause::Lifetime
        // A rule that a later version of the crate adds.
        | _ => Code::InvalidAuthority,
    }
}

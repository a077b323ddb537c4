//! A decision as one line for access logs, which have no room for a record.

use core::fmt;

use crate::policy::CheckedArtifact;
use crate::trust::{MilliNats, TermName};
use crate::verdict::Verdict;

/// A verdict as words `name=value`, with the names of the decision record and in this order:
/// `verdict=allow would_deny=false reason=- flow=predict grant=- source_segment=gateway
/// assurance=hybrid trust=99 state=TRUSTED lambda_mnat=-6300
/// terms=prior:-4600,assurance:-1500,tls_version:-200 decision_id=0011223344556677-1`. What is not
/// known is `-`. Of the terms the three stand there that weigh most. Where something was asked of the
/// caller's model or image, the digest that came stands behind, and the manifest: `model=sha256:..
/// model_manifest=models`.
#[derive(Debug, Clone, Copy)]
pub struct AccessLogLine<'a>(pub &'a Verdict);

impl fmt::Display for AccessLogLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(verdict) = self;
        let context = verdict.context();
        let reason = verdict.reason();
        let word = if verdict.is_allowed() {
            "allow"
        } else {
            "deny"
        };
        write!(f, "verdict={word}")?;
        write!(
            f,
            " would_deny={}",
            verdict.is_allowed() && reason.is_some()
        )?;
        write!(f, " reason={}", reason.map_or("-", |reason| reason.code()))?;
        write!(f, " flow={}", context.flow.as_deref().unwrap_or("-"))?;
        let grant = context.grant.as_deref();
        write!(f, " grant={}", grant.map_or("-", |grant| &grant.name))?;
        let source = context.source_segment.as_deref();
        write!(f, " source_segment={}", source.unwrap_or("-"))?;
        write!(f, " assurance={}", context.assurance.as_str())?;
        match &context.score {
            Some(score) => write!(f, " trust={}", score.trust)?,
            None => f.write_str(" trust=-")?,
        }
        let state = context.standing.map_or("-", |state| state.as_str());
        write!(f, " state={state}")?;
        match &context.score {
            Some(score) => {
                write!(f, " lambda_mnat={} terms=", score.lambda)?;
                write_heaviest(f, score.terms.list())?;
            }
            None => f.write_str(" lambda_mnat=- terms=-")?,
        }
        write!(f, " decision_id={}", context.decision_id)?;
        for checked in &context.artifacts {
            write_artifact(f, checked)?;
        }
        Ok(())
    }
}

fn write_artifact(f: &mut fmt::Formatter<'_>, checked: &CheckedArtifact) -> fmt::Result {
    let kind = checked.kind.as_str();
    match &checked.digest {
        Some(digest) => write!(f, " {kind}={digest}")?,
        None => write!(f, " {kind}=-")?,
    }
    match &checked.required {
        Some(required) => write!(f, " {kind}_manifest={}", required.manifest().name()),
        None => Ok(()),
    }
}

fn write_heaviest<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    mut terms: [(TermName, MilliNats); N],
) -> fmt::Result {
    // Stable: of equal ones the first in the list.
    terms.sort_by_key(|(_, amount)| core::cmp::Reverse(amount.unsigned_abs()));
    let heaviest = terms.iter().filter(|(_, amount)| *amount != 0);
    let mut separator = "";
    for (name, amount) in heaviest.take(SHOWN) {
        write!(f, "{separator}{}:{amount:+}", name.as_str())?;
        separator = ",";
    }
    if separator.is_empty() {
        f.write_str("-")?;
    }
    Ok(())
}

const SHOWN: usize = 3;

#[cfg(test)]
mod tests;

//! A score in words: the one place that writes it out.

use core::fmt;

use super::{Behaviour, MilliNats, Score, TermName};
use crate::facts::TlsVersion;

/// A score and what follows from it, as one line: `Lambda -0.3: prior -4.6, hybrid -1.5, tls1.3
/// -0.2, denial +6.0 (3 distinct targets in 20 s) -> T 57, S 6.0, TRUSTED`. Terms of nothing are
/// left out.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a> {
    /// The score.
    pub score: &'a Score,
    /// The standing.
    pub standing: Behaviour,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score {
            lambda,
            trust,
            terms,
            ..
        } = self.score;
        write!(f, "Lambda {}", Signed(*lambda))?;
        let shown = terms
            .list()
            .into_iter()
            .filter(|(name, term)| *name == TermName::Prior || *term != 0);
        for (number, (name, term)) in shown.enumerate() {
            let separator = if number == 0 { ": " } else { ", " };
            write!(f, "{separator}{} {}", self.label(name), Signed(term))?;
            if name == TermName::Denial {
                self.write_targets(f)?;
            }
        }
        let behaviour = self.score.behaviour();
        write!(
            f,
            " -> T {trust}, S {}, {}",
            Plain(behaviour),
            self.standing.as_str()
        )
    }
}

impl Explanation<'_> {
    /// What a term is called here: by its value where that tells more than its name.
    const fn label(&self, name: TermName) -> &'static str {
        match name {
            TermName::Assurance => self.score.grounds.assurance.as_str(),
            TermName::TlsVersion => match self.score.grounds.tls_version {
                TlsVersion::Tls12 => "tls1.2",
                TlsVersion::Tls13 => "tls1.3",
                TlsVersion::Other => "old tls",
            },
            TermName::CredentialAge => "age",
            TermName::Prior
            | TermName::Level
            | TermName::Metadata
            | TermName::Denial
            | TermName::Novelty
            | TermName::Credential
            | TermName::Rate
            | TermName::Volume
            | TermName::Error
            | TermName::Signal => name.as_str(),
        }
    }

    fn write_targets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grounds = &self.score.grounds;
        let (count, seconds) = (grounds.refused_targets, grounds.refused_span_seconds);
        let targets = if count == 1 { "target" } else { "targets" };
        write!(f, " ({count} distinct {targets} in {seconds} s)")
    }
}

/// Nats with their sign and one decimal place.
struct Signed(MilliNats);

/// Nats with one decimal place.
struct Plain(MilliNats);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write_tenths(f, sign, self.0)
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = tenths(self.0);
        write!(f, "{}.{}", tenths.0, tenths.1)
    }
}

fn write_tenths(f: &mut fmt::Formatter<'_>, sign: char, milli_nats: MilliNats) -> fmt::Result {
    let tenths = tenths(milli_nats);
    write!(f, "{sign}{}.{}", tenths.0, tenths.1)
}

/// Whole nats and tenths of the size of an amount, rounded.
fn tenths(milli_nats: MilliNats) -> (u32, u32) {
    let tenths = milli_nats
        .unsigned_abs()
        .saturating_add(50)
        .checked_div(100)
        .unwrap_or(0);
    (
        tenths.checked_div(10).unwrap_or(0),
        tenths.checked_rem(10).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::identity::Assurance;
    use crate::trust::{Grounds, Terms};

    /// The score whose text the specification gives.
    fn specified() -> Score {
        Score {
            lambda: 8_000,
            trust: 0,
            uncertainty: 0,
            terms: Terms {
                prior: -4_600,
                assurance: -1_500,
                tls_version: -200,
                credential_age: 300,
                denial: 9_000,
                novelty: 5_000,
                ..Terms::default()
            },
            grounds: Grounds {
                assurance: Assurance::Hybrid,
                tls_version: TlsVersion::Tls13,
                refused_targets: 3,
                refused_span_seconds: 20,
            },
        }
    }

    fn text(score: &Score, standing: Behaviour) -> alloc::string::String {
        Explanation { score, standing }.to_string()
    }

    #[test]
    fn writes_the_text_of_the_specification() {
        assert_eq!(
            text(&specified(), Behaviour::Restricted),
            "Lambda +8.0: prior -4.6, hybrid -1.5, tls1.3 -0.2, age +0.3, \
             denial +9.0 (3 distinct targets in 20 s), novelty +5.0 -> T 0, S 14.0, RESTRICTED"
        );
    }

    #[test]
    fn leaves_out_what_weighs_nothing_and_rounds_to_tenths() {
        let mut score = specified();
        score.lambda = -4_651;
        score.trust = 99;
        score.terms = Terms {
            prior: -4_600,
            signal: -51,
            ..Terms::default()
        };
        assert_eq!(
            text(&score, Behaviour::Trusted),
            "Lambda -4.7: prior -4.6, signal -0.1 -> T 99, S 0.0, TRUSTED"
        );
    }
}

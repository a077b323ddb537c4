//! Statements of in-toto (v1, and v0.1 as older provenance has it), whatever their predicate: the
//! digests of their subjects.

use serde_json::Value;

use super::{Entry, collect, join, list, one_sha256, text, unknown};
use crate::artifacts::ArtifactKind;
use crate::finding::{Code, Finding};

const TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

pub(super) fn read(
    statement: &Value,
    kind: Option<ArtifactKind>,
) -> Result<Vec<Entry>, Vec<Finding>> {
    let name = text(statement, "", "_type").map_err(|finding| vec![finding])?;
    if !TYPES.contains(&name.as_str()) {
        return Err(vec![unknown("is no statement of in-toto v1 or v0.1")]);
    }
    let Some(kind) = kind else {
        let message = "are of no kind: a statement does not say whether they are models or images";
        let finding = Finding::new(Code::SourceEmpty, "subject", message);
        return Err(vec![finding.with_hint(Code::SourceEmpty.row().remedy)]);
    };
    let subjects = list(statement, "", "subject").map_err(|finding| vec![finding])?;
    let subjects = subjects.iter().enumerate();
    collect(subjects.map(|(number, subject)| entry(subject, &format!("subject[{number}]"), kind)))
}

fn entry(subject: &Value, path: &str, kind: ArtifactKind) -> Result<Option<Entry>, Finding> {
    let place = join(path, "digest");
    let Some(Value::Object(digests)) = subject.get("digest") else {
        return Err(Finding::new(
            Code::MissingKey,
            place,
            "is no mapping of digests",
        ));
    };
    let digests = digests.iter().map(|(algorithm, digits)| {
        let digits = digits
            .as_str()
            .ok_or_else(|| Finding::new(Code::WrongType, join(&place, algorithm), "is no text"))?;
        Ok((algorithm.clone(), digits.to_owned()))
    });
    let digests: Vec<(String, String)> = digests.collect::<Result<_, Finding>>()?;
    Ok(Some(Entry {
        kind,
        digest: one_sha256(&digests, "sha256", &place)?,
        name: text(subject, path, "name")?,
        version: None,
        reference: None,
    }))
}

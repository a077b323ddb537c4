//! `sallyport docs`: the generated reference documents.

use sallyport_mesh_config::reference;

use super::failure::Failure;
use crate::args::ReferenceDocument;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(document: ReferenceDocument) -> Result<Exit, Failure> {
    let text = match document {
        ReferenceDocument::Findings => reference::findings(),
        ReferenceDocument::Reasons => reference::reasons(),
        ReferenceDocument::Metrics => reference::metrics(),
        ReferenceDocument::Policy => reference::policy(),
        ReferenceDocument::DecisionRecord => reference::decision_record(),
    };
    terminal::raw(text.as_bytes()).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

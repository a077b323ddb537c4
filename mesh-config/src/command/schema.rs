//! `sallyport schema`: the JSON Schemas of the files that the commands read.

use sallyport_mesh_config::schema;

use super::failure::Failure;
use super::test::suite::TestFile;
use crate::args::SchemaKind;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(kind: SchemaKind) -> Result<Exit, Failure> {
    let schema = match kind {
        SchemaKind::Policy => schema::published(),
        SchemaKind::Workloads => schema::workloads(),
        SchemaKind::ArtifactManifest => schema::artifact_manifest(),
        SchemaKind::DecisionRecord => schema::decision_record(),
        SchemaKind::PolicyTests => schema::of::<TestFile>(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|_| Failure::Encoding("JSON"))?;
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

//! `sallyport schema`: the JSON Schemas of the files that people write.

use sallyport_mesh_config::schema;

use super::failure::Failure;
use crate::args::SchemaOf;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(of: SchemaOf) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaOf::Policy => schema::published(),
        SchemaOf::Workloads => schema::workloads(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|_| Failure::Encoding("JSON"))?;
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

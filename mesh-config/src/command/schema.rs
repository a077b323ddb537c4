//! `sallyport schema`: the JSON Schema of policy files.

use sallyport_mesh_config::schema;

use super::failure::Failure;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run() -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&schema::published())
        .map_err(|_| Failure::Encoding("JSON"))?;
    terminal::line(text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

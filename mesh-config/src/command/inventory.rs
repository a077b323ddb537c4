//! The workloads that there are, from the files that the command line names.

use std::fs;

use sallyport_mesh_config::manifests;
use sallyport_mesh_config::workloads::{Inventory, from_manifests, list};

use super::failure::Failure;
use crate::args::InventoryArgs;

/// Reads the workloads; none where no file is named.
pub(super) fn read(args: &InventoryArgs) -> Result<Option<Inventory>, Failure> {
    if args.manifests.is_empty() && args.workloads.is_empty() {
        return Ok(None);
    }
    let mut inventory = Inventory::default();
    if !args.manifests.is_empty() {
        let read = manifests::read(&args.manifests).map_err(|error| Failure::Workloads(error.0))?;
        let found = from_manifests(&read.objects, args.namespace.as_deref());
        inventory = found.map_err(Failure::Workloads)?;
    }
    for path in &args.workloads {
        let text = fs::read_to_string(path).map_err(Failure::unreadable(path))?;
        let listed = list::from_text(&text, path).map_err(Failure::Workloads)?;
        inventory.workloads.extend(listed.workloads);
    }
    Ok(Some(inventory))
}

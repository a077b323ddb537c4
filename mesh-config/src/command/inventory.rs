//! The workloads that there are, from the files that the command line names.

use sallyport_mesh_config::manifests::{self, Manifests};
use sallyport_mesh_config::workloads::{Inventory, from_manifests, list};

use super::failure::Failure;
use crate::args::InventoryArgs;

/// What the files say.
#[derive(Default)]
pub(super) struct Known {
    pub(super) manifests: Manifests,
    /// None where no file is named.
    pub(super) inventory: Option<Inventory>,
}

/// Reads the files.
pub(super) fn read(args: &InventoryArgs) -> Result<Known, Failure> {
    if args.manifests.is_empty() && args.workloads.is_empty() {
        return Ok(Known::default());
    }
    let mut manifests = Manifests::default();
    let mut inventory = Inventory::default();
    if !args.manifests.is_empty() {
        manifests = manifests::read(&args.manifests).map_err(|error| Failure::files(error.0))?;
        let namespace = args.namespace.as_deref();
        // Also what is no workload: a PeerAuthentication counts in the namespace that it goes to.
        manifests.place(namespace);
        let found = from_manifests(&manifests.objects, namespace);
        inventory = found.map_err(Failure::files)?;
    }
    for path in &args.workloads {
        let text = manifests::read_file(path).map_err(Failure::unreadable(path))?;
        let listed = list::from_text(&text, path).map_err(Failure::files)?;
        inventory.workloads.extend(listed.workloads);
    }
    Ok(Known {
        manifests,
        inventory: Some(inventory),
    })
}

//! Names that a request carries, parsed once into a canonical form.

mod method;
mod path;
mod template;
mod template_tree;

pub use method::{InvalidMethod, Method};
pub use path::{InvalidPath, RequestPath};
pub use template::{InvalidTemplate, PathTemplate};
pub(crate) use template_tree::TemplateTree;

//! The application in the pods of a mesh: a server that answers with what it was asked, and a client
//! that says what came of each request.
//!
//! Everything that a scenario does in a pod is a command line of this program, with lines of JSON as
//! its output, so that it does not matter how the command gets into the pod.

mod args;
mod call;
mod dial;
mod outcome;
mod serve;
mod tls;

pub use args::{App, Call, Command, Protocol, Serve, Tls};
pub use call::call;
pub use dial::{Dialled, Order, dial};
pub use outcome::Outcome;
pub use serve::serve;
pub use tls::tls;

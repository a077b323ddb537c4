//! `mesh-app`: the application in the pods of a test mesh, and its client.

use std::process::ExitCode;

use clap::Parser;
use sallyport_e2e::app::{self, App, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match App::parse().command {
        Command::Serve(options) => app::serve(&options).await,
        Command::Call(options) => app::call(options).await,
        Command::Tls(options) => app::tls(&options),
        Command::Dial => app::dial(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

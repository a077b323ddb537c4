//! `make demo`: shows the main decisions on two real sidecars.

use std::process::ExitCode;

fn main() -> ExitCode {
    match sallyport_e2e::demo::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

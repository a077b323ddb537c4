//! `make demo`: shows the main decisions on two real sidecars.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        anstream::eprintln!("error: the demo takes no arguments");
        return ExitCode::from(TROUBLE);
    }
    match sallyport_e2e::demo::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERENT),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// A step came out differently.
const DIFFERENT: u8 = 1;
/// Wrong usage, or something around the demo failed.
const TROUBLE: u8 = 3;

//! Runs the vectors of Wycheproof, which are part of the program: also as WebAssembly. One line for
//! each case that disagrees.
#![expect(clippy::unwrap_used, reason = "a tool that may stop")]

#[path = "../tests/support/wycheproof.rs"]
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    let report = support::run();
    for line in &report.disagreements {
        println!("{line}");
    }
    println!("{} cases, {} accepted", report.cases, report.accepted);
    if report.disagreements.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

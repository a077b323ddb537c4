//! Makes docs/evaluation.md and its figures: `evaluate FOLDER`, where the folder is that of the
//! documents. The same program writes the same bytes.

mod baseline;
mod document;
mod figures;
mod parallel;
mod plan;
mod policies;
mod run;
mod summary;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: evaluate FOLDER");
        return ExitCode::from(3);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let figures = folder.join("evaluation");
    std::fs::create_dir_all(&figures)?;
    let findings = plan::carry_out()?;
    figures::courses(&findings.courses, &figures.join("score.svg"))?;
    figures::tradeoff(&findings.tradeoff, &figures.join("tradeoff.svg"))?;
    std::fs::write(folder.join("evaluation.md"), document::text(&findings))?;
    Ok(())
}

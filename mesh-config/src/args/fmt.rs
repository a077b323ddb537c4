//! `sallyport fmt`, `man`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = FMT_EXAMPLE)]
pub(crate) struct FmtArgs {
    /// Policy files or files of tests, YAML or JSON; `-` writes standard input to standard output.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing, and fail if a file is not formatted.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command to this folder, instead of one page to standard output.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

const FMT_EXAMPLE: &str = "\
Comments stay. A file is replaced as a whole, and only if the result says the same.
Exit codes: 0 ok, 1 not formatted (`--check`) or not to be formatted, 3 usage or I/O.";

//! `sallyport diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLE)]
pub(crate) struct DiffArgs {
    /// The policy as it is; `-` is standard input.
    pub(crate) old: PathBuf,
    /// The policy as it would be; `-` is standard input.
    pub(crate) new: PathBuf,
    /// The file with meshConfig: its `postQuantumAuth` goes into both policies,
    /// as `render --mesh` puts it there.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) comparison: ComparisonArgs,
}

/// How two policies are compared, alone or in bundles.
#[derive(Debug, Args)]
pub(crate) struct ComparisonArgs {
    /// Exit with 1 if some change is of this kind, or not all could be asked.
    #[arg(long, value_enum, value_name = "EFFECT")]
    pub(crate) fail_on: Option<FailOn>,
    /// Ask at most so many requests.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) limit: usize,
    /// Write all examples, not only the first of each kind.
    #[arg(long)]
    pub(crate) all: bool,
    /// Ask as of this time: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// More would pass.
    Widening,
    /// Less would pass.
    Narrowing,
    /// Anything changes.
    Any,
}

const DIFF_EXAMPLE: &str = "\
Example:
  git show main:policy.yaml | sallyport diff --fail-on widening - policy.yaml

Both policies are asked about the same requests: each caller, operation and assurance of both, and
undeclared methods, paths and ports beside them. What no request can show, such as an authority, is
compared as text; where that could be both, it counts as widening. Where there was more to ask than
`--limit` allows, `--fail-on` fails.
Exit codes: 0 ok, 1 a change of the kind of `--fail-on`, or an invalid policy, 3 usage or I/O.";

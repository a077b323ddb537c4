//! The flags of `sallyport simulate`.

use std::path::PathBuf;

use clap::Args;
use sallyport_engine::identity::SpiffeId;
use sallyport_simulation::generate::Scenario;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct SimulateArgs {
    /// The trace: NDJSON, one request a line, in the order of arrival; `-` for standard input.
    #[arg(required_unless_present = "generate", conflicts_with = "generate")]
    pub(crate) trace: Option<PathBuf>,
    /// The policy file.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "generate",
        conflicts_with = "generate"
    )]
    pub(crate) policy: Option<PathBuf>,
    /// Another policy file: say what would change with it.
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub(crate) compare: Option<PathBuf>,
    /// The file with meshConfig: its `postQuantumAuth` goes into both policies, as `render --mesh`
    /// puts it there.
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub(crate) mesh: Option<PathBuf>,
    /// The workload that is called, where a line does not say `to`.
    #[arg(long, value_name = "SPIFFE_ID", conflicts_with = "generate")]
    pub(crate) to: Option<SpiffeId>,
    /// The port that is called, where a line does not say `port`.
    #[arg(long, default_value_t = 8080, conflicts_with = "generate")]
    pub(crate) port: u16,
    /// Write a labelled trace instead, about the policy of `--write-policy`.
    #[arg(long, value_name = "SCENARIO", requires = "seed", value_parser = scenarios())]
    pub(crate) generate: Option<Scenario>,
    /// What else decides on a generated trace: the same number gives the same bytes.
    #[arg(long, requires = "generate")]
    pub(crate) seed: Option<u64>,
    /// How many replicas call in a generated trace.
    #[arg(long, default_value_t = 12, requires = "generate", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub(crate) peers: u32,
    /// Days of the scenario `benign`; the others have lengths of their own.
    #[arg(long, default_value_t = 1, requires = "generate", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// Also write the policy that generated traces are about into this file.
    #[arg(long, value_name = "FILE", requires = "generate")]
    pub(crate) write_policy: Option<PathBuf>,
}

fn scenarios() -> impl clap::builder::TypedValueParser<Value = Scenario> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str))
        .try_map(|name| name.parse::<Scenario>())
}

const EXAMPLE: &str = "\
Examples:
  sallyport simulate --generate scan --seed 1 --write-policy mesh.json > scan.ndjson
  sallyport simulate scan.ndjson --policy mesh.json
  sallyport simulate recorded.ndjson --policy policy.yaml --compare stricter.yaml

docs/operations.md says what a line holds.";

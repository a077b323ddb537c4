//! `sallyport test`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = TEST_EXAMPLE)]
pub(crate) struct TestArgs {
    /// Test files, YAML or JSON.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The policy to ask, instead of the one that the files name.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The file with meshConfig: its `postQuantumAuth` goes into the policy, as `render --mesh` puts it
    /// there.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh: Option<PathBuf>,
    /// Fail if less than so many percent of a policy's operations are met by a request.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) min_coverage: u8,
    /// Also write the results to this file, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

const TEST_EXAMPLE: &str = "\
A test file:
  policy: policy.yaml
  defaults: {port: 8080, assurance: hybrid, at: \"2026-11-21T08:00:00Z\"}
  tests:
    - name: the web may read orders
      request: {from: spiffe://d.example/ns/web/sa/web, to: spiffe://d.example/ns/orders/sa/orders, path: /v1/orders/7}
      expect: {verdict: allow, flow: web-to-orders}
    - name: nobody may delete them
      request: {to: spiffe://d.example/ns/orders/sa/orders, method: DELETE, path: /v1/orders/7}
      cases: {from: [spiffe://d.example/ns/web/sa/web, spiffe://d.example/ns/batch/sa/batch]}
      expect: {verdict: deny}

`sallyport schema policy-tests` prints its JSON Schema. The keys of a request are the flags of
`explain`, in camel case; `cases` makes a test of each combination.
Exit codes: 0 ok, 1 failed tests, too little coverage or an invalid file, 3 usage or I/O.";

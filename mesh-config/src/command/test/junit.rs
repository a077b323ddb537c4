//! Results as JUnit XML, which build servers show.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{PolicyReport, Tested};
use crate::command::failure::Failure;

/// One suite for each file, and one for the coverage of policies where that is asked for.
pub(super) fn xml(
    files: &[Tested],
    policies: &[PolicyReport],
    least: u8,
) -> Result<String, Failure> {
    let mut report = Report::new("sallyport test");
    for file in files {
        let mut suite = TestSuite::new(file.file.as_str());
        for result in &file.results {
            let status = match &result.failure {
                None => TestCaseStatus::success(),
                Some(failure) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(failure.difference());
                    status.set_description(failure.explanation.as_str());
                    status
                }
            };
            let mut case = TestCase::new(result.name.as_str(), status);
            case.set_classname(file.file.as_str());
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    if least > 0 {
        report.add_test_suite(coverage(policies, least));
    }
    report.to_string().map_err(|_| Failure::Encoding("JUnit"))
}

fn coverage(policies: &[PolicyReport], least: u8) -> TestSuite {
    let mut suite = TestSuite::new("coverage");
    for policy in policies {
        let status = if policy.is_covered(least) {
            TestCaseStatus::success()
        } else {
            let percent = policy.coverage.operations.percent;
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!(
                "{percent} % of operations, where {least} % are wanted"
            ));
            let missing = policy.coverage.missing.iter();
            let missing: Vec<String> = missing.map(ToString::to_string).collect();
            status.set_description(missing.join("\n"));
            status
        };
        let name = format!("{least} % of the operations of {} are met", policy.policy);
        let mut case = TestCase::new(name, status);
        case.set_classname(policy.file.as_str());
        suite.add_test_case(case);
    }
    suite
}

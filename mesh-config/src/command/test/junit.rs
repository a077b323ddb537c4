//! Results as JUnit XML, which build servers show.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Tested;
use crate::command::failure::Failure;

/// One suite for each file.
pub(super) fn xml(files: &[Tested]) -> Result<String, Failure> {
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
    report.to_string().map_err(|_| Failure::Encoding("JUnit"))
}

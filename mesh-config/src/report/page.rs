//! The report as one page of HTML that needs nothing from elsewhere.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};

use super::Report;

/// The page could not be written, which its template rules out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be written as HTML")]
pub struct Unwritable;

/// Writes the page. All text of the report is escaped.
///
/// # Errors
/// [`Unwritable`], which the template rules out.
pub fn html(report: &Report) -> Result<String, Unwritable> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let context = Value::from(Serde(report));
    environment
        .render_str(TEMPLATE, context)
        .map_err(|_| Unwritable)
}

const TEMPLATE: &str = include_str!("page.html");

//! The samples of the Prometheus text format that concern the filter.
//!
//! Only the plain form is read: a name, labels in braces, a number. Envoy and Istio's agent write
//! nothing else; lines in another form are left out, as Prometheus' own comments are.

use std::collections::BTreeMap;

/// Sums of samples by name, over all labels.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// Reads the samples whose names concern the filter or its VM.
    pub(super) fn read(text: &str) -> Self {
        let mut samples = Self::default();
        for line in text.lines() {
            let Some((name, value)) = sample(line) else {
                continue;
            };
            let plain = name.strip_prefix("envoy_").unwrap_or(name);
            let plain = plain.strip_prefix("wasmcustom_").unwrap_or(plain);
            if plain.starts_with("sallyport_") || plain.starts_with("wasm_") {
                *samples.0.entry(plain.to_owned()).or_default() += value;
            }
        }
        samples
    }

    /// The value of a metric.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// A count, from the sum of all metrics whose names begin and end so.
    pub(super) fn sum(&self, start: &str, end: &str) -> u64 {
        let all = self.0.iter();
        let fitting = all.filter(|(name, _)| name.starts_with(start) && name.ends_with(end));
        whole(fitting.map(|(_, value)| value).sum())
    }
}

/// The whole number that a sample stands for; 0 for what is none.
pub(super) fn whole(value: f64) -> u64 {
    // Through the text, which has no rounding rules of its own; a hash has 48 bits, so it is exact.
    format!("{value:.0}").parse().unwrap_or(0)
}

/// Name and value of a line.
fn sample(line: &str) -> Option<(&str, f64)> {
    let line = line.trim();
    let end = line.find(|character: char| character == '{' || character.is_whitespace())?;
    let (name, rest) = line.split_at_checked(end)?;
    let rest = match rest.strip_prefix('{') {
        // A value of a label may hold a brace, but not the last one of the line.
        Some(labels) => labels.rsplit_once('}')?.1,
        None => rest,
    };
    let value = rest.split_whitespace().next()?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    if name.is_empty() || !name.bytes().all(named) {
        return None;
    }
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Some((name, value)),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_labels_and_values() {
        for (line, expected) in [
            ("a 1", Some(("a", 1.0))),
            ("a{} 2", Some(("a", 2.0))),
            ("a{b=\"}\",c=\"d\"} 3.5 1700000000", Some(("a", 3.5))),
            ("# TYPE a counter", None),
            ("a NaN", None),
            ("a", None),
            ("", None),
            ("a{b 1", None),
        ] {
            assert_eq!(sample(line), expected, "{line}");
        }
    }

    #[test]
    fn sums_over_labels_and_keeps_what_concerns_the_filter() {
        let text = "sallyport_denied{reason=\"a\"} 2\nsallyport_denied{reason=\"b\"} 3\n\
                    wasmcustom_sallyport_enforcing{} 1\nother 9\n\
                    sallyport_policy_hash{} 281474976710655\n";
        let samples = Samples::read(text);
        assert_eq!(samples.sum("sallyport_denied", ""), 5);
        assert_eq!(samples.get("sallyport_enforcing"), Some(1.0));
        assert_eq!(samples.get("other"), None);
        assert_eq!(
            samples.get("sallyport_policy_hash").map(whole),
            Some((1 << 48) - 1)
        );
    }
}

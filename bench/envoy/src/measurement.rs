//! What is measured in one turn of a cell, and the files that keep it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::BenchError;
use crate::machine::Environment;
use crate::plan::Cell;

/// One turn of a cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// What was measured.
    pub(crate) cell: Cell,
    /// Turns of all cells that belong together.
    pub(crate) round: usize,
    /// The system's load before its round and the next began.
    pub(crate) load_before: f64,
    /// Answers at the constant rate.
    pub(crate) requests: u64,
    /// Processor time of the called Envoy, each request, in microseconds.
    pub(crate) cpu_us: f64,
    /// The same of helpers.
    pub(crate) helper_cpu_us: f64,
    /// Latencies at the constant rate, from when requests were due, in microseconds.
    pub(crate) p50_us: f64,
    /// 90th percentile.
    pub(crate) p90_us: f64,
    /// 99th percentile.
    pub(crate) p99_us: f64,
    /// Resident memory of the called Envoy after it, in KiB.
    pub(crate) resident_kib: u64,
    /// The same of helpers.
    pub(crate) helper_resident_kib: u64,
    /// From the start of the called Envoy until it served, in milliseconds.
    pub(crate) start_ms: f64,
    /// When asked as fast as it answers, if that was measured.
    pub(crate) saturation: Option<Saturation>,
}

/// A called Envoy that is asked as fast as it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Saturation {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Its processor time, each request, in microseconds.
    pub(crate) cpu_us: f64,
    /// The share of a processor that it used.
    pub(crate) share: f64,
}

/// What was measured so far of one question: a JSON line for the environment, then one for each row.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    path: PathBuf,
    /// Under which they were measured.
    pub(crate) environment: Environment,
    /// In the order in which they were measured.
    pub(crate) rows: Vec<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line<T> {
    Environment(Environment),
    Row(T),
}

impl<T: Serialize + DeserializeOwned + Clone> Rounds<T> {
    /// Goes on with what was measured in the same environment; what was measured in another one is
    /// put aside.
    pub(crate) fn open(
        folder: &Path,
        name: &str,
        environment: &Environment,
    ) -> Result<Self, BenchError> {
        fs::create_dir_all(folder).map_err(BenchError::file(folder))?;
        if let Some(rounds) = Self::read(folder, name)? {
            if rounds.environment == *environment {
                return Ok(rounds);
            }
            let aside = rounds.path.with_extension("old.jsonl");
            anstream::println!(
                "{name}: other programs or numbers than before, whose results go to {}",
                aside.display()
            );
            fs::rename(&rounds.path, &aside).map_err(BenchError::file(&aside))?;
        }
        let rounds = Self {
            path: path(folder, name),
            environment: environment.clone(),
            rows: Vec::new(),
        };
        rounds.append(&[Line::Environment(environment.clone())])?;
        Ok(rounds)
    }

    /// What was measured, if anything.
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<Self>, BenchError> {
        let path = path(folder, name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(BenchError::file(&path))?;
        let mut environment = None;
        let mut rows = Vec::new();
        for line in text.lines() {
            let what = path.display().to_string();
            match serde_json::from_str(line).map_err(BenchError::json(what))? {
                Line::Environment(found) => environment = Some(found),
                Line::Row(row) => rows.push(row),
            }
        }
        Ok(environment.map(|environment| Self {
            path,
            environment,
            rows,
        }))
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: T) -> Result<(), BenchError> {
        self.add_all(vec![row])
    }

    /// Adds rows that belong together: all or none.
    pub(crate) fn add_all(&mut self, rows: Vec<T>) -> Result<(), BenchError> {
        let lines: Vec<Line<T>> = rows.iter().cloned().map(Line::Row).collect();
        self.append(&lines)?;
        self.rows.extend(rows);
        Ok(())
    }

    fn append(&self, lines: &[Line<T>]) -> Result<(), BenchError> {
        let mut text = String::new();
        for line in lines {
            let line = serde_json::to_string(line).map_err(BenchError::json("a result"))?;
            text.push_str(&line);
            text.push('\n');
        }
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(BenchError::file(&self.path))
    }
}

impl Rounds<Turn> {
    /// Rounds that are complete.
    pub(crate) fn count(&self) -> usize {
        let rounds = self.rows.iter().map(|turn| turn.round.saturating_add(1));
        rounds.max().unwrap_or(0)
    }

    /// A figure of a cell, in each round.
    pub(crate) fn figures(&self, cell: &Cell, figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
        let mut turns: Vec<&Turn> = self.rows.iter().filter(|turn| turn.cell == *cell).collect();
        turns.sort_by_key(|turn| turn.round);
        turns.into_iter().map(figure).collect()
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(rate: u32) -> Environment {
        let text = format!(
            r#"{{"processor": "p", "processors": 2, "kernel": "k", "envoy": "1", "oha": "1",
            "opa": "1", "module_sha256": "00", "module_bytes": 1, "noop_bytes": 1,
            "rate": {rate}, "seconds": 1, "saturated_seconds": 1}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn goes_on_where_it_was_and_puts_other_environments_aside() {
        let folder = tempfile::tempdir().unwrap();
        let open = |rate| Rounds::<f64>::open(folder.path(), "x", &environment(rate)).unwrap();
        open(1).add_all(vec![1.0, 2.0]).unwrap();
        let mut again = open(1);
        assert_eq!(again.rows, [1.0, 2.0]);
        again.add(3.0).unwrap();
        assert_eq!(open(1).rows, [1.0, 2.0, 3.0]);
        assert!(open(2).rows.is_empty());
        assert!(folder.path().join("x.old.jsonl").exists());
    }

    #[test]
    fn what_was_cut_off_is_an_error_and_not_less() {
        let folder = tempfile::tempdir().unwrap();
        let mut rounds = Rounds::<f64>::open(folder.path(), "x", &environment(1)).unwrap();
        rounds.add(1.0).unwrap();
        let path = folder.path().join("x.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.trim_end().trim_end_matches('}')).unwrap();
        assert!(Rounds::<f64>::read(folder.path(), "x").is_err());
    }
}

//! What all measurements so far say.

use std::path::Path;

use crate::cold::{COLD, ColdRound};
use crate::error::BenchError;
use crate::growth::{GROWTH, Sample};
use crate::machine::Environment;
use crate::measurement::{Rounds, Turn};
use crate::plan::{Cell, Group, Variant, groups};
use crate::statistics::{self, Estimate};

/// All that was measured.
pub(crate) struct Results {
    /// Groups that were measured, in the order of the plan.
    pub(crate) groups: Vec<GroupResults>,
    /// Certificates that are new.
    pub(crate) cold: Option<Rounds<ColdRound>>,
    /// The long run.
    pub(crate) growth: Option<Rounds<Sample>>,
}

/// A group with its turns.
pub(crate) struct GroupResults {
    /// What was asked.
    pub(crate) group: Group,
    /// What came of it.
    pub(crate) turns: Rounds<Turn>,
}

/// A figure of turns.
pub(crate) type Figure = fn(&Turn) -> f64;

/// Processor time of the called Envoy and its helpers, each request, in microseconds.
pub(crate) const CPU: Figure = |turn| turn.cpu_us + turn.helper_cpu_us;
/// 99th percentile of latencies, in microseconds.
pub(crate) const P99: Figure = |turn| turn.p99_us;
/// Memory of the called Envoy and its helpers, in MB.
pub(crate) const MEMORY: Figure = |turn| {
    let kib = turn.resident_kib.saturating_add(turn.helper_resident_kib);
    statistics::count(kib) * 1024.0 / 1e6
};
/// Answers a second at saturation; not a number where it was not measured.
pub(crate) const SATURATED: Figure = |turn| {
    turn.saturation
        .as_ref()
        .map_or(f64::NAN, |found| found.rate)
};

/// Processor time of the called Envoy, each request at saturation, in microseconds; not a number where
/// it was not measured.
pub(crate) const SATURATED_CPU: Figure = |turn| {
    turn.saturation
        .as_ref()
        .map_or(f64::NAN, |found| found.cpu_us)
};

impl Results {
    /// Reads what is in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, BenchError> {
        let mut found = Vec::new();
        for group in groups() {
            if let Some(turns) = Rounds::read(folder, group.name)?
                && turns.count() > 0
            {
                found.push(GroupResults { group, turns });
            }
        }
        let cold = Rounds::<ColdRound>::read(folder, COLD)?;
        let growth = Rounds::<Sample>::read(folder, GROWTH)?;
        Ok(Self {
            groups: found,
            cold: cold.filter(|rounds| !rounds.rows.is_empty()),
            growth: growth.filter(|rounds| !rounds.rows.is_empty()),
        })
    }

    /// A group by its name.
    pub(crate) fn group(&self, name: &str) -> Option<&GroupResults> {
        self.groups.iter().find(|found| found.group.name == name)
    }

    /// The environments, each once: a reader must know if there are several.
    pub(crate) fn environments(&self) -> Vec<&Environment> {
        let groups = self.groups.iter().map(|found| &found.turns.environment);
        let cold = self.cold.iter().map(|found| &found.environment);
        let growth = self.growth.iter().map(|found| &found.environment);
        let mut unique: Vec<&Environment> = Vec::new();
        for environment in groups.chain(cold).chain(growth) {
            if !unique.contains(&environment) {
                unique.push(environment);
            }
        }
        unique
    }
}

impl GroupResults {
    /// A figure of a cell, in each round.
    pub(crate) fn figures(&self, cell: &Cell, figure: Figure) -> Vec<f64> {
        self.turns.figures(cell, figure)
    }

    /// The median of a figure.
    pub(crate) fn estimate(&self, cell: &Cell, figure: Figure) -> Estimate {
        statistics::of_rounds(&self.figures(cell, figure))
    }

    /// What a cell adds to the cell of another variant with the same callers, if the group has one.
    pub(crate) fn added(&self, cell: &Cell, to: Variant, figure: Figure) -> Option<Estimate> {
        let baseline = self.baseline(cell, to)?;
        let (values, baseline) = (self.figures(cell, figure), self.figures(baseline, figure));
        Some(statistics::difference(&values, &baseline))
    }

    /// The cell that another one is compared with.
    pub(crate) fn baseline(&self, cell: &Cell, variant: Variant) -> Option<&Cell> {
        let mut cells = self.group.cells.iter();
        cells.find(|other| other.is_baseline_of(cell, variant))
    }

    /// The first cell of a variant.
    pub(crate) fn cell(&self, variant: Variant) -> Option<&Cell> {
        self.group.cells.iter().find(|cell| cell.variant == variant)
    }
}

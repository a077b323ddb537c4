//! The figures, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::error::BenchError;
use crate::growth::Sample;
use crate::measurement::{Rounds, Turn};
use crate::plan::CORE;
use crate::results::{CPU, Figure, GroupResults, Results};
use crate::statistics::{count, float, median};

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws all figures into a folder.
pub(crate) fn draw(results: &Results, folder: &Path) -> Result<(), BenchError> {
    if let Some(core) = results.group(CORE) {
        let path = folder.join("processor.svg");
        let title = "processor time each request, us (Envoy and OPA)";
        checked(&path, bars(core, title, &[("", CPU)], &path))?;
    }
    for found in &results.groups {
        let path = folder.join(format!("latency-{}.svg", found.group.name));
        let percentiles: [(&str, Figure); 3] = [
            ("p50", |turn: &Turn| turn.p50_us),
            ("p90", |turn: &Turn| turn.p90_us),
            ("p99", |turn: &Turn| turn.p99_us),
        ];
        checked(&path, bars(found, "latency, us", &percentiles, &path))?;
    }
    if let Some(growth) = &results.growth {
        let path = folder.join("memory.svg");
        checked(&path, memory(growth, &path))?;
    }
    Ok(())
}

fn checked(path: &Path, drawn: Drawn) -> Result<(), BenchError> {
    drawn.map_err(|problem| BenchError::Figure {
        path: path.to_owned(),
        problem: problem.to_string(),
    })
}

/// A row of bars for each cell, with the least and the greatest round as a line.
fn bars(found: &GroupResults, title: &str, figures: &[(&str, Figure)], path: &Path) -> Drawn {
    let cells = &found.group.cells;
    let rows = cells.len().saturating_mul(figures.len());
    let height = u32::try_from(rows)?.saturating_mul(26).saturating_add(90);
    let values = |place: usize| {
        let cell = cells.get(place / figures.len());
        let figure = figures.get(place % figures.len());
        match (cell, figure) {
            (Some(cell), Some((_, figure))) => found.figures(cell, *figure),
            (_, _) => Vec::new(),
        }
    };
    let most = (0..rows).flat_map(&values).fold(1.0_f64, f64::max);
    let root = SVGBackend::new(path, (900, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let top = float(rows);
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(330)
        .build_cartesian_2d(0.0..most * 1.05, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .draw()?;
    for place in 0..rows {
        let rounds = values(place);
        let middle = top - float(place) - 0.5;
        let color = [BLUE, GREEN, RED]
            .get(place % figures.len())
            .copied()
            .unwrap_or(BLUE);
        let end = median(&rounds);
        chart.draw_series([Rectangle::new(
            [(0.0, middle - 0.35), (end, middle + 0.35)],
            color.mix(0.5).filled(),
        )])?;
        let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = rounds.iter().copied().fold(0.0, f64::max);
        chart.draw_series([PathElement::new(
            [(least, middle), (greatest, middle)],
            BLACK.stroke_width(2),
        )])?;
        let label = label(found, figures, place);
        let (x, y) = chart.backend_coord(&(0.0, middle));
        let style = ("sans-serif", 13).into_text_style(&root);
        let width = i32::try_from(label.chars().count())?.saturating_mul(7);
        let at = (
            x.saturating_sub(width).saturating_sub(8),
            y.saturating_sub(7),
        );
        root.draw_text(&label, &style, at)?;
    }
    root.present()?;
    Ok(())
}

fn label(found: &GroupResults, figures: &[(&str, Figure)], place: usize) -> String {
    let cell = found.group.cells.get(place / figures.len());
    let name = cell.map(|cell| crate::document::title(found, cell));
    let figure = figures
        .get(place % figures.len())
        .map_or("", |(name, _)| name);
    format!("{} {figure}", name.unwrap_or_default())
        .trim()
        .to_owned()
}

/// Memory over requests.
fn memory(growth: &Rounds<Sample>, path: &Path) -> Drawn {
    let points: Vec<(f64, f64)> = growth
        .rows
        .iter()
        .map(|sample| {
            (
                count(sample.requests) / 1e6,
                count(sample.resident_kib) / 1024.0,
            )
        })
        .collect();
    let end = points
        .iter()
        .map(|(requests, _)| *requests)
        .fold(0.1, f64::max);
    let most = points.iter().map(|(_, mib)| *mib).fold(1.0, f64::max);
    let root = SVGBackend::new(path, (800, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("resident memory of the called Envoy", ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, 0.0..most * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("million requests")
        .y_desc("MiB")
        .draw()?;
    chart.draw_series(LineSeries::new(points, &BLUE))?;
    root.present()?;
    Ok(())
}

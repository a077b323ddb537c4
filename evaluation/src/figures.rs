//! The figures, as SVG.

use std::path::Path;

use plotters::prelude::*;
use sallyport_simulation::generate::Scenario;

use crate::plan::Line;
use crate::run::Course;

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The attackers' trust over time: one small figure for each attack.
pub(crate) fn courses(courses: &[(Scenario, Course)], path: &Path) -> Drawn {
    let root = SVGBackend::new(path, (1_000, 1_000)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (scenario, course)) in root.split_evenly((5, 4)).iter().zip(courses) {
        let end = course.iter().map(|(minute, _)| *minute).fold(1.0, f64::max);
        let title = format!("{} {scenario}", scenario.attack().unwrap_or_default());
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 15))
            .margin(6)
            .x_label_area_size(30)
            .y_label_area_size(30)
            .build_cartesian_2d(0.0..end, 0.0..100.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_labels(4)
            .y_labels(5)
            .x_desc("minutes")
            .draw()?;
        chart.draw_series(LineSeries::new(thinned(course), &BLUE))?;
    }
    root.present()?;
    Ok(())
}

/// At most a few hundred points, the lowest of each stretch.
fn thinned(course: &Course) -> Vec<(f64, f64)> {
    let stretch = course.len().div_ceil(300).max(1);
    let lowest = |points: &[(f64, f64)]| {
        let all = points.iter().copied();
        all.min_by(|left, right| left.1.total_cmp(&right.1))
    };
    course.chunks(stretch).filter_map(lowest).collect()
}

/// How soon an attack is stopped against how often the innocent are.
pub(crate) fn tradeoff(lines: &[Line], path: &Path) -> Drawn {
    let root = SVGBackend::new(path, (800, 500)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "scan of two requests a second: time to isolate",
            ("sans-serif", 18),
        )
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(-1.0..50.0, 0.0..60.0)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("false isolations in 1000 peer-days")
        .y_desc("seconds (median)")
        .draw()?;
    for ((name, points), color) in lines.iter().zip([BLUE, RED, GREEN]) {
        let shown: Vec<_> = points
            .iter()
            .copied()
            .filter(|(rate, _)| *rate <= 50.0)
            .collect();
        let dots = shown
            .iter()
            .map(|point| Circle::new(*point, 4, color.filled()));
        chart.draw_series(dots)?;
        chart
            .draw_series(LineSeries::new(shown.iter().copied(), &color))?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], color.filled()));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

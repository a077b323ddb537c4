//! Writes what `bench-growth` measured into docs/performance.md, between two marks, and draws it:
//! `draw-growth <JSON> <docs folder>`. The JSON holds one `Growth` natively and one as WebAssembly.
#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a tool that may stop"
)]

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use plotters::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Measured {
    machine: String,
    native: Growth,
    wasm: Growth,
}

#[derive(Deserialize)]
struct Growth {
    curves: Vec<Curve>,
    memory: Vec<(String, f64)>,
}

#[derive(Deserialize)]
struct Curve {
    name: String,
    of: String,
    points: Vec<(f64, f64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let measured: Measured = serde_json::from_str(&std::fs::read_to_string(&arguments[1])?)?;
    let docs = Path::new(&arguments[2]);
    std::fs::create_dir_all(docs.join("performance"))?;
    draw(&measured, &docs.join("performance/growth.svg"))?;
    let page = docs.join("performance.md");
    let text = std::fs::read_to_string(&page)?;
    let (before, rest) = text
        .split_once(START)
        .ok_or("no mark where growth begins")?;
    let (_, after) = rest.split_once(END).ok_or("no mark where growth ends")?;
    let section = section(&measured);
    std::fs::write(&page, format!("{before}{START}\n{section}{END}{after}"))?;
    Ok(())
}

fn section(measured: &Measured) -> String {
    let mut text = String::new();
    writeln!(text, "\n{}\n", measured.machine).unwrap();
    writeln!(text, "![growth](performance/growth.svg)\n").unwrap();
    writeln!(
        text,
        "| A request, by | of | Native, us | WebAssembly, us |"
    )
    .unwrap();
    writeln!(text, "|---|---|---|---|").unwrap();
    for (native, wasm) in measured.native.curves.iter().zip(&measured.wasm.curves) {
        let of = native.points.iter().map(|(size, _)| size.to_string());
        let of = of.collect::<Vec<_>>().join(", ");
        let (native_us, wasm_us) = (microseconds(native), microseconds(wasm));
        let (name, unit) = (&native.name, &native.of);
        writeln!(text, "| {name} | {of} {unit} | {native_us} | {wasm_us} |").unwrap();
    }
    writeln!(text, "\n| Memory | Native, bytes | WebAssembly, bytes |").unwrap();
    writeln!(text, "|---|---|---|").unwrap();
    for ((name, native), (_, wasm)) in measured.native.memory.iter().zip(&measured.wasm.memory) {
        writeln!(text, "| {name} | {native:.0} | {wasm:.0} |").unwrap();
    }
    text.push('\n');
    text
}

fn microseconds(curve: &Curve) -> String {
    let shown = curve.points.iter().map(|(_, nanoseconds)| {
        let microseconds = nanoseconds / 1_000.0;
        if microseconds < 100.0 {
            format!("{microseconds:.2}")
        } else {
            format!("{microseconds:.0}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// One small figure for each curve: what grows on a logarithmic scale, the time on a linear one.
fn draw(measured: &Measured, path: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (1_000, 750)).into_drawing_area();
    root.fill(&WHITE)?;
    let curves = measured.native.curves.iter().zip(&measured.wasm.curves);
    for (area, (native, wasm)) in root.split_evenly((3, 3)).iter().zip(curves) {
        let sizes = native.points.iter().map(|(size, _)| *size);
        let (first, last) = (native.points.first(), native.points.last());
        let (first, last) = (first.expect("a point").0, last.expect("a point").0);
        let highest = wasm
            .points
            .iter()
            .chain(&native.points)
            .map(|(_, nanoseconds)| nanoseconds / 1_000.0)
            .fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .caption(&native.name, ("sans-serif", 15))
            .margin(6)
            .x_label_area_size(32)
            .y_label_area_size(48)
            .build_cartesian_2d((first..last).log_scale(), 0.0..highest * 1.1)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_labels(sizes.count())
            .y_labels(5)
            .x_desc(&native.of)
            .y_desc("us")
            .draw()?;
        for (curve, color) in [(native, &BLUE), (wasm, &RED)] {
            let points = curve
                .points
                .iter()
                .map(|(size, time)| (*size, time / 1_000.0));
            chart.draw_series(LineSeries::new(points.clone(), color))?;
            chart.draw_series(points.map(|point| Circle::new(point, 2, color.filled())))?;
        }
    }
    root.present()?;
    Ok(())
}

const START: &str = "<!-- growth: written by scripts/bench-growth -->";
const END: &str = "<!-- growth: end -->";

//! The history of each row as a picture: the ratio of our value to a floor, or to its limit if there is no floor, run by run.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::report::{Line, Report};

const SIZE: (u32, u32) = (960, 420);
const MARGIN: u32 = 16;
const AXIS_WIDTH: u32 = 48;
/// Room for the last point's line, and for the labels beside it.
const LABELS_SHARE: f64 = 0.45;

/// Writes `<row>.svg` for every row of the reports, oldest first.
pub fn draw(reports: &[Report], directory: &Path) -> Result<()> {
    let mut rows: BTreeMap<&str, BTreeMap<String, Series>> = BTreeMap::new();
    for (run, report) in reports.iter().enumerate() {
        for line in &report.lines {
            let series = rows.entry(&line.row).or_default().entry(name(line)).or_default();
            let of_limit = || Some(line.ours.value?.median / line.limit?);
            let has_floor = line.floor.value.is_some();
            series.target = if has_floor { line.target } else { line.limit.map(|_| 1.0) }.or(series.target);
            if let Some(ratio) = if has_floor { line.ratio.map(|ratio| ratio.median) } else { of_limit() } {
                series.points.push((run, ratio));
            }
        }
    }
    for (row, series) in rows {
        let path = directory.join(format!("{row}.svg"));
        draw_row(row, &series, reports, &path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))?;
    }
    Ok(())
}

#[derive(Default)]
struct Series {
    /// The run and its ratio.
    points: Vec<(usize, f64)>,
    target: Option<f64>,
}

fn name(line: &Line) -> String {
    format!("{}, {} / {}", line.case, line.metric, line.floor_name)
}

fn draw_row(
    row: &str,
    series: &BTreeMap<String, Series>,
    reports: &[Report],
    path: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let values =
        || series.values().flat_map(|series| series.points.iter().map(|(_, ratio)| *ratio).chain(series.target));
    let top = values().fold(1.0, f64::max) * 1.1;
    let last_run = reports.len().saturating_sub(1);
    #[expect(clippy::cast_precision_loss, reason = "a history has few runs")]
    let end = (last_run.max(1) as f64) * (1.0 + LABELS_SHARE);
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(MARGIN)
        .caption(format!("{row}: ours / floor"), ("sans-serif", 18))
        .x_label_area_size(AXIS_WIDTH)
        .y_label_area_size(AXIS_WIDTH)
        .build_cartesian_2d(-0.25..end, 0.0..top)?;
    let label = |run: &f64| {
        let whole = run.fract() == 0.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        let report = reports.get(*run as usize).filter(|_| whole);
        report.map(|report| format!("{} {}", report.date, report.commit)).unwrap_or_default()
    };
    chart.configure_mesh().disable_x_mesh().x_labels(reports.len().min(6)).x_label_formatter(&label).draw()?;
    for (index, (name, series)) in series.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        #[expect(clippy::cast_precision_loss, reason = "a history has few runs")]
        let points: Vec<(f64, f64)> = series.points.iter().map(|(run, ratio)| (*run as f64, *ratio)).collect();
        let text = match series.target {
            Some(target) => format!("{name} (target {target:.2})"),
            None => name.clone(),
        };
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(text)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 11))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    root.present()?;
    Ok(())
}

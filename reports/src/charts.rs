//! Backlog and latency over time, one chart per subscription that compares the designs. Drawn by plotters; colours
//! are attributes that the page's style sheet replaces, so that one drawing serves light, dark and paper.

use crate::format::{self, Unit};
use crate::show::{Findings, Series};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Colours that are told apart by the colour-blind too (Okabe and Ito), one per design; the style sheet also gives
/// each a dash of its own.
pub(crate) const COLOURS: [(u8, u8, u8); 8] = [
    (0x00, 0x72, 0xB2),
    (0xD5, 0x5E, 0x00),
    (0x00, 0x9E, 0x73),
    (0xCC, 0x79, 0xA7),
    (0xE6, 0x9F, 0x00),
    (0x56, 0xB4, 0xE9),
    (0x99, 0x99, 0x33),
    (0x66, 0x66, 0x66),
];
/// The colour's attribute, by the design's index.
pub(crate) fn colour(index: usize) -> String {
    let (red, green, blue) = COLOURS[index % COLOURS.len()];
    format!("#{red:02X}{green:02X}{blue:02X}")
}

const SIZE: (u32, u32) = (560, 300);
/// More designs than this are drawn apart, one above the other, on the same scale.
pub(crate) const TOGETHER_MAX: usize = 3;
/// Height of each when they are drawn apart.
const PANEL: u32 = 96;
/// Height of the labels below the horizontal axis.
const X_LABELS: u32 = 24;
/// Fewer points than this get dots, so that single effects are seen.
const DOTS_MAX: usize = 40;

/// Two charts of one subscription, as SVG.
pub(crate) struct Charts {
    /// The subscription.
    pub(crate) consumer: String,
    /// Indexes of the designs that are drawn.
    pub(crate) designs: Vec<usize>,
    /// Messages waiting or in work; empty if nothing is known.
    pub(crate) backlog: String,
    /// Greatest latency of the effects around each time; empty if nothing is known.
    pub(crate) latency: String,
}

/// The charts of every subscription that has any points.
pub(crate) fn charts(findings: &Findings) -> Vec<Charts> {
    let mut consumers: Vec<&str> = findings
        .designs
        .iter()
        .flat_map(|show| &show.series)
        .map(|series| series.consumer.as_str())
        .collect();
    consumers.sort_unstable();
    consumers.dedup();
    let name = |index: usize| findings.result.designs.get_index(index).map_or("", |(name, _)| name.as_str());
    let mut charts = Vec::new();
    for consumer in consumers {
        let of_design = |(index, show): (usize, &'_ crate::show::DesignShow)| {
            let series = show.series.iter().find(|series| series.consumer == consumer)?;
            Some((index, series.clone()))
        };
        let series: Vec<(usize, Series)> =
            findings.designs.iter().enumerate().take(COLOURS.len()).filter_map(of_design).collect();
        let backlog: Vec<Line> =
            series.iter().map(|(index, series)| Line::steps(*index, name(*index), &series.backlog)).collect();
        let latency: Vec<Line> =
            series.iter().map(|(index, series)| Line::plain(*index, name(*index), &series.latency)).collect();
        let drawn = Charts {
            consumer: consumer.into(),
            designs: series.iter().map(|(index, _)| *index).collect(),
            backlog: draw(&backlog, Unit::Count),
            latency: draw(&latency, Unit::Seconds),
        };
        if !drawn.backlog.is_empty() || !drawn.latency.is_empty() {
            charts.push(drawn);
        }
    }
    charts
}

/// One design's line.
struct Line {
    design: usize,
    name: String,
    points: Vec<(f64, f64)>,
    dots: bool,
}

impl Line {
    fn plain(design: usize, name: &str, points: &[(f64, f64)]) -> Self {
        let known = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
        let points: Vec<(f64, f64)> = points.iter().filter(known).copied().collect();
        Line { design, name: name.into(), dots: points.len() <= DOTS_MAX, points }
    }

    /// A backlog stays what it is until it changes.
    fn steps(design: usize, name: &str, points: &[(f64, f64)]) -> Self {
        let plain = Line::plain(design, name, points);
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(2 * plain.points.len());
        for (x, y) in plain.points {
            if let Some((_, before)) = points.last().copied() {
                points.push((x, before));
            }
            points.push((x, y));
        }
        Line { design, name: name.into(), points, dots: false }
    }
}

/// The chart; empty if there is nothing to draw.
fn draw(lines: &[Line], unit: Unit) -> String {
    let all = || lines.iter().flat_map(|line| &line.points);
    let Some(last) = all().map(|(x, _)| *x).reduce(f64::max) else { return String::new() };
    let top = all().map(|(_, y)| *y).fold(0.0, f64::max);
    // Drawn apart, each line has its design's name above it.
    let headroom = if lines.len() > TOGETHER_MAX { 1.3 } else { 1.06 };
    let (right, top) = (if last > 0.0 { last } else { 1.0 }, if top > 0.0 { top * headroom } else { 1.0 });
    let mut svg = String::new();
    match draw_into(&mut svg, lines, unit, right, top) {
        // Inside a page the namespace is understood; without it no address stands in the page.
        Ok(()) => svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", ""),
        Err(_) => String::new(),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_into(svg: &mut String, lines: &[Line], unit: Unit, right: f64, top: f64) -> Drawn {
    let apart = lines.len() > TOGETHER_MAX;
    let height = if apart { PANEL * lines.len() as u32 + X_LABELS } else { SIZE.1 };
    let area = SVGBackend::with_string(svg, (SIZE.0, height)).into_drawing_area();
    if apart {
        for (index, line) in lines.iter().enumerate() {
            let from = PANEL * index as u32;
            let last = index + 1 == lines.len();
            let to = from + PANEL + if last { X_LABELS } else { 0 };
            let panel = area.clone().shrink((0, from), (SIZE.0, to - from));
            panel_into(&panel, std::slice::from_ref(line), unit, (right, top), last)?;
            let corner = TextStyle::from(("sans-serif", 16)).pos(Pos::new(HPos::Right, VPos::Top));
            panel.draw_text(&line.name, &corner, (SIZE.0 as i32 - 20, 6))?;
        }
    } else {
        panel_into(&area, lines, unit, (right, top), true)?;
    }
    area.present()?;
    Ok(())
}

/// Some lines in one pair of axes.
fn panel_into(area: &Area, lines: &[Line], unit: Unit, (right, top): (f64, f64), x_labels: bool) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(18)
        .margin_bottom(if x_labels { 0 } else { 8 })
        .x_label_area_size(if x_labels { X_LABELS } else { 0 })
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    let x_label = |x: &f64| format::seconds(*x);
    let y_label = |y: &f64| unit.show(Some(*y));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(RGBColor(200, 200, 200))
        .light_line_style(TRANSPARENT)
        .x_labels(if x_labels { 6 } else { 0 })
        .y_labels(if lines.len() > 1 { 5 } else { 3 })
        .label_style(("sans-serif", 15))
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .draw()?;
    for line in lines {
        let (red, green, blue) = COLOURS[line.design % COLOURS.len()];
        let style = RGBColor(red, green, blue).stroke_width(2);
        if line.dots {
            // Between single effects there is nothing to connect.
            let dot = |point: &(f64, f64)| Circle::new(*point, 4, RGBColor(red, green, blue).filled());
            chart.draw_series(line.points.iter().map(dot))?;
        } else {
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_subscription_gets_two_charts_with_a_line_per_design() {
        let charts = charts(&sample::five_designs());
        assert_eq!(
            charts.iter().map(|chart| chart.consumer.as_str()).collect::<Vec<_>>(),
            ["audit", "fulfilment"]
        );
        for chart in charts {
            for index in 0..5 {
                assert!(chart.backlog.contains(&format!("stroke=\"{}\"", colour(index))));
                assert!(chart.latency.contains(&format!("stroke=\"{}\"", colour(index))));
            }
        }
    }

    #[test]
    fn nothing_known_is_nothing_drawn() {
        assert_eq!(draw(&[Line::plain(0, "a", &[])], Unit::Count), "");
        assert_eq!(draw(&[Line::plain(0, "a", &[(f64::NAN, 1.0)])], Unit::Count), "");
        assert_ne!(draw(&[Line::plain(0, "a", &[(0.0, 0.0)])], Unit::Count), "");
    }
}

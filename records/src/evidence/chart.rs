//! Charts of a report, as SVG that stands in the page: no script, no outside file, the same bytes for the same figures.

use std::fmt::Write as _;

use super::figures::Month;
use super::text::{duration, html, short};
use crate::drill::DrillRecord;

const BLUE: &str = "#2b6a99";
const RED: &str = "#b3261e";
const GREEN: &str = "#0b7350";
const GREY: &str = "#9aa6b2";

/// A bar: a measured duration against its objective.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) measured_ms: u64,
    pub(super) objective_ms: u64,
}

impl Bar {
    /// The measured value as a share of the objective, in thousandths; an objective of zero is missed by anything.
    pub(super) fn permille(&self) -> u64 {
        let share = u128::from(self.measured_ms) * 1000 / u128::from(self.objective_ms.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

/// Tenths of a unit as "12.3": coordinates without floating point, so that no platform writes another digit.
fn tenths(n: u64) -> String {
    format!("{}.{}", n / 10, n % 10)
}

/// Measured durations as shares of their objectives. The line at 100 % is the objective; bars end at 150 %.
pub(super) fn bars(id: &str, title: &str, bars: &[Bar]) -> String {
    const LEFT: u64 = 1400; // tenths, as all lengths here
    const WIDTH: u64 = 3600; // 150 %
    let pitch: u64 = if bars.len() > 8 { 170 } else { 230 };
    let height = 200 + pitch * bars.len() as u64 + 40;
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}\" viewBox=\"0 0 640 {}\"><title id=\"{id}\">{}</title>",
        tenths(height),
        html(title)
    );
    for share in [0, 25, 50, 75, 100, 125, 150] {
        let x = tenths(LEFT + WIDTH * share / 150);
        let (class, text) = if share == 100 { ("goal", "objective".to_owned()) } else { ("grid", format!("{share}%")) };
        let _ = write!(svg, "<path class=\"{class}\" d=\"M{x} 18V{}\"/>", tenths(height - 30));
        let _ = write!(svg, "<text class=\"ax {class}\" x=\"{x}\" y=\"12\" text-anchor=\"middle\">{text}</text>");
    }
    for (index, bar) in bars.iter().enumerate() {
        let middle = 200 + pitch * index as u64 + pitch / 2;
        let thick = pitch * 56 / 100;
        let share = bar.permille();
        let length = (WIDTH * share.min(1500) / 1500).max(12);
        let color = if share > 1000 { RED } else { BLUE };
        let _ = write!(
            svg,
            "<text class=\"lb\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}<title>{}</title></text><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" fill=\"{color}\"/>",
            tenths(LEFT - 80),
            tenths(middle + 36),
            html(&short(&bar.label, 22)),
            html(&bar.label),
            tenths(LEFT),
            tenths(middle - thick / 2),
            tenths(length),
            tenths(thick),
        );
        if share > 1000 {
            let end = LEFT + length;
            let _ = write!(
                svg,
                "<text class=\"in\" x=\"{}\" y=\"{}\" text-anchor=\"end\">missed</text>",
                tenths(end - 60),
                tenths(middle + 32)
            );
        }
        let _ = write!(
            svg,
            "<text class=\"lb\" x=\"{}\" y=\"{}\"><tspan class=\"b\">{}</tspan> <tspan class=\"of\">of {}</tspan></text>",
            tenths(LEFT + WIDTH + 160),
            tenths(middle + 36),
            duration(Some(bar.measured_ms)),
            duration(Some(bar.objective_ms)),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Drills by month: passed, run and not passed, planned and not run.
pub(super) fn months(id: &str, months: &[Month]) -> String {
    const FLOOR: u64 = 1260;
    const TALL: u64 = 1160;
    let most = months.iter().map(|month| month.passed + month.not_passed + month.not_run).max().unwrap_or(0).max(1);
    let step = most.div_ceil(4).max(1);
    let top = most.div_ceil(step) * step;
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}\" viewBox=\"0 0 300 150\"><title id=\"{id}\">Drills per month: passed, not passed, not run</title>"
    );
    for value in (0..=top).step_by(usize::try_from(step).unwrap_or(1)) {
        let y = FLOOR - TALL * value / top;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M22 {}H298\"/><text class=\"ax\" x=\"17\" y=\"{}\" text-anchor=\"end\">{value}</text>",
            tenths(y),
            tenths(y + 30)
        );
    }
    let slot = 2760 / (months.len() as u64).max(1);
    let width = (slot * 70 / 100).min(420);
    let every = months.len().div_ceil(12).max(1);
    for (index, month) in months.iter().enumerate() {
        let x = 220 + slot * index as u64 + (slot - width) / 2;
        let mut done = 0;
        for (count, look) in [
            (month.passed, format!("fill=\"{BLUE}\"")),
            (month.not_passed, format!("fill=\"{RED}\"")),
            (month.not_run, "fill=\"#fff\" stroke=\"#56616f\" stroke-width=\".9\" stroke-dasharray=\"2 1.6\"".to_owned()),
        ] {
            if count > 0 {
                let (low, high) = (TALL * done / top, TALL * (done + count) / top);
                let _ = write!(
                    svg,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {look}/>",
                    tenths(x),
                    tenths(FLOOR - high),
                    tenths(width),
                    tenths((high - low).saturating_sub(8))
                );
                done += count;
            }
        }
        if index.is_multiple_of(every) {
            let _ = write!(
                svg,
                "<text class=\"ax\" x=\"{}\" y=\"140\" text-anchor=\"middle\">{}</text>",
                tenths(x + width / 2),
                month_name(&month.month)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn month_name(month: &str) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number: usize = month.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    NAMES.get(number.wrapping_sub(1)).copied().unwrap_or("")
}

/// The latest recovery times of a service; the dashed line is the objective.
pub(super) fn spark(values: &[u64], objective_ms: Option<u64>) -> String {
    let Some(last) = values.last() else { return String::new() };
    let most = values.iter().copied().chain(objective_ms).max().unwrap_or(1).max(1);
    let y = |value: u64| u64::try_from(170 - 140 * u128::from(value) / u128::from(most)).unwrap_or(170);
    let gap = 520 / (values.len() as u64 - 1).max(1);
    let x = |index: usize| 40 + gap * index as u64;
    let mut svg = format!(
        "<svg class=\"spark\" width=\"62\" height=\"20\" viewBox=\"0 0 62 20\" role=\"img\" aria-label=\"{} drills, the latest {}\">",
        values.len(),
        duration(Some(*last))
    );
    if let Some(objective) = objective_ms {
        let _ = write!(svg, "<path class=\"dash\" d=\"M2 {0}H60\"/>", tenths(y(objective)));
    }
    let points: Vec<String> =
        values.iter().enumerate().map(|(index, value)| format!("{},{}", tenths(x(index)), tenths(y(*value)))).collect();
    let color = if objective_ms.is_some_and(|objective| *last > objective) { RED } else { BLUE };
    let _ = write!(
        svg,
        "<polyline fill=\"none\" stroke=\"{BLUE}\" stroke-width=\"1.4\" points=\"{}\"/><circle cx=\"{}\" cy=\"{}\" r=\"2.2\" fill=\"{color}\"/></svg>",
        points.join(" "),
        tenths(x(values.len() - 1)),
        tenths(y(*last))
    );
    svg
}

/// The steps of one drill against the recovery time objective.
pub(super) fn timeline(id: &str, record: &DrillRecord, objective_ms: Option<u64>) -> String {
    const LEFT: u64 = 2140;
    const WIDTH: u64 = 4300;
    const MAX_STEPS: usize = 14;
    let start = record.clocks.declared.unwrap_or(record.clocks.started);
    let offset = |at: jiff::Timestamp| u64::try_from(at.duration_since(start).as_millis()).unwrap_or(0);
    let steps: Vec<_> = record.steps.iter().take(MAX_STEPS).collect();
    let last = steps.iter().map(|step| offset(step.started).saturating_add(step.took_ms)).max().unwrap_or(0);
    // An objective far beyond the drill would press all steps into a dot; then the drill fills the width.
    let shown = objective_ms.filter(|objective| *objective <= last.saturating_mul(4));
    let whole = last.max(shown.unwrap_or(0)).max(1);
    let x = |ms: u64| LEFT + u64::try_from(u128::from(WIDTH) * u128::from(ms.min(whole)) / u128::from(whole)).unwrap_or(WIDTH);
    let height = 220 + 220 * steps.len() as u64;
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}\" viewBox=\"0 0 680 {}\"><title id=\"{id}\">Steps of the drill and how long they took</title>",
        tenths(height)
    );
    let _ = write!(
        svg,
        "<path class=\"grid\" d=\"M{0} 18V{1}\"/><text class=\"ax\" x=\"{0}\" y=\"12\" text-anchor=\"middle\">0</text>",
        tenths(LEFT),
        tenths(height - 10)
    );
    if let Some(objective) = shown {
        let at = tenths(x(objective));
        let _ = write!(
            svg,
            "<path class=\"goal\" d=\"M{at} 18V{}\"/><text class=\"ax goal\" x=\"{at}\" y=\"12\" text-anchor=\"end\">objective {}</text>",
            tenths(height - 10),
            duration(Some(objective))
        );
    }
    for (index, step) in steps.iter().enumerate() {
        let y = 260 + 220 * index as u64;
        let (from, to) = (x(offset(step.started)), x(offset(step.started).saturating_add(step.took_ms)));
        let color = if step.ok { [BLUE, GREEN, GREY][index % 3] } else { RED };
        let width = (to - from).max(14);
        let _ = write!(
            svg,
            "<text class=\"lb\" x=\"206\" y=\"{}\" text-anchor=\"end\">{}<title>{}</title></text><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"12\" rx=\"1.5\" fill=\"{color}\"/>",
            tenths(y + 95),
            html(&short(&step.name, 34)),
            html(&step.name),
            tenths(from),
            tenths(y),
            tenths(width)
        );
        // The label stands behind the bar, or before its end where there is no room behind.
        let took = duration(Some(step.took_ms));
        let word = if step.ok { String::new() } else { " failed".to_owned() };
        let (tx, anchor, class) = if from + width > 5900 { (from + width - 50, "end", "in") } else { (from + width + 50, "start", "lb") };
        let _ = write!(
            svg,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{took}{word}</text>",
            tenths(tx),
            tenths(y + 95)
        );
    }
    svg.push_str("</svg>");
    svg
}

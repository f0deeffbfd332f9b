//! The risk matrix: likelihood upwards, impact to the right, each threat in the field of the score that counts now.
//!
//! `lifeboat register matrix` draws it in the terminal or prints [`svg`]: one file without script or font, which follows the reader's light
//! or dark scheme and names each band in words, so that nobody has to tell colours apart.

use std::fmt::Write as _;

use plans::plan::{Band, Score};
use serde::Serialize;

use super::ThreatRow;

/// The fields of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// All 25 fields, from likelihood 5 and impact 1 in lines of five.
    pub cells: Vec<Cell>,
    /// The greatest score that is accepted without further treatment.
    pub appetite: Option<u8>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
    /// Their product.
    pub score: u8,
    /// How grave that is.
    pub band: Band,
    /// The threats that stand here.
    pub threats: Vec<String>,
}

/// What the likelihoods 1 to 5 stand for.
pub const LIKELIHOODS: [&str; 5] = ["rarer", "in 30 years", "in 10 years", "in 3 years", "yearly"];

/// Puts the rows into their fields.
pub fn of(rows: &[ThreatRow], appetite: Option<u8>) -> Matrix {
    let cells = (1..=5u8).rev().flat_map(|likelihood| (1..=5u8).map(move |impact| (likelihood, impact)));
    let cell = |(likelihood, impact): (u8, u8)| {
        let score = Score { likelihood, impact };
        let here = rows.iter().filter(|row| (row.shown.likelihood, row.shown.impact) == (likelihood, impact));
        Cell { likelihood, impact, score: score.value(), band: score.band(), threats: here.map(|row| row.id.to_string()).collect() }
    };
    Matrix { cells: cells.map(cell).collect(), appetite }
}

/// The word for a band.
pub const fn word(band: Band) -> &'static str {
    match band {
        Band::Low => "low",
        Band::Medium => "medium",
        Band::High => "high",
        Band::Extreme => "extreme",
    }
}

const SIDE: usize = 132;
const HIGH: usize = 88;
const LEFT: usize = 118;
const TOP: usize = 58;
/// The most names in a field; more are counted.
const MAX_NAMES: usize = 4;

const STYLE: &str = "svg{color-scheme:light dark;max-width:100%;min-width:480px;height:auto;font:13px system-ui,sans-serif}\
    .page{fill:#fff}.ink{fill:#1b1f24}.soft{fill:#4a5361}.line{stroke:#fff;stroke-width:2}.edge{fill:none;stroke:#1b1f24;stroke-width:3}\
    .low{fill:#d3ecd9}.medium{fill:#fbeaa8}.high{fill:#fbc98f}.extreme{fill:#f3a5a0}.t{font-weight:600}\
    @media (prefers-color-scheme:dark){.page{fill:#14171b}.ink{fill:#eef1f4}.soft{fill:#aab4c0}.line{stroke:#14171b}.edge{stroke:#eef1f4}\
    .low{fill:#1f4d2e}.medium{fill:#5c4d0d}.high{fill:#74430f}.extreme{fill:#7c2320}}";

/// The matrix as a file that any browser shows. `levels` are the words of the plan's impact scale, `title` stands above it.
pub fn svg(matrix: &Matrix, levels: &[String], title: &str) -> String {
    let (width, height) = (LEFT + 5 * SIDE + 12, TOP + 5 * HIGH + 64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"title text\">\n<title id=\"title\">{}</title>\n<desc id=\"text\">{}</desc>\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n\
         <text class=\"ink t\" x=\"12\" y=\"26\" font-size=\"17\">{}</text>\n<text class=\"soft\" x=\"12\" y=\"46\">likelihood</text>\n",
        escaped(title),
        escaped(&described(matrix)),
        escaped(title),
    );
    let mut text = |class: &str, x: usize, y: usize, anchor: &str, words: &str| {
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escaped(words));
    };
    for (row, words) in LIKELIHOODS.iter().rev().enumerate() {
        let y = TOP + row * HIGH + HIGH / 2;
        text("ink t", LEFT - 12, y, "end", &format!("{}", 5 - row));
        text("soft", LEFT - 12, y + 16, "end", words);
    }
    for level in 0..5 {
        let x = LEFT + level * SIDE + SIDE / 2;
        text("ink t", x, TOP + 5 * HIGH + 20, "middle", &format!("{}", level + 1));
        text("soft", x, TOP + 5 * HIGH + 37, "middle", levels.get(level).map_or("", String::as_str));
    }
    text("soft", LEFT + 5 * SIDE, TOP + 5 * HIGH + 56, "end", "impact");
    for (n, cell) in matrix.cells.iter().enumerate() {
        field(&mut out, cell, LEFT + (n % 5) * SIDE, TOP + (n / 5) * HIGH);
    }
    if let Some(edge) = appetite_edge(matrix) {
        let _ = writeln!(out, "<path class=\"edge\" d=\"{edge}\"/>");
        let max = matrix.appetite.unwrap_or_default();
        let _ = writeln!(
            out,
            "<text class=\"soft\" x=\"12\" y=\"{}\">The line: what stands beyond it is above {max}, the accepted score.</text>",
            height - 8
        );
    }
    out + "</svg>\n"
}

fn field(out: &mut String, cell: &Cell, x: usize, y: usize) {
    let band = word(cell.band);
    let _ = writeln!(out, "<rect class=\"{band} line\" x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{HIGH}\"/>");
    let _ = writeln!(out, "<text class=\"ink\" x=\"{}\" y=\"{}\" font-size=\"11\">{} {band}</text>", x + 8, y + 17, cell.score);
    let shown = cell.threats.iter().take(MAX_NAMES).map(|id| cut(id, 17)).collect::<Vec<_>>();
    let more = cell.threats.len().saturating_sub(MAX_NAMES);
    let lines = shown.into_iter().chain((more > 0).then(|| format!("and {more} more")));
    for (n, line) in lines.enumerate() {
        let _ = writeln!(out, "<text class=\"ink t\" x=\"{}\" y=\"{}\" font-size=\"12\">{}</text>", x + 8, y + 34 + n * 13, escaped(&line));
    }
}

/// The border between what is accepted and what is not, as steps from the left to the right.
fn appetite_edge(matrix: &Matrix) -> Option<String> {
    let max = matrix.appetite?;
    let mut path = String::new();
    let bottom = TOP + 5 * HIGH;
    for impact in 1..=5usize {
        let accepted = (1..=5usize).filter(|likelihood| likelihood * impact <= usize::from(max)).count();
        let (x, y) = (LEFT + (impact - 1) * SIDE, bottom - accepted * HIGH);
        let _ = write!(path, "{}{x} {y}H{}", if path.is_empty() { "M" } else { "L" }, x + SIDE);
    }
    Some(path)
}

fn described(matrix: &Matrix) -> String {
    let full = matrix.cells.iter().filter(|cell| !cell.threats.is_empty());
    let words = full
        .map(|cell| format!("likelihood {}, impact {}, {}: {}", cell.likelihood, cell.impact, word(cell.band), cell.threats.join(", ")));
    let words = words.collect::<Vec<_>>().join("; ");
    if words.is_empty() { "No threat is in the register.".to_owned() } else { words }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.chars().filter(|c| !c.is_control()).collect()
}

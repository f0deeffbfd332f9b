//! `lifeboat register matrix`: the risk matrix in the terminal, or as a picture.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use registers::threat::matrix::{self, LIKELIHOODS, Matrix, word};

use super::super::rows::Room;
use crate::failure::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct MatrixArgs {
    /// The form to write
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// The file to write; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Lines of text
    Text,
    /// A picture of its own, light and dark
    Svg,
}

/// Columns of a field.
const WIDE: usize = 12;

pub(super) fn run(args: &MatrixArgs, room: &Room) -> Result<(), Failure> {
    let rows = registers::threat::rows(&room.plan, &room.facts.register, room.parts.clock.now());
    let matrix = matrix::of(&rows, room.plan.appetite.as_ref().map(|appetite| appetite.max_residual));
    let levels = &room.plan.impact_scale.levels;
    let text = match args.format {
        Form::Svg => matrix::svg(&matrix, levels, &format!("Risk matrix, {}", room.plan.title)),
        Form::Text => text(&matrix, levels),
    };
    if let Some(path) = &args.output {
        return write(path, &text).map(|()| room.output.note(&format!("The risk matrix is in {}.", path.display())));
    }
    match args.format {
        Form::Svg => room.output.data(&text),
        Form::Text => room.output.answer("matrix", &matrix, || text),
    }
    Ok(())
}

/// Writes a file that was asked for by name.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure {
        causes: vec![error.to_string()],
        ..Failure::new("LB0006", Exit::Failed, format!("cannot write {}", path.display()))
    })
}

fn text(matrix: &Matrix, levels: &[String]) -> String {
    let rule = format!("{:12}+{}\n", "", format!("{}+", "-".repeat(WIDE)).repeat(5));
    let mut out = "likelihood\n".to_owned() + &rule;
    for (line, cells) in matrix.cells.chunks(5).enumerate() {
        let level = 5 - line;
        let words = LIKELIHOODS.get(level - 1).copied().unwrap_or_default();
        let n_lines = cells.iter().map(|cell| cell.threats.len()).max().unwrap_or(0).max(1);
        let above = |score: u8| matrix.appetite.is_some_and(|max| score > max);
        let head = |cell: &matrix::Cell| format!("{}{} {}", if above(cell.score) { "!" } else { "" }, cell.score, word(cell.band));
        row(&mut out, &format!("{level}"), cells.iter().map(head));
        for n in 0..n_lines {
            let label = if n == 0 { words } else { "" };
            row(&mut out, label, cells.iter().map(|cell| cell.threats.get(n).cloned().unwrap_or_default()));
        }
        out += &rule;
    }
    row(&mut out, "", (1..=5).map(|level| level.to_string()));
    row(&mut out, "impact", (0..5).map(|level| levels.get(level).cloned().unwrap_or_default()));
    if let Some(max) = matrix.appetite {
        let _ = write!(out, "\n! above {max}, the score that is accepted\n"); // writing to a String cannot fail
    }
    out
}

fn row(out: &mut String, label: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(out, "{label:<12}");
    for cell in cells {
        let text: String = crate::output::printable(&cell).chars().take(WIDE - 1).collect();
        let _ = write!(out, "| {text:<width$}", width = WIDE - 1);
    }
    out.push_str("|\n");
}

//! `lifeboat plan diff`: what the plan at hand changes against one of git, which of it is material, and what it does to the promises.

use std::path::Path;
use std::process::Command;

use plans::change::{self, Change, Difference};
use plans::load::Text;
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, counted, folded, printable};
use crate::plan_files;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 where nothing differs, and with 21 where something does.")]
pub(crate) struct DiffArgs {
    /// The commit, branch or tag of git to compare with
    #[arg(default_value = "HEAD", value_name = "REV")]
    revision: String,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    revision: &'a str,
    #[serde(flatten)]
    difference: &'a Difference,
}

pub(crate) fn run(args: &DiffArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let new = plan_files::load(&settings.plan)?.plan;
    let texts = of_git(&settings.plan, &args.revision)?;
    let old = plans::load::load(&texts).map_err(|faults| {
        let failure = Failure::of("LB0201", Exit::PlanInvalid, &faults);
        Failure { what: format!("the plan at {} cannot be compared: {}", args.revision, failure.what), ..failure }
            .fix("compare with a commit whose plan holds")
    })?;
    let difference = change::between(&old.plan, &new);
    let answer = Answer { revision: &args.revision, difference: &difference };
    output.answer("plan_diff", &answer, || tell(&args.revision, &difference));
    let same = difference.changes.is_empty() && !difference.needs_review;
    Ok(if same { Exit::Done } else { Exit::PlanDiffers })
}

fn tell(revision: &str, difference: &Difference) -> String {
    let Difference { needs_review, changes, effects } = difference;
    if changes.is_empty() {
        return if *needs_review {
            format!("The plan means what it meant at {revision}, but is written otherwise where reviews sign: it has to be reviewed.\n")
        } else {
            format!("The plan does not differ from {revision}.\n")
        };
    }
    let n_material = changes.iter().filter(|change| change.material).count();
    let review = if *needs_review { "; it has to be reviewed" } else { "; the last review still covers it" };
    let mut text = format!(
        "{} {} from {revision}, {n_material} of them material{review}.\n\n",
        counted(changes.len() as u64, "place"),
        if changes.len() == 1 { "differs" } else { "differ" }
    );
    for change in changes {
        text += &line(change);
    }
    if !effects.is_empty() {
        text += "\nWhat this does to the promises:\n";
        let mut table = Table::new(["SERVICE", "WHAT", "BEFORE", "AFTER", ""]);
        for effect in effects {
            let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let verdict = match effect.worse {
                Some(true) => "! worse",
                Some(false) => "+ better",
                None => "",
            };
            let (old, new) = (or_none(&effect.old), or_none(&effect.new));
            table.row([effect.service.to_string(), effect.what.to_owned(), old, new, verdict.to_owned()]);
        }
        text += &table.render();
    }
    text
}

fn line(change: &Change) -> String {
    let (mark, what) = match (&change.old, &change.new) {
        (None, Some(new)) => ('+', brief(new)),
        (Some(_), None) => ('-', "gone".to_owned()),
        (Some(old), Some(new)) => ('~', format!("{} -> {}", brief(old), brief(new))),
        (None, None) => ('~', String::new()),
    };
    let material = if change.material { "  (material)" } else { "" };
    format!("{mark} {}{material}\n{}", printable(&change.place), folded(" ", &what))
}

/// A value in a few words.
fn brief(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => items.iter().map(brief).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(160).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The texts of the plan as they stand in a commit.
fn of_git(path: &Path, revision: &str) -> Result<Vec<Text>, Failure> {
    if revision.starts_with('-') || revision.contains([':', '\n']) {
        let failure = Failure::new("LB0205", Exit::Usage, format!("\"{revision}\" is not the name of a commit"));
        return Err(failure.fix("name a commit, branch or tag, like HEAD~1"));
    }
    let is_file = path.is_file();
    let folder = if is_file { path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")) } else { path };
    let listed = git(folder, &["ls-tree", "--name-only", "-z", revision])?;
    let wanted = |name: &&str| {
        if is_file {
            return path.file_name().is_some_and(|own| own == *name);
        }
        !name.starts_with('.') && [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
    };
    let mut names: Vec<&str> = listed.split('\0').filter(|name| !name.is_empty()).filter(wanted).collect();
    names.sort_unstable();
    if names.is_empty() {
        let failure = Failure::new("LB0205", Exit::Failed, format!("{revision} holds no plan at {}", path.display()));
        return Err(failure.fix("commit the plan, or name a commit that has it"));
    }
    let read = |name: &&str| {
        let text = git(folder, &["show", &format!("{revision}:./{name}")])?;
        Ok(Text { name: format!("{revision}:{name}"), text })
    };
    names.iter().map(read).collect()
}

fn git(folder: &Path, args: &[&str]) -> Result<String, Failure> {
    let cannot = |what: String, causes: Vec<String>| {
        Failure { causes, ..Failure::new("LB0205", Exit::Failed, what) }
            .fix("keep the plan in a git repository, and name a commit that it has")
    };
    let out = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .map_err(|error| cannot("git cannot be started".to_owned(), vec![error.to_string()]))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        return Err(cannot(format!("git cannot tell the plan of {}", folder.display()), vec![said]));
    }
    String::from_utf8(out.stdout).map_err(|error| cannot("the plan in git is not UTF-8 text".to_owned(), vec![error.to_string()]))
}

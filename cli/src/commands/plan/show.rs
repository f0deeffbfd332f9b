//! `lifeboat plan show`: the plan as it is understood, section by section.

mod people;
mod work;

use plans::Plan;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::table::Table;
use crate::plan_files;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    output.answer("plan", &plan, || text(&plan));
    Ok(Exit::Done)
}

fn text(plan: &Plan) -> String {
    let mut text = format!("{}  {}\nfingerprint {}\n", plan.id, plan.title, plan.fingerprint.short());
    let by = |roles: &[plans::plan::Role]| join(roles);
    for (word, value) in [
        ("scope", plan.scope.clone()),
        ("owner", plan.owner.as_ref().map(ToString::to_string)),
        ("time zone", plan.timezone.iana_name().map(str::to_owned)),
        ("activate", plan.activate.as_ref().map(|one| format!("{}; {} decides", one.when, by(&one.by)))),
        ("stand down", plan.stand_down.as_ref().map(|one| format!("{}; {} decides", one.when, by(&one.by)))),
    ] {
        if let Some(value) = value {
            text += &crate::output::folded(&format!("{word:<10}"), &value);
        }
    }
    let sections = work::sections(plan).into_iter().chain(people::sections(plan));
    for table in sections.filter(|table| !table.is_empty()) {
        text += "\n";
        text += &table.render();
    }
    text
}

/// Names side by side; "-" where there are none.
fn join<T: ToString>(ids: &[T]) -> String {
    if ids.is_empty() { "-".to_owned() } else { ids.iter().map(T::to_string).collect::<Vec<_>>().join(", ") }
}

/// A value, or "-".
fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The word of a part that is written in lower case in plans.
fn word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// A table of pairs: a setting and its value.
fn pairs<const N: usize>(section: &'static str, rows: [(&str, String); N]) -> Table {
    let mut table = Table::new([section, "SETTING"]);
    for (key, value) in rows {
        table.row([key.to_owned(), value]);
    }
    table
}

//! The steps of an article, and the event that each becomes: captured, changed, found good by somebody else, shared.

use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use plans::article::Article;
use records::Event;
use records::event::Row;

use super::{NAME, Phase, names, page, phase, undone};
use crate::Facts;
use crate::ledger::act::{Act, RowRefused};
use crate::ledger::field::BadValue;

/// Writes down a new article with this text.
pub fn capture(act: &Act<'_>, facts: &Facts, row: &Row, body: &str, reason: &str) -> Result<Event, RowRefused> {
    linked(facts, row)?;
    let mut row = row.clone();
    row.insert("text".to_owned(), page::digest(body));
    act.add(None, &row, reason)
}

/// Takes in what was changed in the file or at the terminal.
pub fn revise(act: &Act<'_>, facts: &Facts, id: &str, changes: &Row, reason: &str) -> Result<Event, RowRefused> {
    linked(facts, changes)?;
    let kept = act.find(id)?;
    act.set(kept, &undone(kept, changes), reason)
}

/// Somebody else than its owner found it good as it is in its file. `flaws` are those that were found there.
pub fn process(act: &Act<'_>, id: &str, article: &Article, reason: &str, now: Timestamp) -> Result<Event, RowRefused> {
    let kept = act.find(id)?;
    if phase(kept) != Phase::Captured {
        return Err(RowRefused::Same { id: kept.id.clone() });
    }
    let not_yet = |why: String, todo: String| RowRefused::Step { id: kept.id.clone(), step: "found good", why, todo };
    if !act.plan.contacts.contains_key(act.by) {
        return Err(not_yet(format!("{} is no contact of the plan", act.by), "name who looked at it: --by CONTACT".to_owned()));
    }
    if kept.text("owner") == Some(act.by) {
        return Err(not_yet(format!("{} owns it", act.by), "have somebody else look at it: --by CONTACT".to_owned()));
    }
    as_taken_in(kept, article, "found good")?;
    let flaws = page::flaws(&kept.id, article);
    if !flaws.is_empty() {
        let why = flaws.into_iter().map(|flaw| flaw.what).collect::<Vec<_>>().join(", ");
        return Err(not_yet(why, format!("fill it in: lifeboat kb update {} --help", kept.id)));
    }
    if let Some(day) = kept.parsed::<Date>("verified_on").filter(|day| *day > today(act.plan, now)) {
        let why = format!("the day on which it was found true, {day}, is still to come");
        return Err(not_yet(why, format!("say when it was: lifeboat kb update {} --verified-on DAY --reason TEXT", kept.id)));
    }
    let changes = Row::from([("processed_on".to_owned(), day(act.plan, now)), ("processed_by".to_owned(), act.by.to_owned())]);
    act.set(kept, &changes, reason)
}

/// It is shown with incidents and alerts from now on, as it stands in `commit`.
pub fn share(act: &Act<'_>, id: &str, article: &Article, commit: &str, reason: &str, now: Timestamp) -> Result<Event, RowRefused> {
    let kept = act.find(id)?;
    match phase(kept) {
        Phase::Shared | Phase::Archived => return Err(RowRefused::Same { id: kept.id.clone() }),
        Phase::Captured => {
            let why = "nobody but its owner has looked at it".to_owned();
            let todo = format!("lifeboat kb process {} --by CONTACT --reason TEXT", kept.id);
            return Err(RowRefused::Step { id: kept.id.clone(), step: "shared", why, todo });
        }
        Phase::Processed => {}
    }
    as_taken_in(kept, article, "shared")?;
    let changes = Row::from([("shared_on".to_owned(), day(act.plan, now)), ("commit".to_owned(), commit.to_owned())]);
    act.set(kept, &changes, reason)
}

/// What others see is what was looked at: a file that was edited since is taken in first.
fn as_taken_in(kept: &crate::ledger::Kept, article: &Article, step: &'static str) -> Result<(), RowRefused> {
    let changes = page::changes(kept, article);
    if changes.is_empty() {
        return Ok(());
    }
    let fields: Vec<&str> = changes.keys().map(String::as_str).collect();
    let why = format!("its file was edited since it was taken in: {}", fields.join(", "));
    let todo = format!("take the edit in: lifeboat kb update {} --reason TEXT", kept.id);
    Err(RowRefused::Step { id: kept.id.clone(), step, why, todo })
}

fn day(plan: &Plan, now: Timestamp) -> String {
    today(plan, now).to_string()
}

fn today(plan: &Plan, now: Timestamp) -> Date {
    now.to_zoned_datetime(plan.timezone.clone()).date()
}

/// Incidents and corrective actions that are named are there.
fn linked(facts: &Facts, row: &Row) -> Result<(), RowRefused> {
    let of = |field: &str| names(row.get(field).map(String::as_str));
    let incidents = of("incidents").into_iter().filter(|id| facts.incidents.get(id).is_none()).map(|id| ("incidents", id));
    let capa = of("capa").into_iter().filter(|id| facts.ledger.get("capa", id).is_none()).map(|id| ("capa", id));
    let strange = |(field, id): (&str, String)| BadValue { field: field.to_owned(), what: format!("there is no {id}") };
    let bad: Vec<BadValue> = incidents.chain(capa).map(strange).collect();
    if bad.is_empty() { Ok(()) } else { Err(RowRefused::Values { bad }) }
}

/// The name of an article as it is written in the register, or the text itself where it is no such name: a page elsewhere.
pub fn named(facts: &Facts, text: &str) -> Result<String, RowRefused> {
    let text = text.trim();
    match facts.ledger.get(NAME, text) {
        Some(kept) if kept.archived.is_some() => Err(RowRefused::Archived { id: kept.id.clone() }),
        Some(kept) => Ok(kept.id.clone()),
        None if text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("KB-")) => {
            Err(RowRefused::Unknown { register: NAME, id: text.to_owned() })
        }
        None => Ok(text.to_owned()),
    }
}

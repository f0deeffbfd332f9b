//! What is known, for people: what should be written down, the list, one article, what a search found, what is wrong with the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use registers::knowledge::page::{self, Flaw};
use registers::knowledge::search::{Doc, Hit, search as find};
use registers::knowledge::{Phase, due, names, phase, wanted};
use registers::ledger::Kept;
use registers::settings::IncidentRules;

use super::super::rows::Room;
use crate::articles::{InGit, Shelf, readable, told};
use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{folded, printable};

pub(super) fn discover(room: &Room) {
    let found = wanted(&room.facts.register, &IncidentRules::of(&room.plan));
    room.output.answer("knowledge_wanted", &found, || {
        if found.is_empty() {
            return "An article tells of every incident that has ended.\n".to_owned();
        }
        let mut table = Table::new(["INCIDENT", "COMES BACK", "MAY BE KNOWN", "TITLE"]);
        for one in &found {
            let recurs = one.recurs.map_or_else(|| "-".to_owned(), |n| format!("! {n}x"));
            let known = if one.known.is_empty() { "-".to_owned() } else { one.known.join(", ") };
            table.row([one.incident.clone(), recurs, known, one.title.clone()]);
        }
        table.render()
    });
    if let Some(first) = found.first() {
        room.output.next(&format!("lifeboat kb add --incident {} --reason TEXT", first.incident), "write down what is known");
    }
}

/// An article as it is listed.
#[derive(serde::Serialize)]
struct Listed<'a> {
    id: &'a str,
    phase: Phase,
    /// What keeps the file from being what was taken in: "no file", "2 faults", "edited: fix, text".
    file: Option<String>,
    due: Option<jiff::Timestamp>,
    #[serde(flatten)]
    kept: &'a BTreeMap<String, String>,
}

/// What is the matter with the file of an article; nothing where it is as it was taken in.
fn of_file(kept: &Kept, shelf: &Shelf) -> Option<String> {
    if !shelf.has(&kept.id) {
        return Some("no file".to_owned());
    }
    match shelf.read(&kept.id) {
        Err(flaws) => Some(crate::output::counted(flaws.len() as u64, "fault")),
        Ok(article) => {
            let changes = page::changes(kept, &article);
            let fields: Vec<&str> = changes.keys().map(String::as_str).collect();
            (!fields.is_empty()).then(|| format!("edited: {}", fields.join(", ")))
        }
    }
}

pub(super) fn list(room: &Room, shelf: &Shelf, all: bool) -> Result<(), Failure> {
    let kept = room.rows(all);
    let rows: Vec<Listed<'_>> = kept
        .iter()
        .map(|kept| Listed {
            id: &kept.id,
            phase: phase(kept),
            file: of_file(kept, shelf).filter(|_| kept.archived.is_none()),
            due: due(&room.plan, kept),
            kept: &kept.row,
        })
        .collect();
    let strangers = strangers(room, shelf)?;
    let now = room.parts.clock.now();
    room.output.answer("knowledge", &rows, || {
        if rows.is_empty() {
            return "No article is written down.\n".to_owned();
        }
        let mut table = Table::new(["ARTICLE", "STATE", "FILE", "DUE", "SERVICES", "TITLE"]);
        for row in &rows {
            let text = |field: &str| row.kept.get(field).cloned().unwrap_or_else(|| "-".to_owned());
            let due = row.due.map_or_else(
                || "-".to_owned(),
                |at| format!("{}{}", if at <= now { "! " } else { "" }, at.to_zoned_datetime(room.plan.timezone.clone()).date()),
            );
            let file = row.file.as_ref().map_or_else(|| "+".to_owned(), |what| format!("! {what}"));
            table.row([row.id.to_owned(), row.phase.as_str().to_owned(), file, due, text("services"), text("title")]);
        }
        table.render()
    });
    if !strangers.is_empty() {
        let files: Vec<String> = strangers.iter().map(|name| printable(&format!("{name}.md"))).collect();
        room.output.note(&format!("Not of the register: {} in {}", files.join(", "), shelf.folder().display()));
        room.output.next("lifeboat kb add --file FILE --reason TEXT", "take a file in");
    }
    Ok(())
}

/// Markdown files of the folder that no article is kept in.
fn strangers(room: &Room, shelf: &Shelf) -> Result<Vec<String>, Failure> {
    let known: BTreeSet<&str> = room.facts.register.ledger.all("knowledge").iter().map(|kept| kept.id.as_str()).collect();
    Ok(shelf.names()?.into_iter().filter(|name| !known.contains(name.as_str())).collect())
}

pub(super) fn show(room: &Room, shelf: &Shelf, id: &str) -> Result<(), Failure> {
    let kept = room.find(id)?;
    let file = of_file(kept, shelf);
    let mut more = vec![("state", phase(kept).as_str().to_owned()), ("file", shelf.path(&kept.id).display().to_string())];
    if let Some(what) = &file {
        more.push(("! file", what.clone()));
    }
    let git = match shelf.in_git(&kept.id) {
        InGit::Committed(commit) => format!("as in commit {}", commit.get(..12).unwrap_or(&commit)),
        InGit::Changed => "! not committed as it is".to_owned(),
        InGit::No(_) => "! not in git".to_owned(),
    };
    more.push(("git", git));
    if let Some(due) = due(&room.plan, kept) {
        more.push(("due", due.to_zoned_datetime(room.plan.timezone.clone()).date().to_string()));
    }
    room.show(id, &more)?;
    if !room.output.is_json()
        && let Ok(article) = shelf.read(&kept.id)
    {
        let lines = article.body.lines().fold("\nText\n".to_owned(), |text, line| format!("{text}  {}\n", printable(line)));
        room.output.data(&lines);
    }
    Ok(())
}

pub(super) fn search(room: &Room, shelf: &Shelf, question: &str, all: bool) -> Result<(), Failure> {
    let articles = readable(shelf)?;
    let live = |name: &str| all || room.facts.register.ledger.get("knowledge", name).is_none_or(|kept| kept.archived.is_none());
    let docs: Vec<Doc<'_>> = articles
        .iter()
        .filter(|(name, _)| live(name))
        .map(|(name, article)| Doc { id: name, fields: &article.fields, body: &article.body })
        .collect();
    let hits: Vec<Hit> = find(&docs, question);
    room.output.answer("knowledge_found", &hits, || {
        if hits.is_empty() {
            return format!("None of {} holds these words.\n", crate::output::counted(docs.len() as u64, "article"));
        }
        hits.iter().fold(String::new(), |mut text, hit| {
            let title = articles.get(&hit.id).and_then(|article| article.fields.get("title")).map_or("", String::as_str);
            let state = room.facts.register.ledger.get("knowledge", &hit.id).map_or("not of the register", |kept| phase(kept).as_str());
            text += &folded(&format!("{:<8}", hit.id), &format!("{title} ({state})"));
            if !hit.line.is_empty() {
                text += &folded(&" ".repeat(8), &hit.line);
            }
            text
        })
    });
    if let Some(hit) = hits.first().filter(|hit| room.facts.register.ledger.get("knowledge", &hit.id).is_some()) {
        room.output.next(&format!("lifeboat kb show {}", hit.id), "read it");
    }
    Ok(())
}

/// What is wrong with a file.
#[derive(serde::Serialize)]
struct Checked {
    file: String,
    flaws: Vec<Flaw>,
}

pub(super) fn check(room: &Room, shelf: &Shelf) -> Result<Exit, Failure> {
    let mut checked = Vec::new();
    let mut n_files = 0;
    let ledger = &room.facts.register.ledger;
    for name in shelf.names()? {
        let kept = ledger.get("knowledge", &name);
        if kept.is_some_and(|kept| kept.archived.is_some()) {
            continue;
        }
        n_files += 1;
        let flaws = match shelf.read(&name) {
            Err(flaws) => flaws,
            Ok(article) => {
                let mut flaws = shelf.judge(&name, &article);
                flaws.extend(dangling(room, &article.fields));
                flaws
            }
        };
        if !flaws.is_empty() {
            checked.push(Checked { file: page::file_name(&name), flaws });
        }
    }
    let missing = ledger.live("knowledge").filter(|kept| !shelf.has(&kept.id));
    checked.extend(
        missing.map(|kept| Checked {
            file: page::file_name(&kept.id),
            flaws: vec![Flaw { line: 0, what: "the file is not there".to_owned() }],
        }),
    );
    room.output.answer("knowledge_check", &checked, || {
        let mut text = String::new();
        for one in &checked {
            for flaw in &one.flaws {
                let _ = writeln!(text, "{}: {}", printable(&one.file), printable(&told(flaw))); // writing to a String cannot fail
            }
        }
        let n_flaws: usize = checked.iter().map(|one| one.flaws.len()).sum();
        let files = crate::output::counted(n_files, "file");
        text + &match n_flaws {
            0 => format!("Nothing is wrong with {files} in {}.\n", shelf.folder().display()),
            n => format!("{} in {files} of {}.\n", crate::output::counted(n as u64, "fault"), shelf.folder().display()),
        }
    });
    Ok(if checked.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Services, people, incidents and corrective actions that an article names and that are not there.
fn dangling(room: &Room, fields: &BTreeMap<String, String>) -> Vec<Flaw> {
    let (plan, register) = (&room.plan, &room.facts.register);
    let list = |field: &str| names(fields.get(field).map(String::as_str));
    let services = list("services").into_iter().filter(|id| !plan.services.contains_key(id.as_str())).map(|id| ("service", id));
    let owner = list("owner").into_iter().filter(|id| !plan.contacts.contains_key(id.as_str())).map(|id| ("contact", id));
    let incidents = list("incidents").into_iter().filter(|id| register.incidents.get(id).is_none()).map(|id| ("incident", id));
    let capa = list("capa").into_iter().filter(|id| register.ledger.get("capa", id).is_none()).map(|id| ("corrective action", id));
    let strange = services.chain(owner).chain(incidents).chain(capa);
    strange.map(|(kind, id)| Flaw { line: 0, what: format!("there is no {kind} {id}") }).collect()
}

/// "KB-3 Logs fill the disk", for articles that are shown elsewhere.
pub(crate) fn line(kept: &Kept) -> String {
    format!("{} {}", kept.id, kept.text("title").unwrap_or_default())
}

/// When an article was last found true, for the page of an incident.
pub(crate) fn verified(kept: &Kept) -> String {
    kept.text("verified_on").map_or_else(|| "never verified".to_owned(), |day| format!("verified {day}"))
}

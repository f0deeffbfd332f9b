//! `lifeboat kb add`: an article from an incident's timeline, from a file, or from nothing but its title.

use std::path::PathBuf;

use orchestrator::jobs::open::unknown;
use records::event::Row;
use registers::incident;
use registers::knowledge::{act, page};
use registers::ledger::act::RowRefused;
use registers::settings::IncidentRules;

use super::super::rows::{Fields, KNOWLEDGE, Room, Why};
use crate::articles::{self, Shelf};
use crate::failure::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Capture it from this incident: its services, its cause, how it was resolved, and its timeline
    #[arg(long, value_name = "INCIDENT")]
    incident: Option<String>,
    /// Take the text of this Markdown file; its front matter, where it has one, fills in fields
    #[arg(long, value_name = "FILE", conflicts_with = "incident")]
    file: Option<PathBuf>,
    #[command(flatten)]
    fields: Fields<KNOWLEDGE>,
    #[command(flatten)]
    why: Why,
}

pub(super) async fn run(args: &AddArgs, room: &mut Room, shelf: &Shelf) -> Result<(), Failure> {
    let incidents = &room.facts.register.incidents;
    let incident = args.incident.as_deref().map(|id| {
        let known: Vec<&String> = incidents.all().iter().map(|one| &one.id).collect();
        incidents.get(id).ok_or_else(|| Failure::from(unknown("incident", id, known.into_iter())))
    });
    let incident = incident.transpose()?.cloned();
    let (mut row, mut body) = incident.as_ref().map_or_else(Default::default, |one| (page::of_incident(one), None));
    if let Some(file) = &args.file {
        let (fields, text) = of_file(file)?;
        row.extend(fields);
        body = Some(text);
    }
    row.extend(args.fields.0.clone());
    let body = body.unwrap_or_else(|| page::draft(&row, incident.as_ref()));
    let rules = IncidentRules::of(&room.plan);
    let committed = room.commit_all(args.why.by.as_deref(), |rows, facts| {
        let event = act::capture(rows, &facts.register, &row, &body, &args.why.reason)?;
        let id = event.object().rsplit('/').next().unwrap_or_default().to_owned();
        let mut events = vec![event];
        // A closed incident stays as it is; the article names it all the same.
        let open = incident.as_ref().filter(|one| one.phase() < incident::Phase::Closed && one.knowledge.is_none());
        if let Some(open) = open {
            let people = incident::act::Act { incidents: &facts.register.incidents, plan: &rows.plan.id, rules: &rules, by: rows.by };
            let fields = [("knowledge".to_owned(), id.clone())].into();
            let linked = people.change(&open.id, &fields, &args.why.reason).map_err(|refused| RowRefused::Step {
                id,
                step: "linked",
                why: refused.to_string(),
                todo: "add it without --incident".to_owned(),
            });
            events.push(linked?);
        }
        Ok(events)
    });
    let id = committed.await?;
    let kept = room.facts.register.ledger.get("knowledge", &id).map(|kept| kept.row.clone()).unwrap_or(row);
    shelf.write(&id, &page::render(&id, &kept, &body), true).map_err(|failure| {
        let fix = format!("make room for it, put the text there, then take it in: lifeboat kb update {id} --reason TEXT");
        failure.fix(fix)
    })?;
    room.brief(&id, &format!("{id} is captured: {}", shelf.path(&id).display()));
    room.output.next(&format!("lifeboat kb update {id} --reason TEXT"), "when you have edited the file; then commit it to git");
    Ok(())
}

/// The fields and the text of a Markdown file, which need have no front matter.
fn of_file(path: &std::path::Path) -> Result<(Row, String), Failure> {
    let refuse = |what: String| articles::refused(path, &[page::Flaw { line: 0, what }]);
    let text = articles::read_text(path).map_err(refuse)?;
    if !text.trim_start_matches('\u{feff}').starts_with("---") {
        return Ok((Row::new(), text.replace("\r\n", "\n")));
    }
    let name = path.display().to_string();
    // The register gives the name, so that of the file is not asked for.
    let with_name = text.replacen("---", "---\nid: new", 1);
    let text = if text.contains("\nid:") { text } else { with_name };
    let article = plans::article::read(&name, &text).map_err(|faults| {
        let flaws: Vec<page::Flaw> = faults.into_iter().map(|fault| page::Flaw { line: fault.line, what: fault.what }).collect();
        articles::refused(path, &flaws)
    })?;
    let fields = article.fields.into_iter().filter(|(field, _)| field != "id").collect();
    Ok((fields, article.body))
}

/// Writes the files of rows that came by another way than an article's own: from a spreadsheet.
pub(crate) fn write_files(room: &Room, shelf: &Shelf, ids: &[String]) -> Result<(), Failure> {
    for id in ids {
        let Some(kept) = room.facts.register.ledger.get("knowledge", id) else { continue };
        let known = shelf.has(id);
        let body = if known {
            shelf.read(id).map_err(|flaws| articles::refused(&shelf.path(id), &flaws))?.body
        } else {
            page::draft(&kept.row, None)
        };
        shelf.write(id, &page::render(id, &kept.row, &body), !known)?;
    }
    Ok(())
}

/// A failure for an article without a file.
pub(super) fn no_file(shelf: &Shelf, id: &str) -> Failure {
    Failure::new("LB0315", Exit::Failed, format!("{} is not there", shelf.path(id).display()))
        .fix("get it back from git, or write it anew; lifeboat kb show tells what its fields were")
}

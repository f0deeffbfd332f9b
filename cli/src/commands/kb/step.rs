//! The steps of an article at the terminal: an edit is taken in, somebody else finds it good, it is shared.

use plans::article::Article;
use records::event::Row;
use registers::knowledge::{act, page};
use registers::ledger::act::RowRefused;

use super::super::rows::{Room, Why};
use super::add::no_file;
use crate::articles::{self, InGit, Shelf};
use crate::failure::{Exit, Failure};

/// The article of a row that is there, or what is wrong with its file.
fn article(id: &str, room: &Room, shelf: &Shelf) -> Result<(String, Article), Failure> {
    let kept = room.find(id)?;
    if !shelf.has(&kept.id) {
        return Err(no_file(shelf, &kept.id));
    }
    let article = shelf.read(&kept.id).map_err(|flaws| articles::refused(&shelf.path(&kept.id), &flaws))?;
    Ok((kept.id.clone(), article))
}

pub(super) async fn update(id: &str, fields: &Row, why: &Why, room: &mut Room, shelf: &Shelf) -> Result<(), Failure> {
    let (id, article) = article(id, room, shelf)?;
    let decided = room.commit(why.by.as_deref(), |rows, facts| {
        let mut changes = page::changes(rows.find(&id)?, &article);
        changes.extend(fields.clone());
        act::revise(rows, &facts.register, &id, &changes, &why.reason)
    });
    let id = decided.await?;
    if let Some(kept) = room.facts.register.ledger.get("knowledge", &id)
        && !page::changes(kept, &article).is_empty()
    {
        shelf.write(&id, &page::render(&id, &kept.row, &article.body), false)?;
    }
    let state = room.facts.register.ledger.get("knowledge", &id).map_or("", |kept| registers::knowledge::phase(kept).as_str());
    room.brief(&id, &format!("{id} is updated, and stands as {state}."));
    if state == "captured" {
        room.output.next(&format!("lifeboat kb process {id} --by CONTACT --reason TEXT"), "when somebody else has read it");
    }
    Ok(())
}

pub(super) async fn process(id: &str, why: &Why, room: &mut Room, shelf: &Shelf) -> Result<(), Failure> {
    let (id, article) = article(id, room, shelf)?;
    let flaws: Vec<page::Flaw> = shelf.judge(&id, &article).into_iter().filter(|flaw| flaw.line > 0).collect();
    if !flaws.is_empty() {
        return Err(articles::refused(&shelf.path(&id), &flaws));
    }
    let now = room.parts.clock.now();
    let id = room.commit(why.by.as_deref(), |rows, _| act::process(rows, &id, &article, &why.reason, now)).await?;
    room.brief(&id, &format!("{id} is found good."));
    room.output.next(&format!("lifeboat kb share {id} --reason TEXT"), "when its file is committed to git");
    Ok(())
}

pub(super) async fn share(id: &str, why: &Why, room: &mut Room, shelf: &Shelf) -> Result<(), Failure> {
    let (id, article) = article(id, room, shelf)?;
    let refuse = |what: String, fix: String| Failure::new("LB0315", Exit::Failed, what).fix(fix);
    let file = shelf.path(&id);
    let commit = match shelf.in_git(&id) {
        InGit::Committed(commit) => commit,
        InGit::Changed => {
            let commit = format!("commit it: git -C {} add {}.md, then git commit", shelf.folder().display(), id);
            return Err(refuse(format!("{} is not in git as it is", file.display()), commit));
        }
        InGit::No(said) => {
            let init = format!("keep the articles in git: git -C {} init", shelf.folder().display());
            return Err(Failure { causes: vec![said], ..refuse(format!("{} is not in git", file.display()), init) });
        }
    };
    let now = room.parts.clock.now();
    let decide = |rows: &registers::ledger::act::Act<'_>, _: &_| -> Result<_, RowRefused> {
        act::share(rows, &id, &article, &commit, &why.reason, now)
    };
    let id = room.commit(why.by.as_deref(), decide).await?;
    let short = commit.get(..12).unwrap_or(&commit);
    room.brief(&id, &format!("{id} is shared as it is in commit {short}: incidents and alerts that it fits show it."));
    Ok(())
}

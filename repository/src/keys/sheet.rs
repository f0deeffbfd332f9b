//! The recovery sheet: one page for paper, which tells a stranger how to restore with this program and without it.

use std::fmt::Write as _;

use super::{KeyPrint, KeyShare};
use crate::repository::Repository;

/// What of a key stands on its sheet.
#[derive(Debug, Clone, Copy)]
pub enum OnSheet<'a> {
    /// Nothing secret.
    Nothing,
    /// The secret key: the sheet is itself the key.
    Key(&'a str),
    /// One share of it.
    Share(&'a KeyShare),
}

/// What goes on a sheet beside what the repository itself says.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The public key, `age1…`, of the custodian who keeps this sheet.
    pub recipient: &'a str,
    /// Who keeps it, and where, in the words of the plan.
    pub custodian: Option<&'a str>,
    /// What of the key stands on it.
    pub holds: OnSheet<'a>,
}

impl Sheet<'_> {
    /// What to do, with lifeboat and without it: a title, and steps in which commands stand between backticks.
    pub fn steps(&self) -> [(&'static str, Vec<String>); 2] {
        let with = match self.holds {
            OnSheet::Share(share) => vec![
                format!(
                    "bring together {} sheets of set {}; write the share line of each into a file of its own, and: `chmod 600 FILE`",
                    share.need(),
                    share.set()
                ),
                "in what follows give each file in the place of me.key: `--key-file FILE1 --key-file FILE2`, and so on".to_owned(),
            ],
            _ => vec!["write the secret key line into a file, me.key, and: `chmod 600 me.key`".to_owned()],
        };
        let without = match self.holds {
            OnSheet::Share(_) => {
                "put the shares together: `lifeboat key combine FILE1 FILE2 > me.key`, or `python3 combine-shares.py FILE1 FILE2 > me.key` with the script of lifeboat's docs"
            }
            _ => "write the secret key line into a file, me.key",
        };
        let restore = [
            "`lifeboat snapshots --plan PLAN.yaml --key-file me.key`",
            "`lifeboat restore POINT --to FOLDER --plan PLAN.yaml --key-file me.key`",
        ];
        let by_hand = [
            "copy the repository into a folder, repo; for a bucket any S3 tool does it",
            without,
            "look that it is this one: its id stands in repo/repository.json",
            "`python3 repo/recover/recover.py list repo me.key`",
            "`python3 repo/recover/recover.py restore repo me.key POINT out` where POINT is the first column of the step before, and out a new folder",
        ];
        [
            (
                "To restore with lifeboat (needs the plan file, which names this place)",
                with.into_iter().chain(restore.map(str::to_owned)).collect(),
            ),
            ("To restore without lifeboat (needs age, zstd and python3, nothing else)", by_hand.map(str::to_owned).to_vec()),
        ]
    }
}

/// The text of a recovery sheet for `repository`.
pub fn sheet(repository: &Repository, sheet: &Sheet<'_>) -> String {
    let Sheet { recipient, custodian, holds } = *sheet;
    let known = if repository.trust().recipients().iter().any(|listed| listed == recipient) {
        "This key opens the repository."
    } else {
        "WARNING: the repository does not list this key. It opens nothing there."
    };
    let secret = match holds {
        OnSheet::Nothing => "SECRET KEY\n(not on this sheet; it is kept by the custodian)\n".to_owned(),
        OnSheet::Key(secret) => format!("SECRET KEY (whoever reads this line reads every backup)\n{}\n", secret.trim()),
        OnSheet::Share(share) => format!(
            "SHARE {} OF {}, set {} (any {} of them give the key back; one alone tells nothing)\n{}\n",
            share.number(),
            share.of(),
            share.set(),
            share.need(),
            *share.to_groups()
        ),
    };
    let mut text = format!(
        "LIFEBOAT RECOVERY SHEET

Repository   {location}
Id           {id}
Created      {created}
Custodian    {custodian}
Public key   {recipient}
Fingerprint  {print}
             {known}

{secret}",
        location = repository.store().location(),
        id = repository.id(),
        created = repository.config().created,
        custodian = custodian.unwrap_or("not noted"),
        print = KeyPrint::of(recipient),
    );
    for (title, steps) in sheet.steps() {
        let (head, needs) = title.split_at(title.find(" (").unwrap_or(title.len()));
        let _ = writeln!(text, "\n{}{needs}", head.to_uppercase()); // a String takes all
        for (n, step) in (1..).zip(steps) {
            let _ = writeln!(text, "  {n}  {}", step.replace('`', ""));
        }
    }
    text
}

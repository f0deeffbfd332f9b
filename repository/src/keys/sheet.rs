//! The recovery sheet: one page of text for paper, which tells a stranger how to restore without this program.

use crate::repository::Repository;

/// What goes on a sheet beside what the repository itself says.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The public key, `age1…`, of the custodian who keeps this sheet.
    pub recipient: &'a str,
    /// Who keeps it, and where, in the words of the plan.
    pub custodian: Option<&'a str>,
    /// The secret key, for a sheet that is itself the key. Without it the sheet has no secret on it.
    pub secret: Option<&'a str>,
}

/// The text of a recovery sheet for `repository`.
pub fn sheet(repository: &Repository, sheet: &Sheet<'_>) -> String {
    let location = repository.store().location();
    let id = repository.id();
    let Sheet { recipient, custodian, secret } = *sheet;
    let custodian = custodian.unwrap_or("not noted");
    let secret = secret.map_or_else(
        || "(not on this sheet; it is kept by the custodian)\n".to_owned(),
        |secret| secret.lines().filter(|line| !line.starts_with('#')).fold(String::new(), |text, line| text + line + "\n"),
    );
    let known = if repository.trust().recipients().iter().any(|listed| listed == recipient) {
        "This key opens the repository."
    } else {
        "WARNING: the repository does not list this key. It opens nothing there."
    };
    format!(
        "LIFEBOAT RECOVERY SHEET

Repository   {location}
Id           {id}
Created      {created}
Custodian    {custodian}
Public key   {recipient}
             {known}

SECRET KEY (whoever reads this line reads every backup)
{secret}
TO RESTORE WITH LIFEBOAT (needs the plan file, which names this place)
  1  write the secret key line into a file, me.key, and: chmod 600 me.key
  2  lifeboat snapshots --plan PLAN.yaml --key-file me.key
  3  lifeboat restore POINT --to FOLDER --plan PLAN.yaml --key-file me.key

TO RESTORE WITHOUT LIFEBOAT (needs age, zstd and python3, nothing else)
  1  copy the repository into a folder, repo; for a bucket any S3 tool does it
  2  write the secret key line into a file, me.key
  3  look that it is this one: its id stands in repo/repository.json
  4  python3 repo/recover/recover.py list repo me.key
  5  python3 repo/recover/recover.py restore repo me.key POINT out
     POINT is the first column of what step 4 printed; out is a new folder
",
        created = repository.config().created,
    )
}

//! `lifeboat review sign`: writes the statement, or takes its signature, or does both with a key file.

use std::path::{Path, PathBuf};

use base::id::ContactId;
use orchestrator::jobs::review::{self as job, SignError};
use orchestrator::{Facts, Parts};
use plans::Plan;
use plans::plan::Role;
use records::seal::{self, SigningKey};
use registers::review::Review;

use super::super::binder::after_review;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secrets;
use crate::settings::Settings;

/// A signature or a statement is a small file.
const MAX_BYTES: u64 = 64 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct SignArgs {
    /// Who signs, a contact of the plan
    #[arg(long, value_name = "CONTACT", required_unless_present = "signature")]
    by: Option<ContactId>,
    /// In which role; the first that is missing and that this person has, when left out
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// What the signature means
    #[arg(long, default_value = "reviewed and approved", value_name = "TEXT")]
    meaning: String,
    /// Sign at once with this OpenSSH key file
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    key: Option<PathBuf>,
    /// The statement: written here, or with --signature read from here
    #[arg(long, default_value = "review-statement.txt", value_name = "FILE")]
    statement: PathBuf,
    /// Take this signature of the statement, made by ssh-keygen
    #[arg(long, value_name = "FILE.sig")]
    signature: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Waits<'a> {
    statement: &'a Path,
    command: String,
}

pub(super) async fn run(
    args: &SignArgs,
    parts: &Parts,
    plan: &Plan,
    facts: &Facts,
    settings: &Settings,
    output: Output,
) -> Result<Exit, Failure> {
    if let Some(signature) = &args.signature {
        let (text, signature) = (read(&args.statement)?, read(signature)?);
        return take(parts, plan, facts, [&text, &signature], settings, output).await;
    }
    let by = args
        .by
        .as_ref()
        .ok_or_else(|| Failure::new("LB0002", Exit::Usage, "nobody is named who signs").fix("name a contact: --by CONTACT"))?;
    let reviews = facts.reviews(plan);
    let open = registers::review::open(&reviews, plan).ok_or_else(|| failure(&SignError::NothingOpen { plan: plan.id.to_string() }))?;
    let role = role(args, plan, open, by)?;
    let statement = job::statement(parts, plan, open, by, &role, &args.meaning).map_err(|error| failure(&error))?;
    let text = statement.text().map_err(|error| failure(&error.into()))?;
    if let Some(key) = &args.key {
        let secret = secrets::read_private(key).map_err(|error| Failure::of_connect(&error))?;
        let key = SigningKey::parse(&(secret + "\n"), None).map_err(|error| Failure::of("LB0223", Exit::Key, &error))?;
        let signature =
            seal::sign(text.as_bytes(), &key, seal::REVIEW_NAMESPACE).map_err(|error| Failure::of("LB0223", Exit::Key, &error))?;
        return take(parts, plan, facts, [&text, &signature], settings, output).await;
    }
    std::fs::write(&args.statement, &text).map_err(|error| cannot("write", &args.statement, &error))?;
    let command = format!("ssh-keygen -Y sign -n {} -f YOUR_KEY {}", seal::REVIEW_NAMESPACE, args.statement.display());
    output.answer("review_statement", &Waits { statement: &args.statement, command: command.clone() }, || {
        format!("{text}\nRead it, then sign it with your own key:\n  {command}\n")
    });
    let sig = format!("{}.sig", args.statement.display());
    output.next(&format!("lifeboat review sign --statement {} --signature {sig}", args.statement.display()), "take the signature");
    Ok(Exit::Done)
}

async fn take(
    parts: &Parts,
    plan: &Plan,
    facts: &Facts,
    [text, signature]: [&str; 2],
    settings: &Settings,
    output: Output,
) -> Result<Exit, Failure> {
    let signed = job::sign(parts, plan, facts, text, signature).await.map_err(|error| failure(&error))?;
    let mut after = facts.clone();
    after.advance(&parts.journal).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    let reviews = after.reviews(plan);
    let open = registers::review::open(&reviews, plan).is_some();
    output.answer("review_signed", &signed, || {
        let name = signed.name.clone().unwrap_or_else(|| signed.by.to_string());
        let rest = if open { "More signatures are needed: lifeboat review list" } else { "The review is complete." };
        format!("{name} has signed as {}: {}. {rest}\n", signed.role, signed.meaning)
    });
    if !open {
        after_review(parts, plan, &after, settings, output).await?;
    }
    Ok(Exit::Done)
}

/// The role to sign in: as named, or the first missing one that this person has.
fn role(args: &SignArgs, plan: &Plan, open: &Review, by: &ContactId) -> Result<Role, Failure> {
    if let Some(role) = &args.role {
        return Ok(Role(role.clone()));
    }
    let contact = plan
        .contacts
        .get(by)
        .ok_or_else(|| Failure::from(orchestrator::jobs::open::unknown("contact", by.as_str(), plan.contacts.keys())))?;
    let missing = match open.standing(&plan.review.sign, plan.fingerprint) {
        registers::review::Standing::Open { missing, .. } => missing,
        _ => Vec::new(),
    };
    let fits = missing.iter().find(|role| contact.roles.contains(role));
    let any = fits.or_else(|| contact.roles.first()).cloned();
    any.ok_or_else(|| {
        Failure::new("LB0311", Exit::Failed, format!("{by} has no role in the plan"))
            .fix("give the contact a role, or name one: --role ROLE")
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    let meta = std::fs::metadata(path).map_err(|error| cannot("read", path, &error))?;
    if meta.len() > MAX_BYTES {
        return Err(Failure::new("LB0311", Exit::Failed, format!("{} is too large to be a statement or a signature", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| cannot("read", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure { causes: vec![error.to_string()], ..Failure::new("LB0006", Exit::Failed, format!("cannot {what} {}", path.display())) }
}

fn failure(error: &SignError) -> Failure {
    Failure::of("LB0311", Exit::Failed, error)
}

//! `lifeboat key new`: makes a key, shows its public half, and the line of the plan that takes it. Keys that a repository lists
//! are made in `role`.

use std::path::{Path, PathBuf};

use base::id::RepositoryId;
use records::seal::{EVIDENCE_NAMESPACE, allowed_line};
use repository::keys::{StewardRole, generate_reader_key, protect};
use secrecy::ExposeSecret as _;

use super::role::{self, Listed, Role, Wanted};
use crate::failure::{Exit, Failure};
use crate::key_files::{self, Ask};
use crate::output::Output;
use crate::settings::Settings;
use crate::{private_file, signing_key, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The name under which the repository lists the key; with --role
    #[arg(value_name = "NAME", requires = "role")]
    name: Option<String>,
    /// What the key is for, when it belongs to no repository
    #[arg(long = "for", value_enum, value_name = "PURPOSE", required_unless_present = "role", conflicts_with = "role")]
    purpose: Option<Purpose>,
    /// What its holder may do in a repository; its owners list it there, so --key-file FILE is needed, but for a reader
    #[arg(long, value_enum, value_name = "ROLE", requires = "name")]
    role: Option<Role>,
    /// The repository that lists the key, where the plan has several
    #[arg(long, value_name = "ID", requires = "role")]
    repository: Option<RepositoryId>,
    /// Encrypt a recovery key with a passphrase: from --passphrase-file, or asked for at the terminal
    #[arg(long)]
    passphrase: bool,
    /// New file for the secret half [default: standard output for recovery, this host's keys for evidence, review.key for review,
    /// NAME.ROLE with --role]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Purpose {
    /// An age key of a custodian: opens every backup
    Recovery,
    /// An SSH key of this host: signs evidence packs
    Evidence,
    /// An SSH key of a person: signs reviews
    Review,
}

#[derive(serde::Serialize)]
struct Made {
    purpose: &'static str,
    file: Option<PathBuf>,
    public: String,
    fingerprint: String,
    plan_line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

pub(crate) async fn run(args: &NewArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    if args.passphrase && !matches!((args.purpose, args.role), (Some(Purpose::Recovery), _) | (_, Some(Role::Reader))) {
        return Err(Failure::new(
            "LB0002",
            Exit::Usage,
            "--passphrase is for recovery keys: what a host or a service reads by itself has none",
        ));
    }
    let listed = match args.role {
        Some(Role::Reader) => return recovery(args, args.name.as_deref(), settings, output).await,
        Some(Role::Writer) => Some(Listed::Writer),
        Some(Role::Maintainer) => Some(Listed::Steward(StewardRole::Maintainer)),
        Some(Role::Verifier) => Some(Listed::Steward(StewardRole::Verifier)),
        None => None,
    };
    if let (Some(role), Some(name)) = (listed, args.name.as_deref()) {
        let wanted = Wanted { role, name, out: args.out.clone(), repository: args.repository.as_ref() };
        return role::run(wanted, settings, output).await;
    }
    let purpose = args.purpose.expect("the arguments demand a purpose, or a role with a name");
    match purpose {
        Purpose::Recovery => recovery(args, None, settings, output).await,
        Purpose::Evidence => {
            let file = args.out.clone().unwrap_or_else(|| settings.evidence_key());
            let key = signing_key::make(&file, &signing_key::issuer_of_host())?;
            note_down(settings, &key.fingerprint(), "evidence").await?;
            let plan_line = args.out.is_some().then(|| format!("evidence: {{sign_with: {}}}", absolute(&file).display()));
            let made = Made {
                purpose: "evidence",
                public: key.public_line(),
                fingerprint: key.fingerprint(),
                plan_line,
                secret: None,
                file: Some(file),
            };
            let line = allowed_line(&signing_key::issuer(&key), EVIDENCE_NAMESPACE, &bare(&made.public));
            output.answer("key", &made, || tell(&made) + &format!("\nGive auditors this line, by another way than the packs:\n  {line}\n"));
            Ok(Exit::Done)
        }
        Purpose::Review => {
            let file = args.out.clone().unwrap_or_else(|| PathBuf::from("review.key"));
            let key = signing_key::make(&file, &format!("review@{}", wiring::host()))?;
            note_down(settings, &key.fingerprint(), "review").await?;
            let public = key.public_line();
            let plan_line = Some(format!("ssh_key: \"{}\"", bare(&public)));
            let made = Made { purpose: "review", public, fingerprint: key.fingerprint(), plan_line, secret: None, file: Some(file) };
            output.answer("key", &made, || tell(&made));
            Ok(Exit::Done)
        }
    }
}

async fn recovery(args: &NewArgs, name: Option<&str>, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let out = args.out.as_deref();
    let (_, mut secret, recipient) = generate_reader_key();
    if args.passphrase {
        let passphrase = key_files::passphrase(settings, "New passphrase: ", Ask::Twice).map_err(|error| Failure::of_connect(&error))?;
        let protected = protect(&secret, &passphrase).map_err(|error| Failure::of("LB0222", Exit::Failed, &error))?;
        secret = secrecy::SecretString::from(protected);
    }
    if let Some(file) = out {
        private_file::write_new(file, secret.expose_secret())?;
    }
    note_down(settings, &recipient, "recovery").await?;
    let made = Made {
        purpose: "recovery",
        file: out.map(Path::to_owned),
        plan_line: Some(format!("{}: {{recipient: {recipient}}}", name.unwrap_or("NAME"))),
        fingerprint: recipient.clone(),
        public: recipient,
        secret: out.is_none().then(|| secret.expose_secret().to_owned()),
    };
    match &made.secret {
        // The key alone on standard output, as age-keygen does it, so that it can be piped to where it is kept.
        Some(secret) => {
            output.answer("key", &made, || secret.clone());
            output.note(&tell(&made));
        }
        None => output.answer("key", &made, || tell(&made)),
    }
    output.note("A repository takes the keys that the plan has when it is made;\na later one it takes by: lifeboat key rotate --people-only --key-file FILE");
    Ok(Exit::Done)
}

/// Writes the new key down where this host has a journal; a custodian's own machine has none, and gets none.
async fn note_down(settings: &Settings, fingerprint: &str, purpose: &str) -> Result<(), Failure> {
    if !settings.journal().exists() {
        return Ok(());
    }
    signing_key::record(&wiring::journal(settings).await?, fingerprint, purpose).await
}

fn tell(made: &Made) -> String {
    let mut lines = Vec::new();
    if let Some(file) = &made.file {
        lines.push(format!("secret      {} (mode 0600)", file.display()));
        if made.purpose != "recovery" {
            lines.push(format!("public      {}", signing_key::public_file(file).display()));
        }
    }
    lines.push(match made.purpose {
        "recovery" => format!("recipient   {}", made.public),
        _ => format!("fingerprint {}", made.fingerprint),
    });
    if let Some(line) = &made.plan_line {
        let section = match made.purpose {
            "recovery" => "\nIn the plan, under recovery_keys:",
            "review" => "\nIn the plan, in the entry of the person under contacts:",
            _ => "\nIn the plan:",
        };
        lines.extend([section.to_owned(), format!("  {line}")]);
    }
    lines.join("\n") + "\n"
}

/// A public key without its comment.
fn bare(public: &str) -> String {
    public.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

//! What `init` asks on a terminal where flags leave it open: which folder, what it is called, where backups go. Each answer is looked at before
//! the next question, so that a slip costs one line. Without a terminal nobody is asked, and the flags that are missing are named.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use base::id::ServiceId;
use plans::plan::Url;

use super::{InitArgs, absolute_folder};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::wiring;

/// What the first plan is made from.
pub(super) struct Wanted {
    pub service: ServiceId,
    pub sources: Vec<PathBuf>,
    /// The repository's place, as typed.
    pub typed: String,
    pub url: Url,
}

/// How often one question is asked before `init` gives up.
const TRIES: usize = 5;

/// Takes the flags, and asks for the rest.
pub(super) fn complete(args: &InitArgs, output: Output) -> Result<Wanted, Failure> {
    let missing: Vec<&str> = [
        ("--service ID", args.service.is_none()),
        ("--source FOLDER", args.source.is_empty()),
        ("--repository PLACE", args.repository.is_none()),
    ]
    .into_iter()
    .filter_map(|(flag, missing)| missing.then_some(flag))
    .collect();
    let terminal = !output.is_json() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !missing.is_empty() && !terminal {
        let what = format!("nobody is there to be asked for {}", missing.join(" and "));
        return Err(Failure::new("LB0002", Exit::Usage, what)
            .fix("lifeboat init --service web --source /srv/www --repository /mnt/backup, or run lifeboat init on a terminal"));
    }
    let sources = if args.source.is_empty() {
        vec![ask(output, "Which folder holds the data?", None, |answer| absolute_folder(answer.as_ref()))?]
    } else {
        args.source.iter().map(|path| absolute_folder(path)).collect::<Result<_, _>>()?
    };
    let service = match &args.service {
        Some(service) => service.clone(),
        None => {
            let name = sources.first().and_then(|path| path.file_name()?.to_str()?.parse::<ServiceId>().ok());
            let name = name.as_ref().map(ServiceId::as_str);
            ask(output, "What do people call what it is for, in one word?", name, |answer| {
                let bad = |error| Failure::from_error("LB0002", Exit::Usage, &error);
                answer.parse::<ServiceId>().map_err(bad)
            })?
        }
    };
    let (typed, url) = match &args.repository {
        Some(typed) => (typed.clone(), wiring::parse_url(typed)?),
        None => ask(output, "Where do backups go: a folder on another disk, or s3://bucket/prefix?region=…", None, |answer| {
            wiring::parse_url(answer).map(|url| (answer.to_owned(), url))
        })?,
    };
    Ok(Wanted { service, sources, typed, url })
}

/// Asks until the answer can be used.
fn ask<T>(output: Output, question: &str, default: Option<&str>, read: impl Fn(&str) -> Result<T, Failure>) -> Result<T, Failure> {
    let default_shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    let mut last = None;
    for _ in 0..TRIES {
        output.question(&format!("{question}{default_shown}\n> "));
        let mut line = String::new();
        let n_read = std::io::stdin().lock().read_line(&mut line).unwrap_or_default();
        if n_read == 0 {
            break; // whoever was there has gone
        }
        let answer = Some(line.trim()).filter(|answer| !answer.is_empty()).or(default);
        match answer.map(&read) {
            None => {}
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(failure)) => {
                output.failure(&failure);
                last = Some(failure);
            }
        }
    }
    Err(last.unwrap_or_else(|| {
        Failure::new("LB0002", Exit::Usage, format!("there was no answer to \"{question}\""))
            .fix("lifeboat init --help shows the flags that answer it")
    }))
}

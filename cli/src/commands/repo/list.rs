//! `lifeboat repo list`: the plan's repositories, and how this host stands with each.

use base::id::RepositoryId;

use crate::failure::{Exit, Failure};
use crate::look::{self, Seen};
use crate::output::Output;
use crate::output::table::Table;
use crate::plan_files;
use crate::settings::Settings;

#[derive(serde::Serialize)]
struct Line {
    repository: RepositoryId,
    location: String,
    media: String,
    site: Option<String>,
    reachable: bool,
    why_not: Option<String>,
    repository_id: Option<String>,
    writer: Option<String>,
    why_no_writer: Option<String>,
}

pub(crate) async fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let seen = look::at_all(settings, &plan).await;
    let lines: Vec<Line> = seen.iter().filter_map(|seen| Some(line(plan.repositories.get(&seen.id)?, seen))).collect();
    output.answer("repositories", &lines, || {
        let mut table = Table::new(["REPOSITORY", "MEDIA", "SITE", "REACHED", "ID", "THIS HOST"]);
        for line in &lines {
            table.row([
                line.repository.to_string(),
                line.media.clone(),
                line.site.clone().unwrap_or_else(|| "-".to_owned()),
                if line.reachable { "yes" } else { "NO" }.to_owned(),
                line.repository_id.as_deref().map_or("-", |id| id.get(..8).unwrap_or(id)).to_owned(),
                line.writer.as_ref().map_or_else(|| "no key".to_owned(), |writer| format!("writes as {writer}")),
            ]);
        }
        let width = lines.iter().map(|line| line.repository.as_str().len()).max().unwrap_or_default();
        let place = |line: &Line| crate::output::folded(&format!("{:<width$}", line.repository), &line.location);
        let places: String = lines.iter().map(place).collect();
        format!("{}\n{places}", table.render())
    });
    for seen in &seen {
        let ((Err(trouble), _) | (_, Some(Err(trouble)))) = (&seen.reached, &seen.writer) else { continue };
        output.warn(&format!("{}: {}", seen.id, crate::output::printable(&trouble.what)));
        if let Some(fix) = &trouble.fix {
            output.note(crate::output::folded("fix ", &fix.replace("add ID", &format!("add {}", seen.id))).trim_end());
        }
    }
    let troubles: Vec<_> = seen.iter().filter_map(|seen| seen.reached.as_ref().err()).collect();
    Ok(match troubles.as_slice() {
        [] => Exit::Done,
        some if some.iter().any(|trouble| trouble.absent) => Exit::NoRepository,
        _ => Exit::Failed,
    })
}

fn line(repository: &plans::plan::Repository, seen: &Seen) -> Line {
    let writer = seen.writer.as_ref();
    Line {
        repository: seen.id.clone(),
        location: repository.url.to_string(),
        media: repository.media.clone(),
        site: repository.site.clone(),
        reachable: seen.reached.is_ok(),
        why_not: seen.reached.as_ref().err().map(|trouble| trouble.what.clone()),
        repository_id: seen.reached.as_ref().ok().map(|opened| opened.id().to_string()),
        writer: writer.and_then(|writer| writer.as_ref().ok()).map(|key| key.writer().to_string()),
        why_no_writer: writer.and_then(|writer| writer.as_ref().err()).map(|trouble| trouble.what.clone()),
    }
}

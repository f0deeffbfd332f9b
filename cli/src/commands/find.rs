//! `lifeboat find`: files by their names, in one restore point or in all of a source.

use base::ByteSize;
use base::id::RepositoryId;
use jiff::Timestamp;
use orchestrator::Parts;
use orchestrator::jobs::open;
use plans::Plan;
use repository::snapshots::Snapshot;
use restore::choose::Choice;
use restore::list::{Listed, find};
use restore::pattern::Pattern;
use serde::Serialize;

use super::ls::{short, tell_problems};
use crate::failure::{Exit, Failure};
use crate::output::lines::Lines;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct FindArgs {
    /// Names like '*.conf', or paths like '/srv/**/x'; put them in quotes
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
    /// Restore point, by the beginning of its id or as a source or service; the newest of every source when left out
    #[arg(long, value_name = "POINT", conflicts_with = "versions")]
    point: Option<std::ffi::OsString>,
    /// All restore points of a source or service: each version of what is found
    #[arg(long, value_name = "SERVICE|SOURCE")]
    versions: Option<String>,
    /// Look into this repository of the plan
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
}

/// Something that was found, and where.
#[derive(Serialize)]
struct Found<'a> {
    snapshot: String,
    source: &'a str,
    taken: Timestamp,
    #[serde(flatten)]
    listed: &'a Listed,
}

pub(crate) async fn run(args: &FindArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let parse = |text: &String| Pattern::parse(text).map_err(|error| Failure::of("LB0003", Exit::Usage, &error));
    let patterns = args.patterns.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let mut look = Look { output, lines: Lines::new(output), exit: Exit::Done };
    if let Some(word) = &args.versions {
        let wanted = points::sources_of(&plan, word)?;
        look.versions(&parts, &plan, &wanted, args.from.as_ref(), &patterns).await?;
    } else {
        for rule in rules(args, &plan)? {
            let chosen = points::find(&parts, &plan, &rule, args.from.as_ref(), None, output).await?;
            look.one(&chosen.reader, &chosen.snapshot, &patterns).await?;
        }
    }
    let exit = look.exit;
    if look.lines.finish() == 0 {
        output.note("nothing of that name is there");
    }
    Ok(exit)
}

fn rules(args: &FindArgs, plan: &Plan) -> Result<Vec<Choice>, Failure> {
    let Some(text) = &args.point else {
        return Ok(plan.sources.keys().map(|source| Choice::Newest { source: source.clone() }).collect());
    };
    let address = points::address(text)?;
    if address.path.is_some() {
        return Err(Failure::new("LB0003", Exit::Usage, "--point takes a restore point without a path")
            .fix("put the path into the pattern: lifeboat find '/srv/www/**/NAME' --point POINT"));
    }
    Ok(vec![points::rule(plan, &address.point, None)?])
}

/// A search while it runs.
struct Look {
    output: Output,
    lines: Lines,
    exit: Exit,
}

impl Look {
    async fn one(&mut self, reader: &repository::reader::Reader, snapshot: &Snapshot, patterns: &[Pattern]) -> Result<(), Failure> {
        let point = snapshot.id.short();
        let mut show = |listed: Listed| {
            self.lines.entry("found", &found(snapshot, &listed), || format!("{point}:{}", short(&listed)));
        };
        let problems = find(reader, snapshot, patterns, &mut show).await?;
        self.problems(&problems);
        Ok(())
    }

    /// Each version of what is found: a line where a file differs from the restore point before.
    async fn versions(
        &mut self,
        parts: &Parts,
        plan: &Plan,
        sources: &[base::id::SourceId],
        from: Option<&RepositoryId>,
        patterns: &[Pattern],
    ) -> Result<(), Failure> {
        let mut versions: Vec<(Listed, Snapshot)> = Vec::new();
        let repositories = points::repositories(plan, from)?;
        for id in repositories.iter().filter(|id| sources.iter().any(|s| plan.sources.get(s).is_some_and(|s| s.to.contains(id)))) {
            let reader = open::reader(parts, plan, id).await?;
            let listing = reader.snapshots().await.map_err(|error| Failure::of_read(&error))?;
            for snapshot in listing.snapshots.iter().filter(|snapshot| sources.contains(&snapshot.source)) {
                let problems = find(&reader, snapshot, patterns, &mut |listed| versions.push((listed, snapshot.clone()))).await?;
                self.problems(&problems);
            }
        }
        versions.sort_by(|(a, x), (b, y)| (&a.path, x.taken).cmp(&(&b.path, y.taken)));
        // What did not change from one restore point to the next is one version, named by the first that has it.
        versions.dedup_by(|(later, _), (earlier, _)| later == earlier);
        for (listed, snapshot) in &versions {
            self.lines.entry("found", &found(snapshot, listed), || {
                let size = listed.size_bytes.map(|size| ByteSize(size).to_string()).unwrap_or_default();
                let changed = listed.changed.map_or_else(|| "-".to_owned(), instant::utc);
                format!("{}  since {}  {size:>9}  changed {changed}  {}", snapshot.id.short(), instant::utc(snapshot.taken), short(listed))
            });
        }
        Ok(())
    }

    fn problems(&mut self, problems: &[restore::report::Problem]) {
        if tell_problems(problems, self.output) == Exit::Damage {
            self.exit = Exit::Damage;
        }
    }
}

fn found<'a>(snapshot: &'a Snapshot, listed: &'a Listed) -> Found<'a> {
    Found { snapshot: snapshot.id.to_string(), source: snapshot.source.as_str(), taken: snapshot.taken, listed }
}

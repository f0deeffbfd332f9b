//! `lifeboat overdue`: everything that is late or went wrong, in all registers at once, gravest first.

use std::fmt::Write as _;

use orchestrator::tasks::notices::matters;

use crate::failure::{Exit, Failure};
use crate::output::{Output, folded, instant, printable};
use crate::settings::Settings;
use crate::{plan_files, wiring};

pub(crate) async fn run(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let now = parts.clock.now();
    let matters = matters(&plan, &facts, now);
    output.answer("overdue", &matters, || {
        if matters.is_empty() {
            return "Nothing is overdue.\n".to_owned();
        }
        let mut text = String::new();
        for matter in &matters {
            let owner = matter.owner.as_ref().map_or_else(String::new, |owner| format!("; {owner} answers for it"));
            let what = format!("{}: {} ({}{owner})", matter.object, matter.what, instant::distance(matter.since, now));
            text += &folded(&format!("! {:<17}", matter.kind.event()), &what);
            let _ = writeln!(text, "{:21}{}", "", printable(&matter.todo)); // not folded, so that it can be copied
        }
        text
    });
    Ok(Exit::Done)
}

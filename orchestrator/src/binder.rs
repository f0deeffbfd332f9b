//! What stands in the binder: the plan, people, the order of recovery, workflows, where keys are, and the commands that bring data back by
//! hand. Decided from the plan and what the repositories say of themselves; `records::binder` draws it, `jobs::binder` writes it.
//!
//! No secret is in it: a plan has no place for one, of keys only the public half is named, and of credentials where they lie.

mod hand;
mod steps;

use base::id::RepositoryId;
use base::span::human;
use jiff::Timestamp;
use plans::Plan;
use plans::load::Text;
use plans::plan::{Contact, Service};
use records::binder::{Binder, Block, Section};
use repository::keys::KeyPrint;

/// What a repository says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How the plan calls it.
    pub id: RepositoryId,
    /// What `repository.json` says, where it could be read.
    pub opened: Result<Opened, String>,
}

/// A repository that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its own id.
    pub id: String,
    /// Public keys that open it.
    pub recipients: Vec<String>,
}

/// What the binder is made of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its texts.
    pub texts: &'a [Text],
    /// Its repositories.
    pub places: &'a [Place],
    /// When the plan was last reviewed and signed, and by whom.
    pub reviewed: Option<&'a str>,
    /// When the binder is made.
    pub now: Timestamp,
}

/// The binder.
pub fn binder(source: &Source<'_>) -> Binder {
    let plan = source.plan;
    let mut facts = vec![
        ("Plan".to_owned(), format!("{}, material fingerprint {}", plan.id, plan.fingerprint.short())),
        ("Made".to_owned(), source.now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("Reviewed".to_owned(), source.reviewed.unwrap_or("the plan as it is was never reviewed and signed").to_owned()),
    ];
    facts.extend(plan.owner.as_ref().map(|id| ("Answers for it".to_owned(), person(plan, id.as_str()))));
    facts.extend(plan.scope.clone().map(|scope| ("Scope".to_owned(), scope)));
    let sections = vec![
        section("When it happens", when(plan)),
        section("Order of recovery", order(plan)),
        section("People", people(plan)),
        section("Workflows", steps::workflows(plan)),
        section("Where the data is", places(plan)),
        section("Where the keys are", keys(source)),
        section("Commands with lifeboat", hand::with_lifeboat(plan)),
        section("By hand, without lifeboat", hand::without_lifeboat(source)),
        section("Recovery kit", hand::kit(source)),
    ];
    Binder { title: plan.title.clone(), facts, sections }
}

fn section(title: &str, blocks: Vec<Block>) -> Section {
    Section { title: title.to_owned(), blocks }
}

fn note(text: &str) -> Block {
    Block::Note(text.to_owned())
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Block {
    Block::Table { head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows }
}

/// "Joy Okafor, +47 1234": who is called.
fn person(plan: &Plan, id: &str) -> String {
    match plan.contacts.get(id) {
        Some(Contact { name, phone: Some(phone), .. }) => format!("{name}, {phone}"),
        Some(contact) => contact.name.clone(),
        None => id.to_owned(),
    }
}

fn when(plan: &Plan) -> Vec<Block> {
    let mut blocks = vec![Block::Steps(vec![
        steps::step("Say what is wrong, so that the clocks run.", Some("lifeboat incident declare \"WHAT HAPPENED\" --service SERVICE")),
        steps::step("Look what can be recovered, and from when.", Some("lifeboat status\nlifeboat snapshots")),
        steps::step("Bring the services back in the order of the next part, each to a new place first.", None),
        steps::step("If lifeboat or its host is gone: take this binder, a recovery key, and the part \"By hand, without lifeboat\".", None),
    ])];
    let roles = |roles: &[plans::plan::Role]| roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut rows = Vec::new();
    for (word, activation) in [("activate", &plan.activate), ("stand down", &plan.stand_down)] {
        if let Some(one) = activation {
            rows.push(vec![word.to_owned(), roles(&one.by), one.when.clone()]);
        }
    }
    if !rows.is_empty() {
        blocks.push(table(&["The plan", "By", "When"], rows));
    }
    blocks
}

fn order(plan: &Plan) -> Vec<Block> {
    let mut starts: Vec<&Service> = plan.services.values().filter(|service| !service.external).collect();
    starts.sort_by_key(|service| (service.objectives.rto.map_or(std::time::Duration::MAX, base::Span::at_least), &service.id));
    let order = plan.order_of(starts.into_iter().map(|service| &service.id));
    let span = |span: Option<base::Span>| span.map_or_else(|| "-".to_owned(), |span| span.to_string());
    let list = |ids: Vec<String>| if ids.is_empty() { "-".to_owned() } else { ids.join(", ") };
    let rows = (1..).zip(order.iter().filter_map(|id| plan.services.get(id))).map(|(n, service): (u32, _)| {
        vec![
            n.to_string(),
            format!("{}\n{}", service.id, service.title),
            span(service.objectives.rto),
            span(service.objectives.rpo),
            list(service.needs.iter().map(ToString::to_string).collect()),
            list(service.sources.iter().map(ToString::to_string).collect()),
            service.owner.as_ref().map_or_else(|| "-".to_owned(), |id| person(plan, id.as_str())),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let mut blocks = vec![
        note("What a service needs comes before it; among equals the shortest time to recover comes first."),
        table(&["", "Service", "Back within", "Data lost at most", "Needs", "Sources", "Owner"], rows),
    ];
    let external: Vec<String> =
        plan.services.values().filter(|one| one.external).map(|one| format!("{} ({})", one.id, one.title)).collect();
    if !external.is_empty() {
        blocks.push(Block::Note(format!("Not ours to recover, but needed: {}.", external.join(", "))));
    }
    blocks
}

fn people(plan: &Plan) -> Vec<Block> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let rows = plan.contacts.values().map(|contact| {
        let roles = contact.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        vec![
            contact.name.clone(),
            roles,
            text(&contact.phone),
            text(&contact.email),
            contact.deputy.as_ref().map_or_else(|| "-".to_owned(), |id| person(plan, id.as_str())),
            text(&contact.contract),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return vec![note("The plan names nobody.")];
    }
    vec![table(&["Name", "Roles", "Telephone", "Mail", "Stands in", "Contract"], rows)]
}

fn places(plan: &Plan) -> Vec<Block> {
    let rows = plan.repositories.values().map(|one| {
        let sources: Vec<String> =
            plan.sources.values().filter(|source| source.to.contains(&one.id)).map(|source| source.id.to_string()).collect();
        vec![
            one.id.to_string(),
            one.url.to_string(),
            one.site.clone().unwrap_or_else(|| "-".to_owned()),
            one.lock.map_or_else(|| "-".to_owned(), |lock| format!("locked for {}", lock.period)),
            sources.join(", "),
        ]
    });
    let sources = plan.sources.values().map(|one| vec![one.id.to_string(), one.kind.word().to_owned(), human(one.expect_run.at_least())]);
    vec![
        table(&["Repository", "Place", "Site", "Lock", "Sources"], rows.collect()),
        Block::Heading("What is backed up".to_owned()),
        table(&["Source", "Kind", "A run takes"], sources.collect()),
    ]
}

fn keys(source: &Source<'_>) -> Vec<Block> {
    let plan = source.plan;
    let rows = plan.recovery_keys.values().map(|key| {
        let opens = |place: &&Place| place.opened.as_ref().is_ok_and(|opened| opened.recipients.contains(&key.recipient));
        let opens: Vec<String> = source.places.iter().filter(opens).map(|place| place.id.to_string()).collect();
        vec![
            key.id.to_string(),
            key.custodian.as_ref().map_or_else(|| "-".to_owned(), |id| person(plan, id.as_str())),
            key.kept.clone().unwrap_or_else(|| "-".to_owned()),
            if opens.is_empty() { "none that could be asked".to_owned() } else { opens.join(", ") },
            KeyPrint::of(&key.recipient).to_string(),
            key.recipient.clone(),
        ]
    });
    vec![
        note("One of these opens everything. The secret half is with its custodian and nowhere in this binder."),
        table(&["Key", "Custodian", "Kept", "Opens", "Fingerprint", "Public key"], rows.collect()),
    ]
}

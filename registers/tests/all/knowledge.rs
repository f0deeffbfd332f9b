//! Articles: captured, changed, found good by somebody else, shared, stale; what asks for one, and where one fits.

use plans::Plan;
use plans::article::{Article, read};
use records::Event;
use records::event::Row;
use registers::incident::act::{Act as Deeds, Report};
use registers::knowledge::{self, Phase, act, page, phase};
use registers::ledger::act::{Act, RowRefused};
use registers::ledger::field::KNOWLEDGE;
use registers::settings::IncidentRules;
use registers::{Facts, Kind, overdue};

use crate::{at, plan_with};

struct Desk {
    plan: Plan,
    facts: Facts,
    body: String,
}

fn row(fields: &[(&str, &str)]) -> Row {
    fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

impl Desk {
    fn new() -> Self {
        let plan = plan_with(&[("review:\n", "knowledge: {review: 6 months, process: 14d}\nreview:\n")]);
        Self { plan, facts: Facts::default(), body: "# Logs\n".to_owned() }
    }

    fn act(&mut self, when: &str, by: &str, decide: impl Fn(&Act<'_>, &Facts) -> Result<Event, RowRefused>) -> Result<(), RowRefused> {
        let event = decide(&Act { ledger: &self.facts.ledger, register: &KNOWLEDGE, plan: &self.plan, by }, &self.facts)?;
        self.facts.take(&self.plan.id, at(when), &event);
        Ok(())
    }

    fn captured(when: &str) -> Self {
        let mut desk = Self::new();
        let fields = [
            ("title", "Logs fill the disk"),
            ("services", "lims"),
            ("symptom", "no space left"),
            ("cause", "no rotation"),
            ("fix", "rotate"),
            ("owner", "j.okafor"),
            ("verified_on", "2026-10-01"),
        ];
        let body = desk.body.clone();
        desk.act(when, "j.okafor", |rows, facts| act::capture(rows, facts, &row(&fields), &body, "INC-1")).unwrap();
        desk
    }

    fn article(&self) -> Article {
        let kept = self.facts.ledger.get("knowledge", "KB-1").unwrap();
        read("KB-1.md", &page::render("KB-1", &kept.row, &self.body)).unwrap()
    }

    fn process(&mut self, when: &str, by: &str) -> Result<(), RowRefused> {
        let article = self.article();
        self.act(when, by, |rows, _| act::process(rows, "kb-1", &article, "read", at(when)))
    }

    fn share(&mut self, when: &str) -> Result<(), RowRefused> {
        let article = self.article();
        self.act(when, "j.okafor", |rows, _| act::share(rows, "KB-1", &article, "c0ffee", "useful", at(when)))
    }

    fn revise(&mut self, when: &str, fields: &[(&str, &str)], reason: &str) -> Result<(), RowRefused> {
        let changes = row(fields);
        self.act(when, "j.okafor", |rows, facts| act::revise(rows, facts, "KB-1", &changes, reason))
    }

    fn phase(&self) -> Phase {
        phase(self.facts.ledger.get("knowledge", "KB-1").unwrap())
    }

    fn late(&self, now: &str) -> Vec<(String, String)> {
        let late = overdue::list(&self.plan, &self.facts, None, at(now)).into_iter();
        late.filter(|matter| matter.kind == Kind::KnowledgeOverdue).map(|matter| (matter.what, matter.todo)).collect()
    }
}

#[test]
fn an_article_is_captured_found_good_by_somebody_else_and_shared_and_a_change_of_words_takes_that_back() {
    let mut desk = Desk::captured("2026-10-01");
    assert_eq!(desk.phase(), Phase::Captured);
    let said = desk.share("2026-10-02").unwrap_err().to_string();
    assert!(said.contains("nobody but its owner has looked at it"), "{said}");
    let said = desk.process("2026-10-02", "j.okafor").unwrap_err().to_string();
    assert!(said.contains("j.okafor owns it"), "{said}");
    let said = desk.process("2026-10-02", "root").unwrap_err().to_string();
    assert!(said.contains("root is no contact"), "{said}");
    desk.process("2026-10-02", "q.ansari").unwrap();
    assert_eq!(desk.phase(), Phase::Processed);
    desk.share("2026-10-03").unwrap();
    assert_eq!(desk.phase(), Phase::Shared);
    desk.revise("2026-11-01", &[("verified_on", "2026-11-01")], "still true").unwrap();
    assert_eq!(desk.phase(), Phase::Shared, "that it was found true again changes no word of it");
    desk.revise("2026-11-02", &[("fix", "rotate daily")], "learned").unwrap();
    assert_eq!(desk.phase(), Phase::Captured);
    let history = &desk.facts.ledger.get("knowledge", "KB-1").unwrap().history;
    assert!(history.last().unwrap().what.contains("processed_by from q.ansari to nothing"), "{history:#?}");
}

#[test]
fn an_article_that_lacks_something_or_was_edited_since_is_not_found_good_and_an_edit_without_a_reason_is_refused() {
    let mut desk = Desk::captured("2026-10-01");
    desk.revise("2026-10-02", &[("cause", "")], "not known after all").unwrap();
    let said = desk.process("2026-10-03", "q.ansari").unwrap_err().to_string();
    assert!(said.contains("cause is missing"), "{said}");
    assert_eq!(desk.revise("2026-10-03", &[("cause", "x")], "  "), Err(RowRefused::NoReason));
    desk.revise("2026-10-03", &[("cause", "no rotation")], "found").unwrap();
    desk.body = "# Logs, edited\n".to_owned();
    let said = desk.process("2026-10-03", "q.ansari").unwrap_err().to_string();
    assert!(said.contains("its file was edited since it was taken in: text"), "{said}");
    let changes = page::changes(desk.facts.ledger.get("knowledge", "KB-1").unwrap(), &desk.article());
    assert_eq!(changes.keys().collect::<Vec<_>>(), ["text"]);
    let strange = desk.revise("2026-10-04", &[("incidents", "INC-9"), ("capa", "CAPA-9")], "x").unwrap_err().to_string();
    assert!(strange.contains("there is no INC-9") && strange.contains("there is no CAPA-9"), "{strange}");
}

#[test]
fn an_article_is_late_when_it_waits_too_long_or_nobody_found_it_true_for_too_long() {
    let mut desk = Desk::captured("2026-10-01");
    assert_eq!(desk.late("2026-10-14T23:59:59"), []);
    let waits = "Logs fill the disk: captured and not yet looked at by somebody else".to_owned();
    assert_eq!(desk.late("2026-10-15"), [(waits, "lifeboat kb process KB-1 --by CONTACT --reason TEXT".to_owned())]);
    desk.process("2026-10-15", "q.ansari").unwrap();
    let waits = "Logs fill the disk: found good and not shared".to_owned();
    assert_eq!(desk.late("2026-10-16"), [(waits, "lifeboat kb share KB-1 --reason TEXT".to_owned())]);
    desk.share("2026-10-16").unwrap();
    assert_eq!(desk.late("2027-03-31T21:00:00"), [], "six months in the plan's zone since it was verified on 2026-10-01");
    let stale = "Logs fill the disk: last found true on 2026-10-01".to_owned();
    assert_eq!(desk.late("2027-04-01"), [(stale, "lifeboat kb update KB-1 --verified-on DAY --reason TEXT".to_owned())]);
    desk.revise("2027-04-02", &[("verified_on", "2027-04-02")], "still true").unwrap();
    assert_eq!(desk.late("2027-04-03"), []);
    desk.revise("2027-04-10", &[("fix", "rotate daily")], "learned").unwrap();
    assert_eq!(desk.late("2027-04-20"), [], "the time to look at it begins with the change of its words");
    assert_eq!(desk.late("2027-04-25").len(), 1);
    desk.act("2027-05-01", "j.okafor", |rows, _| rows.archive("KB-1", "another system")).unwrap();
    assert_eq!((desk.phase(), desk.late("2028-01-01")), (Phase::Archived, vec![]));
}

#[test]
fn incidents_that_ended_ask_for_an_article_and_shared_ones_are_shown_where_they_fit() {
    let mut desk = Desk::captured("2026-10-01");
    let rules = IncidentRules::default();
    let declare = |desk: &mut Desk, when: &str, title: &str| {
        let deeds = Deeds { incidents: &desk.facts.incidents, plan: &desk.plan.id, rules: &rules, by: "j.okafor" };
        let services = vec!["lims".parse().unwrap()];
        let event = deeds.declare(Report { title: title.to_owned(), impact: 3, services, ..Report::default() }).unwrap();
        desk.facts.take(&desk.plan.id, at(when), &event);
    };
    let resolve = |desk: &mut Desk, when: &str, id: &str| {
        let deeds = Deeds { incidents: &desk.facts.incidents, plan: &desk.plan.id, rules: &rules, by: "j.okafor" };
        let event = deeds.resolve(id, "made room", None, None).unwrap();
        desk.facts.take(&desk.plan.id, at(when), &event);
    };
    declare(&mut desk, "2026-10-05", "disk full of logs again");
    declare(&mut desk, "2026-10-06", "printer is out of paper");
    assert_eq!(knowledge::wanted(&desk.facts, &rules), [], "what is not over asks for nothing yet");
    resolve(&mut desk, "2026-10-06", "INC-1");
    resolve(&mut desk, "2026-10-06", "INC-2");
    let known = |desk: &Desk| {
        let wanted = knowledge::wanted(&desk.facts, &rules);
        wanted.into_iter().map(|one| (one.incident, one.known)).collect::<Vec<_>>()
    };
    assert_eq!(known(&desk), [("INC-1".to_owned(), vec![]), ("INC-2".to_owned(), vec![])], "a draft is shown to nobody");
    desk.process("2026-10-07", "q.ansari").unwrap();
    desk.share("2026-10-07").unwrap();
    assert_eq!(known(&desk), [("INC-1".to_owned(), vec!["KB-1".to_owned()]), ("INC-2".to_owned(), vec![])]);
    desk.revise("2026-10-08", &[("incidents", "INC-1")], "the same").unwrap();
    assert_eq!(known(&desk), [("INC-2".to_owned(), vec![])]);

    let matter = |object: &str, kind, what: &str| registers::Matter {
        kind,
        object: object.to_owned(),
        since: at("2026-10-09"),
        owner: None,
        what: what.to_owned(),
        todo: String::new(),
    };
    let shown = |matter: &registers::Matter| knowledge::of_matter(&desk.plan, &desk.facts, matter).len();
    assert_eq!(shown(&matter("incident INC-1, response", Kind::SlaWarn, "50 % are spent")), 1);
    assert_eq!(shown(&matter("incident INC-2", Kind::IncidentOpen, "paper")), 0);
    assert_eq!(shown(&matter("lims-files in vault", Kind::BackupFailed, "no space left: the disk is full")), 1);
    assert_eq!(shown(&matter("wiki-files in vault", Kind::BackupFailed, "no space left: the disk is full")), 0, "another service");
    assert_eq!(shown(&matter("lims-files in vault", Kind::BackupFailed, "permission denied")), 0);
}

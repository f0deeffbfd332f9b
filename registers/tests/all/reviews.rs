//! Reviews: who has signed, who still has to, and what reviewers are given to look at.

use base::Digest;
use base::id::ContactId;
use jiff::Timestamp;
use plans::plan::{Role, SignRule};
use proptest::prelude::*;
use records::Event;
use records::drill::Verdict;
use records::event::{Asked, ReviewSigned, ReviewStarted};
use registers::review::{self, Review, SignRefused, Standing, inputs};

use super::{at, backup_failed, drilled, facts, loaded, plan, plan_with};

fn started(plan: &plans::Plan, id: &str, when: &str) -> (Timestamp, Event) {
    let event = ReviewStarted {
        review: id.to_owned(),
        plan: plan.id.clone(),
        fingerprint: plan.fingerprint,
        inputs: vec!["since the beginning".to_owned()],
        asked: Some(Asked { roles: plan.review.sign.roles.iter().map(ToString::to_string).collect(), distinct: plan.review.sign.distinct }),
    };
    (at(when), event.into())
}

fn signed(fingerprint: Digest, review: &str, by: &str, role: &str, when: &str) -> (Timestamp, Event) {
    let event = ReviewSigned {
        review: review.to_owned(),
        plan: "helix-lab".parse().unwrap(),
        fingerprint,
        by: by.parse().unwrap(),
        name: None,
        role: role.to_owned(),
        meaning: "approved".to_owned(),
        statement: String::new(),
        statement_digest: Digest::of(b""),
        signature: String::new(),
    };
    (at(when), event.into())
}

fn fold(plan: &plans::Plan, events: &[(Timestamp, Event)]) -> Vec<Review> {
    review::fold(&plan.id, events.iter().map(|(at, event)| (*at, event)))
}

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| Role((*name).to_owned())).collect()
}

#[test]
fn a_review_is_done_when_each_role_has_signed_by_another_person() {
    let plan = plan();
    let rule = &plan.review.sign;
    let mut events = vec![started(&plan, "R-1", "2026-11-01")];
    let standing = |events: &[_]| fold(&plan, events)[0].standing(rule, plan.fingerprint);
    let open = |missing: &[&str]| Standing::Open { missing: roles(missing), distinct: true };
    assert_eq!(standing(&events), open(&["service-owner", "quality"]));
    events.push(signed(plan.fingerprint, "R-1", "d.petrova", "service-owner", "2026-11-02"));
    assert_eq!(standing(&events), open(&["quality"]));
    events.push(signed(plan.fingerprint, "R-1", "d.petrova", "quality", "2026-11-03"));
    assert_eq!(standing(&events), open(&["quality"]), "the same person does not count twice");
    events.push(signed(plan.fingerprint, "R-1", "q.ansari", "quality", "2026-11-04"));
    assert_eq!(standing(&events), Standing::Done { at: at("2026-11-04") });
    let last = review::last_signed(&fold(&plan, &events), rule).unwrap();
    assert_eq!((last.at, last.fingerprint), (at("2026-11-04"), plan.fingerprint));
}

#[test]
fn persons_are_given_to_roles_so_that_the_review_can_be_done() {
    let plan = plan();
    // Daria signed first as quality, then as owner; Qadir as quality: she is the owner, he is quality.
    let events = [
        started(&plan, "R-1", "2026-11-01"),
        signed(plan.fingerprint, "R-1", "d.petrova", "quality", "2026-11-02"),
        signed(plan.fingerprint, "R-1", "d.petrova", "service-owner", "2026-11-03"),
        signed(plan.fingerprint, "R-1", "q.ansari", "quality", "2026-11-04"),
    ];
    assert_eq!(fold(&plan, &events)[0].done_at(&plan.review.sign), Some(at("2026-11-04")));
}

#[test]
fn a_plan_that_asks_for_more_signatures_than_when_it_was_signed_has_changed_and_is_not_new() {
    let before = plan_with(&[("roles: [service-owner, quality], distinct: true", "roles: [quality]")]);
    let after = plan();
    let events = [
        loaded(&before, "2026-10-01"),
        started(&before, "R-1", "2026-10-02"),
        signed(before.fingerprint, "R-1", "q.ansari", "quality", "2026-10-03"),
        loaded(&after, "2026-11-01"),
    ];
    let last = review::last_signed(&fold(&after, &events), &after.review.sign);
    let status = registers::overdue::review_status(&after, &facts(&after, &events), last.as_ref(), at("2026-11-02"));
    let reason = plans::review::OverdueReason::Changed;
    assert_eq!(status, plans::review::ReviewStatus::Overdue { since: at("2026-11-01"), reason });
}

#[test]
fn without_a_rule_one_signature_is_enough_and_none_is_not() {
    let plan = plan();
    let rule = SignRule::default();
    let mut start = started(&plan, "R-1", "2026-11-01");
    if let Event::ReviewStarted(start) = &mut start.1 {
        start.asked = None; // as records of before have it
    }
    let events = [start, signed(plan.fingerprint, "R-1", "k.sato", "quality", "2026-11-02")];
    assert_eq!(fold(&plan, &events[..1])[0].done_at(&rule), None);
    assert_eq!(fold(&plan, &events)[0].done_at(&rule), Some(at("2026-11-02")));
}

#[test]
fn a_signature_for_another_plan_or_review_does_not_count() {
    let plan = plan();
    let events = [
        started(&plan, "R-1", "2026-11-01"),
        signed(Digest::of(b"another plan"), "R-1", "d.petrova", "service-owner", "2026-11-02"),
        signed(plan.fingerprint, "R-9", "q.ansari", "quality", "2026-11-02"),
    ];
    assert_eq!(fold(&plan, &events)[0].signatures, []);
}

#[test]
fn a_review_of_a_plan_that_has_changed_waits_for_nobody() {
    let (before, after) = (plan(), plan_with(&[("rto: 4h", "rto: 3h")]));
    let reviews = fold(&before, &[started(&before, "R-1", "2026-11-01")]);
    assert_eq!(reviews[0].standing(&after.review.sign, after.fingerprint), Standing::Superseded);
    assert_eq!(review::open(&reviews, &after), None);
    assert_eq!(review::open(&reviews, &before), Some(&reviews[0]));
}

#[test]
fn who_may_sign_is_told_with_the_reason() {
    let plan = plan();
    let mut events = vec![started(&plan, "R-1", "2026-11-01")];
    let admit =
        |events: &[_], by: &str, role: &str| fold(&plan, events)[0].admit(&plan, &by.parse::<ContactId>().unwrap(), &Role(role.to_owned()));
    assert_eq!(admit(&events, "q.ansari", "quality"), Ok(()));
    assert!(matches!(admit(&events, "nobody", "quality"), Err(SignRefused::Unknown { .. })));
    assert!(matches!(admit(&events, "k.sato", "quality"), Err(SignRefused::NoKey { .. })));
    assert!(matches!(admit(&events, "q.ansari", "service-owner"), Err(SignRefused::NotTheirRole { .. })));
    events.push(signed(plan.fingerprint, "R-1", "d.petrova", "service-owner", "2026-11-02"));
    assert!(matches!(admit(&events, "d.petrova", "service-owner"), Err(SignRefused::Twice { .. })));
    assert!(matches!(admit(&events, "d.petrova", "quality"), Err(SignRefused::NotDistinct { .. })));
    events.push(signed(plan.fingerprint, "R-1", "q.ansari", "quality", "2026-11-03"));
    assert!(matches!(admit(&events, "j.okafor", "service-owner"), Err(SignRefused::Done { .. })));
}

#[test]
fn reviewers_are_given_what_happened_since_the_last_review_and_what_stands_open() {
    let plan = plan();
    let mut changed = loaded(&plan, "2026-10-20");
    if let Event::PlanLoaded(load) = &mut changed.1 {
        load.fingerprint = Digest::of(b"the plan of October");
    }
    let events = [
        changed,
        drilled(&plan, "2026-09-05T01:00:00", Verdict::Pass, 1000, 1000),
        loaded(&plan, "2026-10-25"),
        drilled(&plan, "2026-11-05T02:00:00", Verdict::Pass, 5 * 3_600_000, 60_000),
        backup_failed("lims-files", "2026-11-06T10:37:00", false),
    ];
    let last = plans::review::SignedReview { at: at("2026-10-01"), fingerprint: plan.fingerprint };
    let lines = inputs::gather(&plan, &facts(&plan, &events), Some(&last), at("2026-11-06T11:00:00")).lines();
    let has = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "no {text:?} in {lines:#?}");
    has("since 2026-10-01T00:00:00Z");
    has("drill: lims-monthly on 2026-11-05 pass, recovery 5 h, data lost 1 m");
    has("objective missed: lims: recovery took 5 h of 4 h (drill lims-monthly on 2026-11-05)");
    has(&format!("change of the plan: plan changed on 2026-10-25: {} -> {}", Digest::of(b"the plan of October").short(), plan.fingerprint.short()));
    has("trouble: backup.failed lims-files in vault since 2026-11-06: the last run went wrong");
    has("late: backup.overdue wiki-files in vault");
    has("threat: T-01 Ransomware: 3 x 2 = 6 (controls proven on 2026-11-05)");
    assert!(!lines.iter().any(|line| line.contains("2026-09-05")), "a drill of before the last review is no news: {lines:#?}");
}

#[test]
fn the_inputs_digest_follows_every_line() {
    let lines = |texts: &[&str]| inputs::digest(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    assert_eq!(lines(&["a", "b"]), Digest::of(b"a\nb\n"));
    assert_ne!(lines(&["a", "b"]), lines(&["b", "a"]));
    assert_ne!(lines(&["a", "b"]), lines(&["a"]));
}

/// Whether `rule`'s roles can be given to different persons, by trying everything.
fn possible(roles: &[Role], signatures: &[(ContactId, Role)], taken: &mut Vec<ContactId>) -> bool {
    let Some((role, rest)) = roles.split_first() else { return true };
    for (by, _) in signatures.iter().filter(|(_, signed)| signed == role) {
        if !taken.contains(by) {
            taken.push(by.clone());
            if possible(rest, signatures, taken) {
                return true;
            }
            taken.pop();
        }
    }
    false
}

proptest! {
    /// The review is done exactly when some way of giving roles to persons exists.
    #[test]
    fn a_review_is_done_exactly_when_persons_can_be_given_to_roles(
        signed_by in prop::collection::vec((0..4_usize, 0..4_usize), 0..10),
        n_roles in 1..5_usize,
    ) {
        let names = ["a", "b", "c", "d"];
        let rule = SignRule { roles: roles(&names[..n_roles]), distinct: true, not_author: 0 };
        let plan_id = "helix-lab".parse().unwrap();
        let fingerprint = Digest::of(b"plan");
        let start = ReviewStarted { review: "R".to_owned(), plan: plan_id, fingerprint, inputs: Vec::new(), asked: None };
        let mut events = vec![(at("2026-11-01"), Event::from(start))];
        events.extend(signed_by.iter().map(|(by, role)| signed(fingerprint, "R", names[*by], names[*role], "2026-11-02")));
        let review = review::fold(&"helix-lab".parse().unwrap(), events.iter().map(|(at, event)| (*at, event))).remove(0);
        let signatures: Vec<(ContactId, Role)> = review.signatures.iter().map(|one| (one.by.clone(), one.role.clone())).collect();
        prop_assert_eq!(review.done_at(&rule).is_some(), possible(&rule.roles, &signatures, &mut Vec::new()));
    }
}

//! Reviews of the plan: opened, signed with stock tools or with a key file, refused, and due again when the plan changes.

use crate::people::{self, tool};
use crate::place::Place;

fn place() -> Place {
    let place = Place::made();
    people::join(&place);
    place.run(["review", "start"]).exits(0).says(&["is open", "What there is to look at"]);
    place
}

#[test]
fn a_review_is_signed_in_two_steps_with_ssh_keygen() {
    let place = place();
    place.run(["review", "list"]).exits(0).says(&["still to sign: service-owner"]);
    let said = place.run(["review", "sign", "--by", "d.petrova"]).exits(0);
    said.says(&["ssh-keygen -Y sign -n lifeboat-review@1"]);
    let args = ["-Y", "sign", "-n", "lifeboat-review@1", "-f", "daria", "review-statement.txt"];
    let (ok, said) = tool(place.path(), "ssh-keygen", &args);
    assert!(ok, "{said}");
    place.run(["review", "sign", "--signature", "review-statement.txt.sig"]).exits(0).says(&["Daria Petrova", "The review is complete"]);
    place.run(["review", "list"]).exits(0).says(&["is in order", "Daria Petrova as service-owner"]);
}

#[test]
fn a_review_is_signed_at_once_with_a_key_file() {
    let place = place();
    place.run(["review", "list"]).exits(0).says(&["was never reviewed"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0).says(&["The review is complete"]);
    place.run(["review", "list"]).exits(0).says(&["is in order"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(1).warns(&["LB0311", "waits for a signature"]);
}

#[test]
fn who_may_not_sign_is_refused_and_so_is_another_persons_key() {
    let place = place();
    place.run(["review", "sign", "--by", "j.wei", "--key", "wei"]).exits(1).warns(&["LB0311", "custodian"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "wei"]).exits(1).warns(&["LB0311", "does not verify"]);
    place.run(["review", "sign", "--by", "nobody", "--key", "wei"]).exits(2).warns(&["nobody"]);
    place.run(["review", "list"]).exits(0).says(&["still to sign: service-owner"]);
}

#[test]
fn a_statement_that_was_changed_after_signing_is_refused() {
    let place = place();
    place.run(["review", "sign", "--by", "d.petrova"]).exits(0);
    let args = ["-Y", "sign", "-n", "lifeboat-review@1", "-f", "daria", "review-statement.txt"];
    assert!(tool(place.path(), "ssh-keygen", &args).0);
    let file = place.path().join("review-statement.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("reviewed and approved"), "{text}");
    std::fs::write(&file, text.replace("reviewed and approved", "reviewed and rejected")).unwrap();
    place.run(["review", "sign", "--signature", "review-statement.txt.sig"]).exits(1).warns(&["LB0311", "does not verify"]);
}

#[test]
fn a_change_of_what_is_material_after_a_signed_review_makes_it_overdue_and_status_says_so() {
    let place = place();
    place.run(["review", "list"]).exits(0).says(&["was never reviewed"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0);
    let said = place.run(["status"]).exits(0);
    assert!(!said.out.contains("reviewed and signed"), "{}", said.all());
    people::edit(&place, "likelihood: 3, impact: 5", "likelihood: 4, impact: 5");
    place.run(["review", "list"]).exits(0).says(&["OVERDUE", "changed in what matters"]);
    place.run(["status"]).exits(0).says(&["the plan differs from the one that was last reviewed and signed", "lifeboat review start"]);
    place.run(["review", "start"]).exits(0);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0);
    place.run(["review", "list"]).exits(0).says(&["is in order"]);
}

#[test]
fn a_change_of_words_alone_leaves_a_signed_review_in_order() {
    let place = place();
    place.run(["review", "list"]).exits(0).says(&["was never reviewed"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0);
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    std::fs::write(place.plan(), format!("# a remark\n{plan}title: The web server\n")).unwrap();
    place.run(["review", "list"]).exits(0).says(&["is in order"]);
}

#[test]
fn two_people_who_sign_at_once_are_both_taken_and_one_who_signs_twice_at_once_is_taken_once() {
    let place = Place::made();
    people::join(&place);
    people::edit(&place, "sign: {roles: [service-owner]}", "sign: {roles: [service-owner, custodian], distinct: true}");
    place.run(["review", "start"]).exits(0);
    let place = &place;
    let sign = |by: &str, key: &str| place.run(["review", "sign", "--by", by, "--key", key]).code;
    let mut codes = std::thread::scope(|scope| {
        let both = [("d.petrova", "daria"), ("j.wei", "wei"), ("d.petrova", "daria")];
        let sign = &sign;
        let running = both.map(|(by, key)| scope.spawn(move || sign(by, key)));
        running.map(|one| one.join().unwrap())
    });
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 1]);
    let said = place.run(["review", "list"]).exits(0).says(&["is in order", "Daria Petrova as service-owner", "Jun Wei as custodian"]);
    assert_eq!(said.out.matches("+ ").count(), 2, "{}", said.all());
}

#[test]
fn reviews_that_are_opened_at_once_are_one() {
    let place = Place::made();
    people::join(&place);
    let start = || place.run(["review", "start"]).code;
    let mut codes = std::thread::scope(|scope| [scope.spawn(start), scope.spawn(start)].map(|one| one.join().unwrap()));
    codes.sort_unstable();
    assert_eq!(codes, [0, 1]);
}

#[test]
fn one_review_at_a_time() {
    place().run(["review", "start"]).exits(1).warns(&["LB0310", "open already"]);
}

#[test]
fn a_signature_of_the_journal_that_the_key_of_the_plan_did_not_make_counts_for_nothing() {
    let place = Place::made();
    people::join(&place);
    people::edit(&place, "review: {every", "review: {on_change: [services], every"); // so that another key is no change of what was reviewed
    place.run(["review", "start"]).exits(0);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0);
    let said = place.run(["review", "list"]).exits(0).says(&["+ Daria Petrova as service-owner"]);
    assert!(!said.out.contains("still to sign"), "{}", said.all());
    let public = |name: &str| {
        let line = std::fs::read_to_string(place.path().join(name).with_extension("pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    };
    people::ssh_key(&place, "other");
    people::edit(&place, &public("daria"), &public("other"));
    place.run(["review", "list"]).exits(0).says(&["! d.petrova as service-owner", "it does not count", "still to sign: service-owner"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(1).warns(&["LB0311", "does not verify"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "other"]).exits(0).says(&["The review is complete"]);
}

#[test]
fn the_minutes_are_a_document_that_people_edit_and_sign_and_that_no_signature_outlives_a_change_of() {
    let place = place();
    place.run(["review", "minutes", "--output", "minutes.md"]).exits(0).warns(&["lifeboat review update --minutes minutes.md"]);
    let file = place.path().join("minutes.md");
    let text = std::fs::read_to_string(&file).unwrap();
    for part in ["# Minutes of the review of", "## Inputs", "## Decisions", "still to sign: service-owner"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let take = ["review", "update", "--minutes", "minutes.md", "--reason", "the meeting"];
    place.run(take).exits(1).warns(&["LB0310", "are not written yet"]);
    place.run(["review", "sign", "--by", "d.petrova", "--statement", "before.txt"]).exits(0);
    std::fs::write(&file, text.replace("(write here what was decided)", "### Copies\n\nA copy in Oslo by May.")).unwrap();
    place.run(take).exits(0).says(&["have the decisions"]);
    place.run(take).exits(1).warns(&["say so already"]);
    place.run(["review", "update", "--decisions", "## Signatures", "--reason", "x"]).exits(1).warns(&["heading of one or two"]);
    // A statement from before the decisions is about other inputs.
    assert!(tool(place.path(), "ssh-keygen", &["-Y", "sign", "-n", "lifeboat-review@1", "-f", "daria", "before.txt"]).0);
    let late = ["review", "sign", "--statement", "before.txt", "--signature", "before.txt.sig"];
    place.run(late).exits(1).warns(&["LB0311", "other inputs"]);
    place.run(["review", "sign", "--by", "d.petrova", "--key", "daria"]).exits(0).says(&["The review is complete"]);
    place.run(["review", "update", "--decisions", "none after all", "--reason", "x"]).exits(1).warns(&["are signed, and stay as they are"]);
    let said = ["A copy in Oslo by May.", "Daria Petrova as service-owner", "The next review is due on"];
    place.run(["review", "show"]).exits(0).says(&said);
}

//! The knowledge base at the terminal, with git itself: from an incident to an article that others see.

use crate::people::{self, tool};
use crate::place::Place;

/// A place with people, and a git repository around the plan.
fn place() -> Place {
    let place = Place::made();
    people::join(&place);
    git(&place, &["init", "-q", "-b", "main"]);
    place
}

fn git(place: &Place, args: &[&str]) {
    let mut all = vec!["-c", "user.name=Joy", "-c", "user.email=joy@example.org"];
    all.extend(args);
    let (ok, said) = tool(&place.path().join("plans"), "git", &all);
    assert!(ok, "{said}");
}

fn article(place: &Place, name: &str) -> std::path::PathBuf {
    place.path().join("plans/knowledge").join(name)
}

#[test]
fn an_incident_becomes_an_article_that_is_looked_at_committed_shared_and_shown_at_the_next_one() {
    let place = place();
    place.run(["kb", "list"]).exits(0).says(&["No article is written down"]);
    place.run(["incident", "declare", "the disk is full of logs", "--service", "web"]).exits(0);
    place.run(["incident", "update", "INC-1", "--note", "df says [100 %](x)\n# no heading"]).exits(0);
    place.run(["incident", "update", "INC-1", "--root-cause", "log rotation was off", "--reason", "found"]).exits(0);
    place.run(["incident", "resolve", "INC-1", "--how", "rotated the logs"]).exits(0);
    place.run(["kb", "discover"]).exits(0).says(&["INC-1", "the disk is full of logs"]).warns(&["lifeboat kb add --incident INC-1"]);
    place.run(["incident", "close", "INC-1", "--reason", "done"]).exits(0).warns(&["lifeboat kb add --incident INC-1"]);

    let add = ["kb", "add", "--incident", "inc-1", "--title", "Logs fill the disk", "--owner", "j.wei", "--reason", "it will come back"];
    place.run(add).exits(0).says(&["KB-1 is captured", "plans/knowledge/KB-1.md"]);
    let text = std::fs::read_to_string(article(&place, "KB-1.md")).unwrap();
    for part in [
        "id: KB-1\n",
        "title: \"Logs fill the disk\"",
        "services: [\"web\"]",
        "cause: \"log rotation was off\"",
        "fix: \"rotated the logs\"",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains("## What happened in INC-1") && text.contains("\n    # no heading\n"), "{text}");
    place.run(["kb", "discover"]).exits(0).says(&["An article tells of every incident"]);

    // Process: the owner may not, and what is missing is named.
    place.run(["kb", "process", "KB-1", "--by", "j.wei", "--reason", "mine"]).exits(1).warns(&["LB0313", "j.wei owns it"]);
    place.run(["kb", "process", "KB-1", "--by", "d.petrova", "--reason", "x"]).exits(1).warns(&["verified_on is missing"]);
    std::fs::write(
        article(&place, "KB-1.md"),
        text.replace("rotated the logs", "logrotate -f").replace("owner: j.wei", "owner: j.wei\nverified_on: 2026-01-01"),
    )
    .unwrap();
    place.run(["kb", "list"]).exits(0).says(&["KB-1", "captured", "! edited: fix", "verified_on"]);
    place
        .run(["kb", "process", "KB-1", "--by", "d.petrova", "--reason", "x"])
        .exits(1)
        .warns(&["its file was edited since it was taken in"]);
    place.run(["kb", "update", "KB-1", "--reason", " "]).exits(1).warns(&["the reason is empty"]);
    place.run(["kb", "update", "KB-1", "--verified-on", "2999-01-01", "--reason", "hope"]).exits(0);
    place.run(["kb", "process", "KB-1", "--by", "d.petrova", "--reason", "x"]).exits(1).warns(&["2999-01-01, is still to come"]);
    place.run(["kb", "update", "KB-1", "--verified-on", "2026-01-01", "--reason", "tried"]).exits(0).says(&["KB-1 is updated"]);
    place.run(["kb", "show", "KB-1"]).exits(0).says(&["fix from rotated the logs to logrotate -f", "(hope)", "! not committed"]);
    place.run(["kb", "process", "KB-1", "--by", "d.petrova", "--reason", "it works"]).exits(0).says(&["KB-1 is found good"]);

    // Share: only what git has.
    place.run(["kb", "share", "KB-1", "--reason", "all should know"]).exits(1).warns(&["LB0315", "is not in git as it is", "git -C"]);
    git(&place, &["add", "knowledge"]);
    git(&place, &["commit", "-q", "-m", "Say what to do when logs fill the disk"]);
    place.run(["kb", "share", "KB-1", "--reason", "all should know"]).exits(0).says(&["KB-1 is shared as it is in commit"]);
    place.run(["kb", "list"]).exits(0).says(&["shared"]);
    assert_eq!(place.json(["kb", "list"])[0]["phase"], "shared");

    place.run(["incident", "declare", "no space: the disk is full", "--service", "web"]).exits(0);
    place.run(["incident", "show", "INC-2"]).exits(0).says(&["known         KB-1 Logs fill the disk (verified 2026-01-01)"]);
    place.run(["incident", "update", "INC-2", "--knowledge", "KB-7", "--reason", "x"]).exits(1).warns(&["has no KB-7"]);
    place.run(["incident", "update", "INC-2", "--knowledge", "kb-1", "--reason", "the same"]).exits(0);
    place.run(["incident", "show", "INC-2"]).exits(0).says(&["knowledge     KB-1"]);

    place.run(["kb", "search", "rotat"]).exits(0).says(&["KB-1", "Logs fill the disk", "(shared)"]);
    place.run(["kb", "search", "zebra"]).exits(0).says(&["None of 1 article holds these words"]);
    place.run(["kb", "archive", "KB-1", "--reason", "another system"]).exits(0);
    place.run(["kb", "search", "rotat"]).exits(0).says(&["None of 0 articles"]);
    place.run(["kb", "list", "--all"]).exits(0).says(&["archived"]);
    assert!(article(&place, "KB-1.md").exists());
}

#[test]
fn files_that_are_no_articles_and_links_out_of_the_folder_are_named_with_their_lines() {
    let place = place();
    let folder = place.path().join("plans/knowledge");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("broken.md"), "---\ntitel: [\n---\n").unwrap();
    std::fs::write(folder.join("latin.md"), b"---\nid: latin\ntitle: caf\xe9\n---\n").unwrap();
    std::fs::write(folder.join("plain.md"), "# no front matter\n").unwrap();
    std::fs::write(folder.join("large.md"), vec![b'x'; 300 << 10]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link.md")).unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("out")).unwrap();
    let text = "---\nid: links\ntitle: Links\nowner: nobody\nservices: [moon]\nincidents: [INC-9]\n---\n[a](../web.yaml)\n[b](gone.md)\n[c](out/passwd)\n[d](plain.md)\n";
    std::fs::write(folder.join("links.md"), text).unwrap();
    let said = place.run(["kb", "check"]).exits(1).says(&[
        "broken.md: line",
        "latin.md: it is not UTF-8 text from byte 24 on",
        "plain.md: line 1: it has no front matter",
        "large.md: it has more than 262144 bytes",
        "link.md: it is no plain file",
        "links.md: line 8: the link to ../web.yaml leaves the folder",
        "links.md: line 9: the link leads to gone.md, which is not there",
        "links.md: line 10: the link to out/passwd leaves the folder",
        "links.md: there is no contact nobody",
        "links.md: there is no service moon",
        "links.md: there is no incident INC-9",
    ]);
    assert!(!said.out.contains("line 11"), "{}", said.all());
    place.run(["kb", "list"]).exits(0).warns(&["Not of the register: broken.md, large.md, latin.md, link.md, links.md, plain.md"]);
    place
        .run(["kb", "add", "--file", "plans/knowledge/latin.md", "--title", "x", "--reason", "x"])
        .exits(1)
        .warns(&["LB0315", "not UTF-8"]);
    place.run(["kb", "add", "--file", "plans/knowledge/link.md", "--title", "x", "--reason", "x"]).exits(1).warns(&["no plain file"]);
    place.run(["kb", "add", "--file", "plans/knowledge/plain.md", "--reason", "x"]).exits(1).warns(&["title: it is missing"]);
    place
        .run(["kb", "add", "--file", "plans/knowledge/plain.md", "--title", "Plain", "--reason", "x"])
        .exits(0)
        .says(&["KB-1 is captured"]);
    assert!(std::fs::read_to_string(folder.join("KB-1.md")).unwrap().ends_with("---\n# no front matter\n"));
    place.run(["kb", "search", "front", "matter"]).exits(0).says(&["KB-1", "# no front matter"]);
}

#[test]
fn an_article_whose_file_is_gone_or_broken_is_told_and_comes_back_with_its_file() {
    let place = place();
    place.run(["kb", "add", "--title", "Logs", "--services", "web", "--reason", "x"]).exits(0);
    let text = std::fs::read_to_string(article(&place, "KB-1.md")).unwrap();
    std::fs::remove_file(article(&place, "KB-1.md")).unwrap();
    place.run(["kb", "list"]).exits(0).says(&["! no file"]);
    place.run(["kb", "check"]).exits(1).says(&["KB-1.md: the file is not there"]);
    place.run(["kb", "update", "KB-1", "--fix", "x", "--reason", "x"]).exits(1).warns(&["LB0315", "get it back from git"]);
    std::fs::write(article(&place, "KB-1.md"), text.replace("services:", "servces:")).unwrap();
    place.run(["kb", "list"]).exits(0).says(&["! 1 fault"]);
    place.run(["kb", "update", "KB-1", "--reason", "x"]).exits(1).warns(&["line 4", "did you mean services"]);
    std::fs::write(article(&place, "KB-1.md"), &text).unwrap();
    place.run(["kb", "update", "KB-1", "--fix", "rotate:\n\ndaily", "--reason", "found"]).exits(0);
    assert!(std::fs::read_to_string(article(&place, "KB-1.md")).unwrap().contains("fix: \"rotate:\\n\\ndaily\""));
    place.run(["kb", "list"]).exits(0).says(&["captured  +"]);
    // Outside of git nothing is shared.
    std::fs::remove_dir_all(place.path().join("plans/.git")).unwrap();
    let fields = ["--symptom", "s", "--cause", "c", "--owner", "j.wei", "--verified-on", "2026-01-01", "--reason", "x"];
    place.run(["kb", "update", "KB-1"].iter().chain(&fields)).exits(0);
    place.run(["kb", "process", "KB-1", "--by", "d.petrova", "--reason", "x"]).exits(0);
    place.run(["kb", "share", "KB-1", "--reason", "x"]).exits(1).warns(&["LB0315", "is not in git", "git -C", "init"]);
}

#[test]
fn articles_go_to_a_spreadsheet_and_come_back_with_their_files() {
    let place = place();
    place.run(["kb", "add", "--title", "Logs", "--services", "web", "--reason", "x"]).exits(0);
    let csv = place.run(["register", "export", "knowledge"]).exits(0);
    let empty = ",".repeat(csv.out.lines().next().unwrap().split(',').count() - 3);
    let changed = csv.out.replace("Logs", "Logs fill the disk") + ",New one,web" + &empty + "\r\n";
    std::fs::write(place.path().join("kb.csv"), changed).unwrap();
    let import = ["register", "import", "knowledge", "kb.csv", "--reason", "workshop"];
    place.run(import).exits(0).says(&["1 to add, 1 to update"]);
    assert!(!article(&place, "KB-2.md").exists());
    place.run(import.iter().chain(&["--apply"])).exits(0);
    assert!(std::fs::read_to_string(article(&place, "KB-1.md")).unwrap().contains("title: \"Logs fill the disk\""));
    place.run(["kb", "show", "KB-2"]).exits(0).says(&["New one", "workshop"]);
    place.run(["kb", "check"]).exits(1).says(&["KB-2.md: symptom is missing"]);
}

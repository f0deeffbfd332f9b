//! All eight registers by one table: each is listed, shown, added to, updated with a reason, archived, told as JSON, and goes to CSV and back.

use crate::people;
use crate::place::Place;

/// The commands of a register. "ID" stands for the row's name; each of the last three is refused when its reason is empty.
struct Row {
    name: &'static str,
    id: &'static str,
    add: &'static str,
    update: &'static str,
    archive: &'static str,
    list: &'static str,
    show: &'static str,
    /// What comes before it can be archived.
    before: &'static str,
}

const TABLE: [Row; 8] = [
    Row {
        name: "threat",
        id: "T-02",
        add: "register add threat T-02 --title Flood --likelihood 4 --impact 4",
        update: "register update threat ID --impact 5",
        archive: "register archive threat ID",
        list: "register list threat",
        show: "register show threat ID",
        before: "",
    },
    Row {
        name: "impact",
        id: "web",
        add: "register add impact web --workaround paper",
        update: "register update impact ID --peaks Mondays",
        archive: "register archive impact ID",
        list: "register list impact",
        show: "register show impact ID",
        before: "",
    },
    Row {
        name: "capa",
        id: "CAPA-1",
        add: "capa add --title Rotate --owner j.wei --due 2099-01-01",
        update: "capa update ID --root-cause logs",
        archive: "capa archive ID",
        list: "capa list",
        show: "capa show ID",
        before: "",
    },
    Row {
        name: "feedback",
        id: "FB-1",
        add: "feedback add --class concern --party shop --text slow",
        update: "feedback update ID --text slower",
        archive: "feedback archive ID",
        list: "feedback list",
        show: "feedback show ID",
        before: "",
    },
    Row {
        name: "change",
        id: "CHG-1",
        add: "change add --title Upgrade --services web",
        update: "change update ID --window Sunday",
        archive: "change archive ID",
        list: "change list",
        show: "change show ID",
        before: "",
    },
    Row {
        name: "knowledge",
        id: "KB-1",
        add: "kb add --title Logs --services web",
        update: "kb update ID --cause rotation",
        archive: "kb archive ID",
        list: "kb list",
        show: "kb show ID",
        before: "",
    },
    Row {
        name: "incident",
        id: "INC-1",
        add: "incident add down --service web",
        update: "incident update ID --root-cause logs",
        archive: "incident archive ID",
        list: "incident list",
        show: "incident show ID",
        before: "incident resolve ID --how restarted; incident close ID --reason found",
    },
    Row {
        name: "review",
        id: "",
        add: "review add",
        update: "review update ID --decisions accepted",
        archive: "review archive ID",
        list: "review list",
        show: "review show ID",
        before: "",
    },
];

fn words<'a>(command: &'a str, id: &'a str, reason: Option<&'a str>) -> Vec<&'a str> {
    let words = command.split(' ').map(|word| if word == "ID" { id } else { word });
    words.chain(reason.into_iter().flat_map(|reason| ["--reason", reason])).collect()
}

#[test]
fn every_register_has_all_its_verbs_refuses_an_edit_without_a_reason_and_deletes_nothing() {
    let place = Place::made();
    people::join(&place);
    for row in &TABLE {
        let told_at_adding = !matches!(row.name, "incident" | "review");
        if told_at_adding {
            place.run(words(row.add, row.id, Some(" "))).exits(1).warns(&["reason is empty"]);
        }
        place.run(words(row.add, row.id, told_at_adding.then_some("first"))).exits(0);
        let id = match row.name {
            "review" => place.json(["review", "list"])["reviews"][0]["review"].as_str().unwrap().to_owned(),
            _ => row.id.to_owned(),
        };
        for reason in [" ", ""] {
            place.run(words(row.update, &id, Some(reason))).exits(1).warns(&["reason is empty"]);
        }
        place.run(words(row.update, &id, Some("learned"))).exits(0);
        place.run(words(row.show, &id, None)).exits(0).says(&["learned"]);
        let shown = place.json(words(row.show, &id, None));
        assert!(shown.is_object(), "{}: {shown}", row.name);
        let list = place.json(words(row.list, &id, None));
        assert!(list.to_string().contains(&id), "{}: {list}", row.name);
        let csv = place.run(["register", "export", row.name]).exits(0);
        assert!(csv.out.starts_with("id,") && csv.out.contains(&id), "{}", csv.all());
        std::fs::write(place.path().join("rows.csv"), &csv.out).unwrap();
        let import = place.run(["register", "import", row.name, "rows.csv", "--reason", "the same"]);
        match row.name {
            "review" => import.exits(1).warns(&["a signature cannot come from a spreadsheet"]),
            _ => import.exits(0).says(&["0 to add, 0 to update"]),
        };
        for command in row.before.split("; ").filter(|command| !command.is_empty()) {
            place.run(words(command, &id, None)).exits(0);
        }
        place.run(words(row.archive, &id, Some(" "))).exits(1).warns(&["reason is empty"]);
        place.run(words(row.archive, &id, Some("of no more use"))).exits(0);
        place.run(words(row.show, &id, None)).exits(0).says(&["archived", "of no more use"]);
        let csv = place.run(["register", "export", row.name]).exits(0);
        assert!(csv.out.contains(&id), "what is archived is still there\n{}", csv.all());
    }
    place.run(["audit", "verify"]).exits(0);
}

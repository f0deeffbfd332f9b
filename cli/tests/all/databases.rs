//! Databases of real servers: dumped with facts of what was dumped, filled into empty ones alone, and no half dump counts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::place::{Place, Said, said};
use crate::servers::{Kind, PASSWORD, Server, folder_of, secret};
use crate::streams::{add_source, line_of, spawn};

/// A table of names that are hard to write, and one that no pipe holds.
const POSTGRES: &str = "create table orders (id int primary key, who text, paid numeric); \
    insert into orders select n, 'joy ''é'' ' || n, n * 1.5 from generate_series(1, 250) n; \
    create table \"Odd \"\"Name\" (x bytea); insert into \"Odd \"\"Name\" values ('\\x00ff0a'); \
    create table wide (t text); insert into wide select repeat(md5(n::text), 64) from generate_series(1, 6000) n";
const MARIA: &str = "create table orders (id int primary key, who text, paid decimal(9,2)) engine=InnoDB; \
    insert into orders select seq, concat('joy ''é'' ', seq), seq * 1.5 from seq_1_to_250; \
    create table `odd ``name` (x blob) engine=InnoDB; insert into `odd ``name` values (x'00ff0a'); \
    create table wide (t text) engine=InnoDB; insert into wide select repeat(md5(seq), 64) from seq_1_to_6000; \
    create view dear as select id from orders where paid > 300; create view dearest as select max(id) as id from dear; \
    create procedure pay() update orders set paid = 0";

/// A place whose plan has the source "shop" in a server with rows; `more` is more of the source's kind.
fn shop(kind: Kind, more: &str, facts: &str) -> (Place, Server) {
    let (place, server) = (Place::made(), Server::start(kind));
    let (word, rows) = if kind == Kind::Postgres { ("postgres", POSTGRES) } else { ("mysql", MARIA) };
    server.sql("shop", rows);
    let dsn = server.dsn_file(&place, "shop");
    add_source(&place, &format!("shop: {{{word}: {{dsn: {{file: {}}}{more}}}, schedule: \"@daily\"{facts}}}", dsn.display()));
    (place, server)
}

fn facts(place: &Place) -> Value {
    serde_json::from_slice(&place.run_with_key(["cat", "shop:/facts.json"]).exits(0).bytes).unwrap()
}

/// Fills a database of the server.
fn into(place: &Place, server: &Server, database: &str) -> Said {
    let target = format!("file:{}", server.dsn_file(place, database).display());
    place.run_with_key(["restore", "shop", "--into", &target, "--yes"])
}

#[track_caller]
fn points(place: &Place) -> usize {
    place.json(["snapshots", "shop"])["snapshots"].as_array().unwrap().len()
}

/// The answer of a fact of the only database.
#[track_caller]
fn answer(facts: &Value, name: &str) -> String {
    let all = facts["databases"][0]["facts"].as_array().unwrap();
    let fact = all.iter().find(|fact| fact["name"] == name).unwrap_or_else(|| panic!("no {name} in {facts}"));
    assert_eq!(fact["exact"], true, "{fact}");
    fact["answer"].as_str().unwrap().to_owned()
}

/// A folder of programs in which the dump program stops half-way, writes "begun", and goes on when there is "go".
fn held_tools(place: &Place, dump: &str, others: &[&str]) -> PathBuf {
    let folder = place.path().join("tools");
    std::fs::create_dir(&folder).unwrap();
    for name in others {
        std::os::unix::fs::symlink(folder_of(name).join(name), folder.join(name)).unwrap();
    }
    let (real, here) = (folder_of(dump).join(dump), place.path().display().to_string());
    let text = format!(
        "#!/bin/bash\nset -o pipefail\ncase \"$*\" in *--version*) exec {real} \"$@\";; esac\n\
         {real} \"$@\" | {{ head -c 65536; echo begun > {here}/begun; read -r line < {here}/go; cat; }}\n",
        real = real.display()
    );
    std::fs::write(folder.join(dump), text).unwrap();
    std::fs::set_permissions(folder.join(dump), std::fs::Permissions::from_mode(0o700)).unwrap();
    let made = Command::new("mkfifo").arg(place.path().join("go")).status().unwrap();
    assert!(made.success());
    folder
}

/// Backs up, and does something while the dump is half done.
fn backed_up_during(place: &Place, half_way: impl FnOnce()) -> Said {
    let running = spawn(place, &["backup", "shop"]);
    assert_eq!(line_of(&place.path().join("begun")), "begun");
    half_way();
    std::fs::write(place.path().join("go"), "go\n").unwrap();
    said(running.wait_with_output().unwrap())
}

/// Names another folder of tools in the plan.
fn name_tools(place: &Place, folder: &Path) {
    let plan = std::fs::read_to_string(place.plan()).unwrap();
    let plan = plan.replacen("shop.dsn}", &format!("shop.dsn}}, tools: {}", folder.display()), 1);
    std::fs::write(place.plan(), plan).unwrap();
}

fn held(kind: Kind) -> (Place, Server) {
    let (place, server) = shop(kind, "", "");
    let tools = match kind {
        Kind::Postgres => held_tools(&place, "pg_dump", &["psql", "pg_restore", "pg_dumpall"]),
        Kind::Maria => held_tools(&place, "mariadb-dump", &["mariadb"]),
    };
    name_tools(&place, &tools);
    (place, server)
}

#[test]
fn postgresql_is_dumped_with_facts_and_fills_an_empty_database_with_the_same_rows() {
    let (place, server) = shop(Kind::Postgres, "", "");
    place.run(["plan", "check"]).exits(0);
    place.run(["doctor"]).says(&["source shop", "PostgreSQL ", "shop on "]);
    place.run(["backup", "shop"]).exits(0).says(&["shop  done"]);
    let kept = facts(&place);
    assert_eq!((&kept["v"], &kept["engine"], &kept["globals"]), (&1.into(), &"postgres".into(), &"globals.sql".into()));
    assert_eq!((&kept["databases"][0]["name"], &kept["databases"][0]["file"]), (&"shop".into(), &"shop.dump".into()));
    assert!(kept["server"].as_str().unwrap().starts_with(|c: char| c.is_ascii_digit()), "{kept}");
    assert_eq!(answer(&kept, "rows of public.orders"), "250");
    assert_eq!(answer(&kept, "rows of public.\"Odd \"\"Name\""), "1");
    let globals = place.run_with_key(["cat", "shop:/globals.sql"]).exits(0);
    assert!(globals.out.contains("CREATE ROLE joy"), "{}", globals.all());
    server.sql("postgres", "create database again");
    into(&place, &server, "again").exits(0).says(&["filled again on ", "3 facts came back the same"]);
    let rows = "select string_agg(id || who || paid, ',' order by id) from orders";
    assert_eq!(server.sql("again", rows), server.sql("shop", rows));
    assert_eq!(server.sql("again", "select x from \"Odd \"\"Name\""), "\\x00ff0a");
    assert!(!everything(&place).contains(PASSWORD), "the password is in the state of this host");
}

/// All journals, logs and plans of the place as text.
fn everything(place: &Place) -> String {
    let files = ["state", "plans"].iter().flat_map(|folder| crate::place::files(&place.path().join(folder)));
    files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
}

#[test]
fn a_plain_dump_of_all_databases_with_facts_of_the_plan_comes_back_one_by_one() {
    let asked = ", facts: {paid: \"select sum(paid) from orders\"}";
    let (place, server) = shop(Kind::Postgres, ", format: plain, all: true, globals: false", asked);
    server.sql("postgres", "create database other");
    server.sql("other", "create table t (x int); insert into t values (7)");
    place.run(["backup", "shop"]).exits(0);
    let kept = facts(&place);
    let names: Vec<&str> = kept["databases"].as_array().unwrap().iter().map(|database| database["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["other", "postgres", "shop"]);
    assert_eq!(kept["databases"][2]["facts"][0]["answer"], "47062.5");
    server.sql("postgres", "create database again");
    into(&place, &server, "again").exits(1).warns(&["LB0255", "holds 3 dumps", "POINT:/other.sql"]);
    let target = format!("file:{}", server.dsn_file(&place, "again").display());
    place.run_with_key(["restore", "shop:/shop.sql", "--into", &target, "--yes"]).exits(0).says(&["1 fact came back the same"]);
    assert_eq!(server.sql("again", "select sum(paid) from orders"), "47062.5");
}

#[test]
fn rows_that_come_while_postgresql_is_dumped_are_in_neither_dump_nor_facts() {
    let (place, server) = held(Kind::Postgres);
    let late = "insert into orders values (1000, 'late', 1); insert into wide values ('late')";
    backed_up_during(&place, || drop(server.sql("shop", late))).exits(0);
    assert_eq!(answer(&facts(&place), "rows of public.orders"), "250");
    server.sql("postgres", "create database again");
    into(&place, &server, "again").exits(0).says(&["3 facts came back the same"]);
    assert_eq!(server.sql("again", "select count(*) from orders"), "250");
    assert_eq!(server.sql("shop", "select count(*) from orders"), "251");
}

#[test]
fn mariadb_is_dumped_with_facts_and_fills_an_empty_database_with_the_same_rows() {
    let (place, server) = shop(Kind::Maria, "", "");
    place.run(["plan", "check"]).exits(0);
    place.run(["doctor"]).says(&["source shop", "MariaDB", "shop on "]);
    place.run(["backup", "shop"]).exits(0).says(&["shop  done"]);
    let kept = facts(&place);
    assert_eq!((&kept["engine"], &kept["databases"][0]["file"]), (&"mysql".into(), &"shop.sql".into()));
    assert_eq!(answer(&kept, "rows of `orders`"), "250");
    assert_eq!(answer(&kept, "rows of `odd ``name`"), "1");
    server.sql("mysql", "create database again");
    into(&place, &server, "again").exits(0).says(&["filled again on ", "3 facts came back the same"]);
    let rows = "select sum(crc32(concat(id, who, paid))), count(*) from orders";
    assert_eq!(server.sql("again", rows), server.sql("shop", rows));
    assert_eq!(server.sql("again", "select hex(x) from `odd ``name`"), "00FF0A");
    assert_eq!(server.sql("again", "select id from dearest"), "250");
    assert!(!everything(&place).contains(PASSWORD), "the password is in the state of this host");
}

#[test]
fn a_fact_that_changes_while_mariadb_is_dumped_is_not_compared_and_the_dump_is_of_one_instant() {
    let (place, server) = held(Kind::Maria);
    backed_up_during(&place, || drop(server.sql("shop", "insert into wide values ('late')"))).exits(0);
    let kept = facts(&place);
    let wide = kept["databases"][0]["facts"].as_array().unwrap().iter().find(|fact| fact["name"] == "rows of `wide`").unwrap();
    assert_eq!(wide["exact"], false, "{wide}");
    server.sql("mysql", "create database again");
    into(&place, &server, "again").exits(0).says(&["2 facts came back the same", "1 fact changed while the dump was made"]);
    assert_eq!(server.sql("again", "select count(*) from wide"), "6000");
}

#[test]
fn only_an_empty_database_is_filled_and_nothing_of_a_full_or_live_one_changes() {
    for (kind, things) in [(Kind::Postgres, "create table kept (x int)"), (Kind::Maria, "create table kept (x int)")] {
        let (place, server) = shop(kind, "", "");
        place.run(["backup", "shop"]).exits(0);
        into(&place, &server, "shop").exits(1).warns(&["LB0255", "is not empty", "it is the database that the plan backs up"]);
        server.sql("shop", "create database taken");
        server.sql("taken", things);
        let full =
            into(&place, &server, "taken").exits(1).warns(&["LB0255", "is not empty: it holds 1 tables", "nothing is ever written over"]);
        assert!(!full.err.contains("backs up"), "{}", full.all());
        assert_eq!(server.sql("taken", "select count(*) from kept"), "0");
        assert_eq!(server.sql("shop", "select count(*) from orders"), "250");
    }
}

#[test]
fn a_database_that_holds_nothing_but_a_procedure_is_not_empty() {
    let (place, server) = shop(Kind::Maria, "", "");
    place.run(["backup", "shop"]).exits(0);
    server.sql("shop", "create database taken");
    server.sql("taken", "create procedure pay() select 'mine'");
    into(&place, &server, "taken").exits(1).warns(&["LB0255", "is not empty"]);
    assert_eq!(server.sql("taken", "call pay()"), "mine");
}

#[test]
fn psql_runs_no_command_of_a_hostile_dump_and_nothing_of_it_stays() {
    let (place, server) = shop(Kind::Postgres, ", format: plain", "");
    for (n, attack) in ["\\! touch OWNED", "\\copy (select 1) to program 'touch OWNED'", "\\o OWNED", "\\unrestrict abc\n\\! touch OWNED"]
        .iter()
        .enumerate()
    {
        let owned = place.path().join("owned");
        let attack = attack.replace("OWNED", owned.to_str().unwrap());
        let tools = place.path().join(format!("tools-{n}"));
        std::fs::create_dir(&tools).unwrap();
        for name in ["psql", "pg_restore", "pg_dumpall"] {
            std::os::unix::fs::symlink(folder_of(name).join(name), tools.join(name)).unwrap();
        }
        std::fs::write(
            tools.join("dump"),
            format!("--\n-- dump\n--\n\n\\restrict abc\ncreate table t (x int);\n{attack}\nselect 1;\n\\unrestrict abc\n"),
        )
        .unwrap();
        let script =
            format!("#!/bin/sh\ncase \"$*\" in *--version*) echo 'pg_dump (PostgreSQL) 99.1';; *) cat {}/dump;; esac\n", tools.display());
        std::fs::write(tools.join("pg_dump"), script).unwrap();
        std::fs::set_permissions(tools.join("pg_dump"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let honest = std::fs::read_to_string(place.plan()).unwrap();
        name_tools(&place, &tools);
        place.run(["backup", "shop"]).exits(0);
        std::fs::write(place.plan(), honest).unwrap();
        server.sql("postgres", &format!("create database again{n}"));
        into(&place, &server, &format!("again{n}")).exits(1).warns(&["restrict"]);
        assert!(!owned.exists(), "{attack}");
        assert_eq!(server.sql(&format!("again{n}"), "select count(*) from pg_tables where schemaname = 'public'"), "0", "{attack}");
    }
}

#[test]
fn a_server_that_ends_idle_transactions_is_dumped_however_long_that_takes() {
    let (place, server) = held(Kind::Postgres);
    server.sql("postgres", "alter database shop set idle_in_transaction_session_timeout = '100ms'");
    backed_up_during(&place, || drop(server.sql("postgres", "select pg_sleep(0.5)"))).exits(0);
    assert_eq!(points(&place), 1);
}

#[test]
fn a_database_that_is_called_globals_does_not_take_the_place_of_the_roles() {
    let (place, server) = shop(Kind::Postgres, ", format: plain, all: true, globals: true", "");
    server.sql("postgres", "create database globals");
    server.sql("globals", "create table t (x int); insert into t values (7)");
    place.run(["backup", "shop"]).exits(0);
    assert!(place.run_with_key(["cat", "shop:/globals.sql"]).exits(0).out.contains("CREATE ROLE joy"));
    let kept = facts(&place);
    let file =
        kept["databases"].as_array().unwrap().iter().find(|database| database["name"] == "globals").unwrap()["file"].as_str().unwrap();
    server.sql("postgres", "create database again");
    let target = format!("file:{}", server.dsn_file(&place, "again").display());
    place.run_with_key(["restore", &format!("shop:/{file}"), "--into", &target, "--yes"]).exits(0);
    assert_eq!(server.sql("again", "select x from t"), "7");
}

#[test]
fn a_dump_of_one_kind_of_server_is_no_dump_for_another_and_a_files_source_is_none() {
    let (place, server) = shop(Kind::Postgres, "", "");
    place.run(["backup"]).exits(0);
    let target = format!("file:{}", server.dsn_file(&place, "shop").display());
    place.run_with_key(["restore", "web-files", "--into", &target, "--yes"]).exits(1).warns(&["restored into a folder"]);
    let other = format!("file:{}", secret(&place, "other.dsn", "mysql://joy@localhost/x").display());
    let refused = place.run_with_key(["restore", "shop", "--into", &other, "--yes"]).exits(1);
    assert!(refused.err.contains("does not begin with postgresql://"), "{}", refused.all());
}

/// What was said, wherever its lines were broken.
fn in_one_line(said: &Said) -> String {
    said.all().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_wrong_password_a_stopped_server_and_a_missing_program_are_told_and_leave_no_restore_point() {
    for kind in [Kind::Postgres, Kind::Maria] {
        let (place, mut server) = shop(kind, "", "");
        let dsn = server.dsn("shop", "wr0ng");
        secret(&place, "shop.dsn", &dsn);
        let refused = place.run(["backup", "shop"]).exits(1).warns(&["LB0240", "cannot be reached", "user, password and database"]);
        assert!(!refused.all().contains("wr0ng"), "{}", refused.all());
        let told = in_one_line(&place.run(["doctor"]).exits(1));
        assert!(told.contains("cannot be reached"), "{told}");
        server.dsn_file(&place, "shop");
        server.crash();
        place.run(["backup", "shop"]).exits(1).warns(&["LB0240", "cannot be reached"]);
        let empty = place.path().join("no-tools");
        std::fs::create_dir(&empty).unwrap();
        name_tools(&place, &empty);
        for command in [vec!["backup", "shop"], vec!["doctor"]] {
            let told = in_one_line(&place.run(command).exits(1));
            assert!(told.contains("is not installed") && told.contains("apt-get install") && told.contains("no-tools"), "{told}");
        }
        assert_eq!(points(&place), 0);
    }
}

#[test]
fn a_server_that_dies_while_it_is_dumped_leaves_no_restore_point() {
    for kind in [Kind::Postgres, Kind::Maria] {
        let (place, mut server) = held(kind);
        let failed = backed_up_during(&place, || server.crash()).exits(1);
        assert!(failed.err.contains("ended with exit code") || failed.err.contains("cannot be reached"), "{}", failed.all());
        assert_eq!(points(&place), 0, "{}", failed.all());
        let log = place.json(["audit", "log", "--action", "backup.failed"]);
        assert!(log.to_string().contains("shop"), "{log}");
    }
}

#[test]
fn a_postgresql_dump_that_cannot_be_carried_out_leaves_the_target_empty() {
    let (place, server) = shop(Kind::Postgres, "", "");
    server.sql("shop", "create role clerk; alter table wide owner to clerk");
    place.run(["backup", "shop"]).exits(0);
    let other = Server::start(Kind::Postgres);
    other.sql("postgres", "create database again");
    into(&place, &other, "again").exits(1).warns(&["LB0254", "role \"clerk\" does not exist", "--no-owner"]);
    assert_eq!(other.sql("again", "select count(*) from pg_tables where schemaname = 'public'"), "0");
    let target = format!("file:{}", other.dsn_file(&place, "again").display());
    place.run_with_key(["restore", "shop", "--into", &target, "--no-owner", "--yes"]).exits(0).says(&["3 facts came back the same"]);
}

/// What a database file says.
fn sqlite(path: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-bail").arg(path).arg(sql).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn sqlite_is_copied_with_facts_and_comes_back_as_a_file() {
    let place = Place::made();
    let live = place.path().canonicalize().unwrap().join("shop.db");
    sqlite(
        &live,
        "pragma journal_mode=wal; create table orders (id integer, who text); \
        with recursive n(x) as (select 1 union all select x + 1 from n where x < 250) insert into orders select x, 'é' || x from n",
    );
    // A program that holds the file open, so that its last rows are in the log beside it alone.
    let mut writer = Command::new("sqlite3").arg(&live).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(writer.stdin.as_mut().unwrap(), b"insert into orders values (251, 'last');\nselect 'written';\n").unwrap();
    let mut heard = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(writer.stdout.take().unwrap()), &mut heard).unwrap();
    assert_eq!(heard, "written\n");
    add_source(&place, &format!("shop: {{sqlite: {{paths: [{}]}}, schedule: \"@daily\"}}", live.display()));
    place.run(["plan", "check"]).exits(0);
    place.run(["doctor"]).says(&["source shop", "SQLite ", "its files can be read"]);
    place.run(["backup", "shop"]).exits(0);
    drop(writer.stdin.take());
    writer.wait().unwrap();
    let kept = facts(&place);
    assert_eq!((&kept["engine"], answer(&kept, "rows of \"orders\"").as_str()), (&"sqlite".into(), "251"));
    place.run_with_key(["restore", "shop", "--to", "out", "--yes"]).exits(0);
    let back = place.path().join("out").join(live.strip_prefix("/").unwrap());
    let rows = "select count(*), group_concat(id || who) from orders";
    assert_eq!(sqlite(&back, rows), sqlite(&live, rows));
    assert_eq!(sqlite(&back, "pragma integrity_check"), "ok");
    assert!(crate::place::files(&place.path().join("cache")).iter().all(|path| !path.ends_with("copy")), "a copy was left behind");
    let target = format!("file:{}", secret(&place, "any.dsn", "postgresql:///x").display());
    place.run_with_key(["restore", "shop", "--into", &target, "--yes"]).exits(1).warns(&["restored into a folder"]);
}

#[test]
fn a_damaged_or_missing_sqlite_file_leaves_no_restore_point() {
    let place = Place::made();
    let live = place.path().join("shop.db");
    sqlite(
        &live,
        "create table orders (id integer, who text); create index i on orders(who); \
        with recursive n(x) as (select 1 union all select x + 1 from n where x < 5000) insert into orders select x, 'joy' || x from n",
    );
    let mut bytes = std::fs::read(&live).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xff);
    std::fs::write(&live, bytes).unwrap();
    add_source(&place, &format!("shop: {{sqlite: {{paths: [{}]}}, schedule: \"@daily\"}}", live.display()));
    let told = place.run(["backup", "shop"]).exits(1);
    assert!(told.err.contains("malformed") || told.err.contains("is damaged"), "{}", told.all());
    std::fs::remove_file(&live).unwrap();
    place.run(["backup", "shop"]).exits(1).warns(&["shop.db cannot be read"]);
    assert!(!live.exists(), "a database was made where there was none");
    assert_eq!(points(&place), 0);
}

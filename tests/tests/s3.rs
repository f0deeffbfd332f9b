//! The whole way on a real S3 server, and what people are told when the place or the credential is wrong.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use stores_s3::testing::{S3Server, Who};

use crate::place::{Place, Said, noise, start};

/// A place whose repository is in the server, in a prefix of its own.
pub(crate) struct Bucket {
    pub(crate) place: Place,
    pub(crate) server: S3Server,
    prefix: String,
}

impl Bucket {
    fn new() -> Self {
        let place = Place::new();
        for n in 0..4 {
            place.write(format!("{n}"), &noise((1 << 20) + n));
        }
        let server = S3Server::shared().unwrap();
        let prefix = server.fresh(Who::Admin).prefix;
        Self { place, server, prefix }
    }

    fn url(&self, bucket: &str) -> OsString {
        let endpoint = self.server.endpoint();
        format!("s3://{bucket}/{}?region=us-east-1&endpoint={endpoint}&path_style=true", self.prefix).into()
    }

    fn bucket(&self) -> String {
        self.server.fresh(Who::Admin).bucket
    }

    /// A credential file with the key of `who`, or with a secret that is not theirs.
    fn credential(&self, who: Who, secret: Option<&str>) -> PathBuf {
        let key = self.server.key(who);
        let secret = secret.unwrap_or(&key.secret_access_key);
        let file = self.place.path().join("credential");
        std::fs::write(&file, format!("aws_access_key_id = {}\naws_secret_access_key = {secret}\n", key.access_key_id)).unwrap();
        file
    }

    fn init(&self, bucket: &str) -> Said {
        let file = self.place.path().join("credential");
        self.place.init_at(&self.url(bucket), &["--credential".as_ref(), file.as_os_str()])
    }

    /// After `lifeboat init` and a backup with the key that may do everything.
    pub(crate) fn backed_up() -> Self {
        let bucket = Self::new();
        bucket.credential(Who::Admin, None);
        bucket.init(&bucket.bucket()).exits(0);
        bucket.place.run(["backup"]).exits(0);
        bucket
    }
}

#[test]
fn a_bucket_is_backed_up_to_drilled_checked_and_restored_from() {
    let bucket = Bucket::backed_up();
    let place = &bucket.place;
    assert_eq!(place.points().len(), 1);
    place.run_with_key(["drill", "run", "web"]).exits(0).says(&["PASSED"]);
    place.run(["repo", "probe", "main"]).exits(0).says(&["reads back what was stored", "refuses a second put", "checks the checksum"]);
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    place.run(["check", "--level", "names"]).exits(0);
    let target = place.path().join("restored");
    place.run_with_key(["restore", "web", "--to", target.to_str().unwrap(), "--yes"]).exits(0);
    for n in 0..4 {
        let name = n.to_string();
        let same = std::fs::read(place.source().join(&name)).unwrap() == std::fs::read(place.restored(&target).join(&name)).unwrap();
        assert!(same, "{name} came back as something else");
    }
    place.run(["backup"]).exits(0);
    assert_eq!(place.points().len(), 2);
    place.run(["audit", "verify"]).exits(0);
    let secret = bucket.server.key(Who::Admin).secret_access_key;
    let kept = std::process::Command::new("grep").args(["-rlF", &secret]).arg(place.path()).output().unwrap();
    let kept = String::from_utf8(kept.stdout).unwrap();
    assert_eq!(kept.trim(), place.path().join("credential").to_str().unwrap(), "the secret is written somewhere else");
}

#[test]
fn what_is_wrong_with_a_bucket_is_told_with_its_remedy() {
    let bucket = Bucket::new();
    bucket.credential(Who::Admin, None);
    bucket.init("no-such-bucket").exits(1).says(&["no-such-bucket", "make the bucket"]);
    bucket.credential(Who::Admin, Some("not-the-secret"));
    let said = bucket.init(&bucket.bucket()).exits(1).says(&["check the credential"]);
    assert!(!said.all().contains("not-the-secret"), "{}", said.all());
    std::fs::write(bucket.credential(Who::Admin, None), "nothing that is a key\n").unwrap();
    bucket.init(&bucket.bucket()).says(&["credential"]);
    std::fs::remove_file(bucket.credential(Who::Admin, None)).unwrap();
    bucket.init(&bucket.bucket()).says(&["credential"]);
    assert!(!bucket.place.plan().exists(), "there is a plan although nothing was made");

    bucket.credential(Who::Admin, None);
    bucket.init(&bucket.bucket()).exits(0);
    bucket.place.run(["backup"]).exits(0);
    bucket.place.edit_plan(&bucket.bucket(), "gone-since");
    for args in [&["backup"][..], &["snapshots"], &["restore", "web", "--to", "x", "--yes"], &["check"], &["drill", "run", "web"]] {
        bucket.place.run_with_key(args).exits(10).says(&["gone-since", "make the bucket"]);
    }
}

#[test]
fn a_host_that_can_neither_read_packs_nor_delete_backs_up_and_cannot_restore() {
    let bucket = Bucket::backed_up();
    bucket.credential(Who::Host, None);
    bucket.place.write("new", b"since the first one");
    bucket.place.run(["backup"]).exits(0).says(&["1 new"]);
    // Without the cache it learns from the bucket what is there already.
    std::fs::remove_dir_all(bucket.place.path().join("cache")).unwrap();
    // All but the canary, which is new each time, is in the bucket already.
    bucket.place.run(["backup"]).exits(0).says(&["6 new", "KiB stored"]);
    assert_eq!(bucket.place.points().len(), 3);
    bucket.place.run_with_key(["restore", "web", "--to", "stolen", "--yes"]).says(&["not allowed"]);
    bucket.credential(Who::Admin, None);
    bucket.place.run_with_key(["check", "--level", "contents"]).exits(0);
    bucket.place.run_with_key(["restore", "web", "--to", "restored", "--yes"]).exits(0);
}

#[test]
fn a_key_that_may_only_put_and_list_is_told_what_it_lacks() {
    let bucket = Bucket::backed_up();
    bucket.credential(Who::Writer, None);
    bucket.place.run(["backup"]).exits(1).says(&[
        "not allowed to",
        "repository.json",
        "check the credential, and that its policy allows this",
    ]);
    bucket.credential(Who::Admin, None);
    assert_eq!(bucket.place.points().len(), 1);
}

#[test]
fn a_store_that_never_answers_does_not_keep_a_command_from_ending() {
    let bucket = Bucket::backed_up();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bucket.place.edit_plan(bucket.server.endpoint(), &format!("http://{}", silent.local_addr().unwrap()));
    for args in [&["backup"][..], &["drill", "run", "web"], &["snapshots"], &["restore", "web", "--to", "x", "--yes"], &["check"]] {
        for signal in [Signal::INT, Signal::TERM] {
            let mut command = bucket.place.command();
            let mut running = start(command.env("LIFEBOAT_KEY_FILE", bucket.place.key()).args(args));
            let _asked = silent.accept().unwrap();
            running.signal(signal);
            let said = running.end_within(Duration::from_secs(10));
            // A command that has nothing to put in order is ended by the signal itself, which shells tell as 130, too.
            let orderly = ["backup", "drill"].contains(&args[0]);
            assert!(said.code == 130 || (said.code == -1 && !orderly), "{args:?} {signal:?}: {}", said.all());
        }
    }
    let ended = bucket.place.journal("backup.failed");
    assert_eq!(ended.len(), 2, "{ended:?}");
}

#[test]
fn a_server_that_is_down_is_tried_for_a_while_and_may_be_tried_again_later() {
    let bucket = Bucket::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bucket.credential(Who::Admin, None);
    let url = format!("s3://lifeboat-tests/x?region=us-east-1&endpoint=http://{closed}&path_style=true");
    let file = bucket.place.path().join("credential");
    let said = bucket.place.init_at(url.as_ref(), &["--credential".as_ref(), file.as_os_str()]);
    said.exits(75).says(&["check the endpoint"]);
}

//! The program on a real S3 server behind a network that fails in the middle of its work.

use lifeboat_tests::proxy::{Fault, Proxy, When};

use crate::place::noise;
use crate::s3::Bucket;

/// A repository that is reached through a proxy from now on.
fn behind_a_proxy() -> (Bucket, Proxy) {
    let bucket = Bucket::backed_up();
    let proxy = Proxy::before(bucket.server.endpoint()).unwrap();
    bucket.place.edit_plan(bucket.server.endpoint(), &proxy.endpoint());
    (bucket, proxy)
}

#[test]
fn a_bucket_that_is_full_or_refuses_in_the_middle_of_a_backup_is_told_with_its_remedy_and_the_next_one_succeeds() {
    let (bucket, proxy) = behind_a_proxy();
    let place = &bucket.place;
    let full = ["no space left to store", "the server answered 507, QuotaExceeded", "raise the quota"];
    let denied = ["not allowed to", "the server answered 403, AccessDenied", "check the credential"];
    for (n, (when, status, says)) in
        [(When::FromPut(1), 507, &full), (When::FromPut(2), 507, &full), (When::From(5), 403, &denied)].into_iter().enumerate()
    {
        place.write(format!("new-{n}"), &noise((2 << 20) + n));
        let before = place.points();
        proxy.program(when, Fault::Answer(status));
        place.run(["backup"]).exits(1).says(says);
        proxy.calm();
        assert_eq!(place.points(), before);
        place.run(["backup"]).exits(0);
        assert_eq!(place.points().len(), before.len() + 1);
    }
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    place.run_with_key(["restore", "web", "--to", "restored", "--yes"]).exits(0);
    place.run(["audit", "verify"]).exits(0);
}

#[test]
fn connections_that_are_cut_and_servers_that_are_busy_are_got_over_without_a_word_from_the_user() {
    let (bucket, proxy) = behind_a_proxy();
    let place = &bucket.place;
    let faults = [Fault::CutAfter, Fault::CutShort, Fault::CutBefore, Fault::Answer(503), Fault::Answer(429)];
    for (n, fault) in faults.into_iter().enumerate() {
        place.write(format!("new-{n}"), &noise((1 << 20) + 100 + n));
        proxy.program(When::Once(4 + 3 * n as u64), fault);
        place.run(["backup"]).exits(0);
    }
    proxy.program(When::Once(9), Fault::CutShort);
    place.run_with_key(["check", "--level", "contents"]).exits(0);
    proxy.program(When::Once(11), Fault::Answer(503));
    place.run_with_key(["restore", "web", "--to", "restored", "--yes"]).exits(0);
    for (n, _) in faults.iter().enumerate() {
        let name = format!("new-{n}");
        let restored = std::fs::read(place.restored(&place.path().join("restored")).join(&name)).unwrap();
        assert!(restored == noise((1 << 20) + 100 + n), "{name} came back as something else");
    }
}

//! The IAM policies in `deploy/aws/` allow what each role needs, and nothing that would let it harm what is stored.
//!
//! They are read by an evaluator of the few parts of the language that they use; whatever else stands in them fails the test.

use std::path::Path;

use serde_json::Value;

/// A request as S3 sees it: action, resource, and whether a put says that it replaces nothing (`If-None-Match: *`).
struct Request<'a> {
    action: &'a str,
    resource: String,
    is_new: bool,
}

fn policy(role: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../deploy/aws/{role}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn matches(pattern: &str, resource: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == resource, |start| !start.contains('*') && resource.starts_with(start))
}

fn condition_holds(statement: &Value, request: &Request<'_>) -> bool {
    match statement.get("Condition") {
        None => true,
        Some(condition) if *condition == serde_json::json!({"Null": {"s3:if-none-match": "false"}}) => request.is_new,
        Some(condition) if *condition == serde_json::json!({"StringLike": {"s3:prefix": ["PREFIX/*"]}}) => true,
        Some(other) => panic!("a condition that this test does not know: {other}"),
    }
}

fn allows(policy: &Value, request: &Request<'_>) -> bool {
    assert_eq!(policy["Version"], "2012-10-17");
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow", "what is not allowed is denied");
        assert!(statement.as_object().unwrap().keys().all(|key| ["Sid", "Effect", "Action", "Resource", "Condition"].contains(&&**key)));
        texts(&statement["Action"]).contains(&request.action)
            && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &request.resource))
            && condition_holds(statement, request)
    })
}

#[test]
fn each_role_may_do_what_it_needs_and_nothing_that_harms() {
    const PLACES: [&str; 16] = [
        "repository.json",
        "trust/1.json",
        "keys/epoch-1.age",
        "packs/DOMAIN/aa/x",
        "index/DOMAIN/WRITER/0",
        "snapshots/DOMAIN/WRITER/0",
        "condemned/0",
        "retired/x",
        "binder/0",
        "other",
        // Of another host of the same domain, and of another domain, whose name may begin in the same way.
        "index/DOMAIN/WRITER2/0",
        "snapshots/DOMAIN/OTHER/0",
        "packs/DOMAIN2/aa/x",
        "index/DOMAIN2/WRITER/0",
        "snapshots/OTHER/WRITER/0",
        "tombstones/x/y",
    ];
    let readable = |role: &str| -> &[&str] {
        if role == "writer" {
            &[
                "repository.json",
                "trust/1.json",
                "keys/epoch-1.age",
                "index/DOMAIN/WRITER/0",
                "snapshots/DOMAIN/WRITER/0",
                "condemned/0",
                "retired/x",
                "index/DOMAIN/WRITER2/0",
                "snapshots/DOMAIN/OTHER/0",
            ]
        } else {
            &PLACES
        }
    };
    let storable = |role: &str| -> &[&str] {
        match role {
            "writer" => &["packs/DOMAIN/aa/x", "index/DOMAIN/WRITER/0", "snapshots/DOMAIN/WRITER/0", "binder/0"],
            "maintainer" => &PLACES,
            _ => &[],
        }
    };
    for role in ["writer", "drill-runner", "auditor", "maintainer"] {
        let policy = policy(role);
        let may = |action: &str, folder: &str, key: &str, is_new: bool| {
            allows(&policy, &Request { action, resource: format!("arn:aws:s3:::BUCKET/{folder}/{key}"), is_new })
        };
        for key in PLACES {
            assert_eq!(may("s3:GetObject", "PREFIX", key, false), readable(role).contains(&key), "{role} reads {key}");
            assert_eq!(may("s3:PutObject", "PREFIX", key, true), storable(role).contains(&key), "{role} stores {key}");
            assert!(!may("s3:PutObject", "PREFIX", key, false), "{role} replaces {key}");
            let deletes = role == "maintainer" && key.starts_with("packs/");
            assert_eq!(may("s3:DeleteObject", "PREFIX", key, false), deletes, "{role} deletes {key}");
            // A writer locks what it stores as it stores it; later a maintainer alone extends locks. Nobody may shorten one.
            assert_eq!(may("s3:PutObjectRetention", "PREFIX", key, true), storable(role).contains(&key), "{role} locks {key}");
            assert_eq!(may("s3:PutObjectRetention", "PREFIX", key, false), role == "maintainer", "{role} extends the lock of {key}");
            for action in ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectAcl"] {
                assert!(!may(action, "PREFIX", key, true), "{role} {action} {key}");
            }
            for action in ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention", "s3:DeleteObject"] {
                assert!(!may(action, "NEIGHBOUR", key, true), "{role} {action} beside its own repository");
            }
        }
        let bucket = |action: &str| allows(&policy, &Request { action, resource: "arn:aws:s3:::BUCKET".to_owned(), is_new: true });
        assert!(bucket("s3:ListBucket"), "{role} lists");
        for action in ["s3:PutBucketPolicy", "s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"] {
            assert!(!bucket(action), "{role} {action}");
        }
    }
}

//! `repositories` and `recovery_keys`: where copies live and who can open them.

use base::id::{RecoveryKeyId, RepositoryId};

use super::super::formats::{ID, LONG_SPAN, PATH, RECIPIENT, URL, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{SECRET_REF, parsed, secret, span, text};
use crate::plan::{Lock, LockMode, RecoveryKey, Repository, Url};

pub(crate) static REPOSITORY: Record = Record {
    name: "a repository",
    fields: &[
        required("url", Type::Format(&URL), "where it is: file:///folder or s3://bucket/prefix"),
        optional("media", Type::Format(&WORD), "kind of media; disk for file:, object for s3: unless set"),
        optional("site", Type::Format(&WORD), "where it stands"),
        optional("account", Type::Format(&WORD), "the account that owns it, where it is another than that of the rest"),
        optional("credential", Type::Record(&SECRET_REF), "what opens the store"),
        optional("ca", Type::Format(&PATH), "certificate authority of a private endpoint, a PEM file"),
        optional(
            "maintainer",
            Type::Record(&SECRET_REF),
            "the maintainer's key with which the daemon applies retention; it opens no backup",
        ),
        optional("lock", Type::Record(&LOCK), "the lock that its store keeps objects under"),
    ],
    one_of: &[],
};

static LOCK: Record = Record {
    name: "a lock",
    fields: &[
        required("mode", Type::Word(&["compliance", "governance"]), "who may lift it: nobody, or whoever has a right for that"),
        required("for", Type::Format(&LONG_SPAN), "how long it holds after an object was written"),
    ],
    one_of: &[],
};

pub(crate) static RECOVERY_KEY: Record = Record {
    name: "a recovery key",
    fields: &[
        required("recipient", Type::Format(&RECIPIENT), "the public key, age1…"),
        optional("custodian", Type::Format(&ID), "the contact who holds the secret key"),
        optional("kept", Type::Text, "where the secret key is kept, in words"),
        optional(
            "try_every",
            Type::Format(&LONG_SPAN),
            "how often lifeboat key check has to open a repository with it; nobody asks unless set",
        ),
    ],
    one_of: &[],
};

pub(crate) fn read(id: RepositoryId, node: &Node) -> Repository {
    let url = parsed(node, "url").unwrap_or(Url::File { path: "/".into() });
    let media = match url {
        Url::File { .. } => "disk",
        Url::S3 { .. } => "object",
    };
    Repository {
        id,
        url,
        media: text(node, "media").unwrap_or_else(|| media.to_owned()),
        site: text(node, "site"),
        account: text(node, "account"),
        credential: node.get("credential").and_then(secret),
        ca: text(node, "ca").map(Into::into),
        maintainer: node.get("maintainer").and_then(secret),
        lock: node.get("lock").and_then(|node| {
            let mode =
                if node.get("mode").and_then(Node::text) == Some("governance") { LockMode::Governance } else { LockMode::Compliance };
            Some(Lock { mode, period: span(node, "for")? })
        }),
    }
}

pub(crate) fn read_key(id: RecoveryKeyId, node: &Node) -> RecoveryKey {
    RecoveryKey {
        id,
        recipient: text(node, "recipient").unwrap_or_default(),
        custodian: parsed(node, "custodian"),
        kept: text(node, "kept"),
        try_every: span(node, "try_every"),
    }
}

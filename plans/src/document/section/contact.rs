//! `contacts`: people and suppliers.

use base::id::ContactId;

use super::super::formats::{ID, MAIL, SSH_KEY, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{list, parsed, text};
use crate::plan::{Contact, Role};

pub(crate) static CONTACT: Record = Record {
    name: "a contact",
    fields: &[
        required("name", Type::Text, "printed name"),
        optional("role", Type::List { of: &Type::Format(&WORD), least: 0 }, "what they may do"),
        optional("email", Type::Format(&MAIL), "mail address"),
        optional("phone", Type::Text, "telephone number"),
        optional("deputy", Type::Format(&ID), "the contact who stands in"),
        optional("contract", Type::Text, "number of the contract with a supplier"),
        optional("ssh_key", Type::Format(&SSH_KEY), "public key that signs reviews"),
    ],
    one_of: &[],
};

pub(crate) fn read(id: ContactId, node: &Node) -> Contact {
    Contact {
        name: text(node, "name").unwrap_or_else(|| id.to_string()),
        id,
        roles: list::<String>(node, "role").into_iter().map(Role).collect(),
        email: text(node, "email"),
        phone: text(node, "phone"),
        deputy: parsed(node, "deputy"),
        contract: text(node, "contract"),
        ssh_key: text(node, "ssh_key"),
    }
}

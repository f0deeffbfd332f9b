//! `knowledge`: the folder of the articles, and how long one is believed.

use super::super::formats::{FOLDER, LONG_SPAN};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional};
use super::{span, text};
use crate::plan::Knowledge;

pub(crate) static KNOWLEDGE: Record = Record {
    name: "the knowledge base",
    fields: &[
        optional("folder", Type::Format(&FOLDER), "folder of the articles, in git; \"knowledge\" beside the plan unless set"),
        optional("review", Type::Format(&LONG_SPAN), "time after which an article is looked at again; 12 months unless set"),
        optional("process", Type::Format(&LONG_SPAN), "time within which a captured article is shared; 30d unless set"),
    ],
    one_of: &[],
};

pub(crate) fn read(node: &Node) -> Knowledge {
    let default = Knowledge::default();
    Knowledge {
        folder: text(node, "folder").map_or(default.folder, Into::into),
        review: span(node, "review").unwrap_or(default.review),
        process: span(node, "process").unwrap_or(default.process),
    }
}

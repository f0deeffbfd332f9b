//! The knowledge base: where its articles lie, and how long one is believed.

use std::path::PathBuf;

use base::Span;
use serde::Serialize;

/// How the knowledge base is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Knowledge {
    /// The folder of the articles, in git; a path that is not absolute begins at the folder of the plan. "knowledge" unless set.
    pub folder: PathBuf,
    /// Time after which somebody looks again whether an article is still true; 12 months unless set.
    pub review: Span,
    /// Time within which an article that was captured is looked at by somebody else and shared; 30d unless set.
    pub process: Span,
}

impl Default for Knowledge {
    /// "knowledge" beside the plan, a year, and thirty days.
    fn default() -> Self {
        Self { folder: PathBuf::from("knowledge"), review: Span::Months(12), process: Span::seconds(30 * 86_400) }
    }
}

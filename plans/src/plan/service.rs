//! Services: what the organisation relies on, and how long it can go without.

use std::collections::BTreeMap;

use base::Span;
use base::id::{ContactId, ServiceId, SourceId};
use serde::Serialize;

/// A kind of harm: "safety", "regulatory", "operations". The plan's impact scale lists the known ones.
pub type Category = String;

/// A service as the business impact analysis describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Service {
    /// How the plan calls it.
    pub id: ServiceId,
    /// Its title; the id where the plan gives none.
    pub title: String,
    /// The process of the business that it serves.
    pub process: Option<String>,
    /// Who answers for it.
    pub owner: Option<ContactId>,
    /// How much depends on it.
    pub tier: Tier,
    /// Run by someone else: it is relied on, not recovered.
    pub external: bool,
    /// Services that must run before this one can.
    pub needs: Vec<ServiceId>,
    /// What recovery has to reach.
    pub objectives: Objectives,
    /// For each category the level of harm (1 to 5) that an outage reaches after a time, in order of time.
    pub impact: BTreeMap<Category, Vec<(Span, u8)>>,
    /// The longest outage that can be tolerated, derived from `impact`: the first time at which a category reaches the intolerable level.
    pub mtpd: Option<Mtpd>,
    /// When an outage hurts most, in words.
    pub peak: Option<String>,
    /// How people go on without it.
    pub workaround: Option<Workaround>,
    /// Data that it needs back.
    pub sources: Vec<SourceId>,
}

/// How much depends on a service; sets the least depth of its drills (NIST SP 800-34 Rev. 1, 3.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Loss is a nuisance.
    Low,
    /// Loss hurts. The default.
    #[default]
    Moderate,
    /// Loss stops the organisation.
    High,
}

/// What recovery has to reach. A value that is not set is no objective, and nothing is judged by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Objectives {
    /// Recovery time objective: from the outage to the confirmed service.
    pub rto: Option<Span>,
    /// Recovery point objective: how much time of data may be lost.
    pub rpo: Option<Span>,
    /// The least service that counts as recovered, in words.
    pub minimum: Option<String>,
}

/// How people go on without a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workaround {
    /// What they do, in words.
    pub form: String,
    /// How long that works.
    pub holds_for: Option<Span>,
}

/// Maximum tolerable period of disruption (ISO 22301:2019, 3.17), derived and never typed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mtpd {
    /// The outage that is no longer tolerable.
    pub after: Span,
    /// The category that gets there first.
    pub category: Category,
}

/// The one scale of harm that impacts, threats and incidents share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImpactScale {
    /// Five words, for the levels 1 to 5.
    pub levels: Vec<String>,
    /// The level (1 to 5) that cannot be tolerated.
    pub intolerable: u8,
    /// Known categories.
    pub categories: Vec<Category>,
}

impl Default for ImpactScale {
    /// negligible, minor, moderate, major (intolerable), severe; safety, regulatory, operations, financial, reputation.
    fn default() -> Self {
        let words = |list: [&str; 5]| list.map(str::to_owned).to_vec();
        Self {
            levels: words(["negligible", "minor", "moderate", "major", "severe"]),
            intolerable: 4,
            categories: words(["safety", "regulatory", "operations", "financial", "reputation"]),
        }
    }
}

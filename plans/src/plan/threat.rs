//! Threats and how much of them is accepted.

use base::Span;
use base::id::{ContactId, DrillId, ServiceId, ThreatId};
use jiff::civil::Date;
use serde::Serialize;

/// A row of the threat register.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threat {
    /// How the plan calls it.
    pub id: ThreatId,
    /// The scenario.
    pub title: String,
    /// "malicious", "environment", "supplier"… in the plan's own words.
    pub category: Option<String>,
    /// Before any control.
    pub inherent: Score,
    /// The services it harms.
    pub services: Vec<ServiceId>,
    /// What is done against it, in words.
    pub controls: Vec<String>,
    /// What is left with the controls in place.
    pub residual: Option<Score>,
    /// What was decided.
    pub treat: Treat,
    /// Who accepted what is left.
    pub accepted_by: Option<ContactId>,
    /// When the acceptance ends.
    pub until: Option<Date>,
    /// Who answers for it.
    pub owner: Option<ContactId>,
    /// When someone last looked at it.
    pub reviewed: Option<Date>,
    /// The drill that proves its controls.
    pub drill: Option<DrillId>,
}

/// Likelihood times impact, both from 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Score {
    /// 1: rarer than once in 30 years … 5: yearly or more.
    pub likelihood: u8,
    /// A level of the plan's impact scale.
    pub impact: u8,
}

impl Score {
    /// Their product, 1 to 25.
    pub fn value(self) -> u8 {
        self.likelihood.saturating_mul(self.impact)
    }

    /// 1–4 low, 5–9 medium, 10–14 high, 15–25 extreme; impact 5 is never below medium.
    pub fn band(self) -> Band {
        match self.value() {
            0..=4 if self.impact >= 5 => Band::Medium,
            0..=4 => Band::Low,
            5..=9 => Band::Medium,
            10..=14 => Band::High,
            _ => Band::Extreme,
        }
    }
}

/// How grave a score is, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// 1 to 4.
    Low,
    /// 5 to 9.
    Medium,
    /// 10 to 14.
    High,
    /// 15 to 25.
    Extreme,
}

/// What was decided about a threat (ISO 31000:2018, 6.5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Treat {
    /// Lowered by controls. The default.
    #[default]
    Reduce,
    /// Lived with.
    Accept,
    /// What causes it is given up.
    Avoid,
    /// Someone else bears it.
    Transfer,
}

/// How much residual risk is accepted, and how often a threat is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Appetite {
    /// The greatest residual score that needs no further treatment, 1 to 25.
    pub max_residual: u8,
    /// Time between looks, for each band; [`Appetite::review_every`] knows the defaults.
    pub review: std::collections::BTreeMap<Band, Span>,
}

impl Appetite {
    /// How long a look at a threat of this band holds: 3 months from high on, else 6, never longer than the plan's review of 6 months.
    pub fn review_every(appetite: Option<&Self>, band: Band) -> Span {
        let set = appetite.and_then(|appetite| {
            appetite.review.get(&band).or_else(|| if band == Band::Extreme { appetite.review.get(&Band::High) } else { None })
        });
        let span = set.copied().unwrap_or(match band {
            Band::High | Band::Extreme => Span::Months(3),
            Band::Low | Band::Medium => Span::Months(6),
        });
        match span {
            Span::Months(months) if months > 6 => Span::Months(6),
            other => other,
        }
    }
}

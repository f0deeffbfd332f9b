//! The digest of what is material in a plan.

/// Sections that a review signs for.
pub const MATERIAL: [&str; 15] = [
    "scope",
    "owner",
    "timezone",
    "contacts",
    "impact_scale",
    "services",
    "repositories",
    "recovery_keys",
    "sources",
    "copies",
    "retention",
    "drills",
    "threats",
    "appetite",
    "review",
];

//! Who a record says has acted: a contact of the plan where one is named, else the account at the terminal.
//!
//! The account always stands in the journal entry beside it, so that a name that is not one's own can be seen.

use orchestrator::Parts;
use orchestrator::jobs::open::unknown;
use plans::Plan;

use crate::failure::Failure;

/// The contact with this name, or else the account.
pub(crate) fn named(by: Option<&str>, plan: &Plan, parts: &Parts) -> Result<String, Failure> {
    match by {
        Some(by) if plan.contacts.contains_key(by) => Ok(by.to_owned()),
        Some(by) => Err(unknown("contact", by, plan.contacts.keys()).into()),
        None => Ok(parts.actor.name.clone()),
    }
}

//! What a plan means: whether its promises hold together.
//!
//! [`crate::load`] calls [`run`] on what could be read. Each file here holds the rules of one concern; each rule skips what stands at a place
//! where a fault was found already, so that one mistake is told once.

mod alerts;
mod drills;
mod keys;
mod names;
mod practice;
mod procedures;
mod promises;
mod review;
mod services;
mod support;
mod threats;
mod timing;
mod waivers;

use std::fmt::Display;

use jiff::civil::Date;

use crate::Plan;
use crate::document::places::Places;
use crate::document::shape::nearest;
use crate::fault::{Collector, Fault};
use crate::load::Waived;
use crate::rules::Rule;

/// What every rule sees.
pub(crate) struct Context<'a> {
    pub plan: &'a Plan,
    pub places: &'a Places,
    pub faults: &'a mut Collector,
}

/// Checks everything. `today`: the day on which waivers have to hold; without it their end is not judged.
pub(crate) fn run(plan: &Plan, places: &Places, today: Option<Date>, faults: &mut Collector) -> Vec<Waived> {
    let mut context = Context { plan, places, faults };
    timing::never_fires(&mut context); // first, as the others do not judge what hangs on such a schedule
    names::check(&mut context);
    procedures::check(&mut context);
    services::check(&mut context);
    timing::check(&mut context);
    drills::check(&mut context);
    keys::check(&mut context);
    threats::check(&mut context);
    review::check(&mut context);
    alerts::check(&mut context);
    promises::check(&mut context);
    practice::check(&mut context);
    support::check(&mut context);
    waivers::apply(&mut context, today)
}

impl Context<'_> {
    /// Notes a fault at the value of a path.
    fn at_value(&mut self, rule: &'static Rule, path: &str, what: String) -> &mut Fault {
        let fault = self.faults.add(rule, &self.places.value(path), what);
        fault.place = Some(path.to_owned());
        fault
    }

    /// Notes a fault at the key of a path.
    fn at_key(&mut self, rule: &'static Rule, path: &str, what: String) -> &mut Fault {
        let fault = self.faults.add(rule, &self.places.key(path), what);
        fault.place = Some(path.to_owned());
        fault
    }

    /// Whether nothing at or below a path is faulty.
    fn sound(&self, path: &str) -> bool {
        self.places.sound(path, self.faults)
    }

    /// Notes a fault where `name`, written at `path`, is none of `known`.
    fn must_be_known<'k>(&mut self, path: &str, kind: &str, name: impl Display, known: impl Iterator<Item = &'k str>) {
        let name = name.to_string();
        let known: Vec<&str> = known.collect();
        if known.contains(&name.as_str()) {
            return;
        }
        let fault = self.at_value(&crate::rules::meaning::UNKNOWN_NAME, path, format!("there is no {kind} \"{name}\""));
        fault.hint = Some(match nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None if known.is_empty() => format!("the plan defines no {kind}"),
            None => format!("the plan defines {}", known.join(", ")),
        });
    }
}

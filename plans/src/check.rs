//! What a plan means: whether its promises hold together.
//!
//! [`crate::load`] calls [`run`] on what could be read. Each file here holds the rules of one concern; each rule skips what stands at a place
//! where a fault was found already, so that one mistake is told once.

mod alerts;
mod cadence;
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

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;

use base::Span;
use base::id::SourceId;
use jiff::civil::Date;

use crate::Plan;
use crate::document::places::Places;
use crate::document::shape::nearest;
use crate::fault::{Collector, Fault};
use crate::load::Waived;
use crate::plan::{Service, Source};
use crate::rules::Rule;

/// What every rule sees.
pub(crate) struct Context<'a> {
    pub plan: &'a Plan,
    pub places: &'a Places,
    pub faults: &'a mut Collector,
    /// The services that rely on each source: asked for every source and every canary, and a walk through all services each time would make
    /// the check of a large plan take minutes.
    users: HashMap<&'a SourceId, Vec<&'a Service>>,
}

/// What a name can be one of.
pub(crate) trait Names {
    fn has(&self, name: &str) -> bool;
    fn count(&self) -> usize;
    fn each(&self) -> Box<dyn Iterator<Item = &str> + '_>;
}

impl<K: Borrow<str> + Ord, V> Names for BTreeMap<K, V> {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.keys().map(Borrow::borrow))
    }
}

impl Names for BTreeSet<&str> {
    fn has(&self, name: &str) -> bool {
        self.contains(name)
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.iter().copied())
    }
}

/// The most names that a hint lists.
const LISTED: usize = 12;

/// Checks everything. `today`: the day on which waivers have to hold; without it their end is not judged.
pub(crate) fn run(plan: &Plan, places: &Places, today: Option<Date>, faults: &mut Collector) -> Vec<Waived> {
    let mut users: HashMap<&SourceId, Vec<&Service>> = HashMap::new();
    for service in plan.services.values() {
        let sources: BTreeSet<&SourceId> = service.sources.iter().collect();
        for source in sources {
            users.entry(source).or_default().push(service);
        }
    }
    let mut context = Context { plan, places, faults, users };
    timing::never_fires(&mut context); // first, as the others do not judge what hangs on such a schedule
    let alerts = alerts::Read::of(&context);
    names::check(&mut context);
    procedures::check(&mut context);
    services::check(&mut context);
    timing::check(&mut context);
    drills::check(&mut context);
    keys::check(&mut context);
    threats::check(&mut context);
    review::check(&mut context);
    alerts::check(&mut context, &alerts);
    promises::check(&mut context);
    practice::check(&mut context);
    cadence::check(&mut context);
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

    /// The services that rely on a source, in the order of their names.
    fn users_of(&self, source: &SourceId) -> &[&Service] {
        self.users.get(source).map_or(&[], Vec::as_slice)
    }

    /// [`Plan::rpo_of`], by what is known of all services.
    fn rpo_of(&self, source: &Source) -> Option<Span> {
        let of_services = || self.users_of(&source.id).iter().filter_map(|service| service.objectives.rpo).min_by_key(|rpo| rpo.at_least());
        source.rpo.or_else(of_services)
    }

    /// Whether nothing at or below a path is faulty but what stands at some of the keys of its parts, on which the question does not hang.
    fn sound_but(&self, path: &str, keys: &[&str]) -> bool {
        let parts = self.places.below(path).iter().flat_map(|part| keys.iter().map(move |key| format!("{path}/{part}/{key}")));
        self.places.sound_but(path, &parts.collect::<Vec<_>>(), self.faults)
    }

    /// Whether all contacts and their roles are known.
    fn knows_roles(&self) -> bool {
        self.sound_but("contacts", &["deputy", "email", "phone", "ssh_key"])
    }

    /// Notes a fault where `name`, written at `path`, is none of `known`.
    fn must_be_in(&mut self, path: &str, kind: &str, name: impl Display, known: &dyn Names) {
        let name = name.to_string();
        if known.has(&name) {
            return;
        }
        let near = self.faults.looks_for_a_near_name(known.count()).then(|| nearest(&name, known.each())).flatten().map(str::to_owned);
        let listed: Vec<&str> = known.each().take(LISTED).collect();
        let more = known.count() - listed.len();
        let fault = self.at_value(&crate::rules::meaning::UNKNOWN_NAME, path, format!("there is no {kind} \"{name}\""));
        fault.hint = Some(match (near, listed.len(), more) {
            (Some(near), ..) => format!("did you mean {near}?"),
            (None, 0, _) => format!("the plan defines no {kind}"),
            (None, _, 0) => format!("the plan defines {}", listed.join(", ")),
            (None, _, more) => format!("the plan defines {} and {more} more", listed.join(", ")),
        });
    }
}

//! The plan language and its decisions, tested where the other crates use them.

extern crate lifeboat_plans as plans; // as every other crate calls it

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod draft;
#[cfg(test)]
mod forget;
#[cfg(test)]
mod language;
#[cfg(test)]
mod large;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod support;

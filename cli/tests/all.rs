//! `lifeboat` as people run it: the binary itself, in a temporary folder, against a real repository.

#![cfg(test)]

#[path = "all/people.rs"]
mod people;
#[path = "all/place.rs"]
mod place;
#[path = "all/servers.rs"]
mod servers;

#[path = "all/beginning.rs"]
mod beginning;
#[path = "all/databases.rs"]
mod databases;
#[path = "all/drilling.rs"]
mod drilling;
#[path = "all/evidence.rs"]
mod evidence;
#[path = "all/fidelity.rs"]
mod fidelity;
#[path = "all/first.rs"]
mod first;
#[path = "all/hooks.rs"]
mod hooks;
#[path = "all/incidents.rs"]
mod incidents;
#[path = "all/keys.rs"]
mod keys;
#[path = "all/looking.rs"]
mod looking;
#[path = "all/pictures.rs"]
mod pictures;
#[path = "all/planning.rs"]
mod planning;
#[path = "all/plugins.rs"]
mod plugins;
#[path = "all/pruning.rs"]
mod pruning;
#[path = "all/registers.rs"]
mod registers;
#[path = "all/restoring.rs"]
mod restoring;
#[path = "all/reviewing.rs"]
mod reviewing;
#[path = "all/rotating.rs"]
mod rotating;
#[path = "all/sharing.rs"]
mod sharing;
#[path = "all/standards.rs"]
mod standards;
#[path = "all/standing.rs"]
mod standing;
#[path = "all/streams.rs"]
mod streams;
#[path = "all/trouble.rs"]
mod trouble;

#[path = "all/copies.rs"]
mod copies;

#[path = "all/healing.rs"]
mod healing;

#[path = "all/interrupting.rs"]
mod interrupting;

//! Programs that others made and that do part of the work: how they are found, started, ended and believed.
//!
//! `backup` starts dumps and hooks with it, `restore` fills databases, `cli` asks before either what is missing. It knows no repository.

pub mod database;
pub mod facts;
mod find;
pub mod mysql;
pub mod postgres;
pub mod program;
pub mod sqlite;

//! The rules of the house that a compiler does not hold: arrows between crates, who may have which heavy dependency,
//! the shape of files. `ARCHITECTURE.md` explains them.

mod arrows;
mod files;
mod promises;
mod words;

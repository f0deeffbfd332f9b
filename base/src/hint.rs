//! The remedy that an error offers beside its fact.

/// An error that may know what to do next.
///
/// `Display` is the fact and `source()` the cause; `hint` is the remedy, in words that a tired operator can act on:
/// a command to type, a file to look at, a person to ask.
pub trait Hint: std::error::Error {
    /// What to do about it, or `None` where nothing better than the fact is known.
    fn hint(&self) -> Option<String> {
        None
    }
}

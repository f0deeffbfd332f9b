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

/// An error with its causes in one line, outermost first, for journals and findings.
pub fn whole_story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the door is shut")]
    struct Shut(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_its_causes() {
        assert_eq!(whole_story(&Shut(std::io::Error::other("no key"))), "the door is shut: no key");
    }
}

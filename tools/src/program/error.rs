//! Why a program did not do what it was started for.

use std::io;
use std::time::Duration;

use base::Hint;
use base::span::human;

/// Why a program did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no first word.
    #[error("no program is named")]
    NotNamed,
    /// A path that depends on where or by whom it is started.
    #[error("the program {program} is not named by an absolute path")]
    Relative {
        /// As the plan has it.
        program: String,
    },
    /// It is not there.
    #[error("there is no program {program}")]
    Missing {
        /// Its path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could change what it does.
    #[error("the program {program} is not run: {why}")]
    Loose {
        /// Its path.
        program: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system did not start it.
    #[error("the program {program} cannot be started")]
    Start {
        /// Its path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended otherwise than with exit code 0.
    #[error("{program} {how}{}", after_colon(said))]
    Failed {
        /// Its path.
        program: String,
        /// "ended with exit code 1".
        how: String,
        /// The end of what it wrote to standard error, on one line.
        said: String,
    },
    /// It took too long, and was ended.
    #[error("{program} was not done after {}, and was ended{}", human(*within), after_colon(said))]
    TooLate {
        /// Its path.
        program: String,
        /// How long it might have taken.
        within: Duration,
        /// As in [`Self::Failed`].
        said: String,
    },
    /// It ended well and wrote nothing, which no dump does.
    #[error("{program} ended well and wrote nothing")]
    Silent {
        /// Its path, or "standard input".
        program: String,
    },
    /// Its end cannot be learned.
    #[error("the end of {program} cannot be learned")]
    Lost {
        /// Its path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The backup was told to stop.
    #[error("the program was told to stop")]
    Cancelled,
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Hint for ProgramError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotNamed => Some("name a program and its arguments in the plan".to_owned()),
            Self::Relative { program } => Some(format!("write its whole path in the plan; `command -v {program}` shows it")),
            Self::Missing { .. } => Some("install it, or correct its path in the plan".to_owned()),
            Self::Loose { program, .. } => {
                Some(format!("let root or this user alone change it: chown root {program}; chmod go-w {program}"))
            }
            Self::Start { .. } => {
                Some("see whether this user may run it, and whether its first line names an interpreter that is there".to_owned())
            }
            Self::Failed { .. } => Some("run it by hand as the same user; nothing of its output counts".to_owned()),
            Self::TooLate { .. } => Some("see what it waits for, or give it more time in the plan: within".to_owned()),
            Self::Silent { .. } => Some("an empty dump restores nothing: see whether it ran to its end and what it was to read".to_owned()),
            Self::Lost { .. } | Self::Cancelled => None,
        }
    }
}

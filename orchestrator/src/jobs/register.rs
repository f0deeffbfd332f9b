//! Writes down what was decided about a register: looks, decides, and appends only if nothing was appended in between.
//!
//! Two people who sign, declare or close at once are so served one after the other, each on what the other one did. The names of rows
//! are numbers without gaps for the same reason.

use base::Hint;
use records::Event;
use records::chain::Entry;
use records::journal::JournalError;

use crate::facts::Facts;
use crate::parts::Parts;

/// How often a decision is made anew because somebody else was faster. Appends take milliseconds; more than this is no coincidence.
const MAX_TRIES: usize = 32;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError<E: std::error::Error + 'static> {
    /// It may not be done.
    #[error(transparent)]
    Refused(E),
    /// The journal does not take it.
    #[error("it could not be written into the journal")]
    Journal(#[from] JournalError),
}

impl<E: std::error::Error + Hint + 'static> Hint for CommitError<E> {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(error) => error.hint(),
            Self::Journal(error) => error.hint(),
        }
    }
}

/// Appends what `decide` says about the facts as they are, all of it or nothing, and brings `facts` up to date.
pub async fn commit<E: std::error::Error + 'static>(
    parts: &Parts,
    facts: &mut Facts,
    decide: impl Fn(&Facts) -> Result<Vec<Event>, E>,
) -> Result<Vec<Entry>, CommitError<E>> {
    let mut tries = 0;
    loop {
        let events = decide(facts).map_err(CommitError::Refused)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        tries += 1;
        match parts.journal.append_all_after(facts.seq, &parts.actor, events, parts.clock.now()).await {
            Ok(entries) => {
                facts.advance(&parts.journal).await?;
                return Ok(entries);
            }
            Err(JournalError::Moved { .. }) if tries < MAX_TRIES => facts.advance(&parts.journal).await?,
            Err(error) => return Err(error.into()),
        }
    }
}

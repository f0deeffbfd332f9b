//! Names that people give to things in a plan, each a type of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id, in bytes. It fits a file name beside a suffix and a table column.
pub const MAX_LEN: usize = 64;

/// Text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// No text at all.
    #[error("an id cannot be empty")]
    Empty,
    /// More than [`MAX_LEN`] bytes.
    #[error("an id has at most 64 characters, this one has {len}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A character outside letters, digits, `.`, `_`, `-`, or a first one that is neither letter nor digit.
    #[error("an id is made of ASCII letters, digits, \".\", \"_\" and \"-\", and begins with a letter or digit; \"{text}\" does not")]
    Character {
        /// The text as given.
        text: String,
    },
}

fn checked(text: &str) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(BadId::TooLong { len: text.len() });
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(good) {
        Ok(())
    } else {
        Err(BadId::Character { text: text.to_owned() })
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                checked(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                checked(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})
            }
        }
    )*};
}

ids! {
    /// A plan.
    PlanId
    /// Something the organisation relies on and must be able to recover.
    ServiceId
    /// Data that is backed up.
    SourceId
    /// A repository, as a plan names it.
    RepositoryId
    /// A recovery drill.
    DrillId
    /// A row of the threat register.
    ThreatId
    /// A person or supplier.
    ContactId
    /// A key that opens what was backed up, held by a custodian.
    RecoveryKeyId
    /// A retention rule set.
    RetentionId
    /// A way to reach people: mail, webhook, command.
    ChannelId
    /// An alert route.
    RouteId
    /// A check of a drill.
    CheckId
    /// A shift of the roster.
    ShiftId
    /// A recovery workflow.
    WorkflowId
    /// A step of a recovery workflow.
    StepId
    /// A severity of incidents.
    SeverityId
    /// A legal hold.
    HoldId
    /// Hosts that share chunks with each other; one host by default.
    DomainId
    /// A host that writes to a repository.
    WriterId
    /// A key that signs maintenance statements of a repository: tombstones, holds, attestations.
    StewardId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_plain_words() {
        for good in ["lims", "T-01", "d.petrova", "a", &"x".repeat(MAX_LEN)] {
            assert!(good.parse::<ServiceId>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "..", "a/b", "a b", "ü", &"x".repeat(MAX_LEN + 1)] {
            assert!(bad.parse::<ServiceId>().is_err(), "{bad}");
        }
    }
}

//! What of owners and rights a restore sets.

use restore::owners::Owners;

use crate::failure::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct MetadataArgs {
    /// Owners and groups by the names that this host knows, and not by their recorded numbers
    #[arg(long, conflicts_with = "into")]
    owners_by_name: bool,
    /// Give what belonged to one owner to another, by names or numbers; several times for several owners
    #[arg(long, value_name = "FROM:TO", conflicts_with = "into")]
    owner: Vec<String>,
    /// The same for groups
    #[arg(long, value_name = "FROM:TO", conflicts_with = "into")]
    group: Vec<String>,
    /// Restore what gives rights, too: setuid and setgid bits, capabilities, devices, immutable and append-only flags
    #[arg(long)]
    pub(super) special_bits: bool,
}

impl MetadataArgs {
    /// Who the restored files belong to.
    pub(super) fn owners(&self) -> Result<Owners, Failure> {
        Owners::of_this_host(self.owners_by_name, &self.owner, &self.group).map_err(|error| Failure::of("LB0003", Exit::Usage, &error))
    }
}

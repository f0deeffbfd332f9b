//! `repository.json`: bytes to types and back. Pure. Written once, signed by the first owner.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RepositoryUid;
use crate::format::limits::{CHUNK_AVERAGE, CHUNK_MAX, CHUNK_MIN, DRAFT, FORMAT};
use crate::keys::PublicKey;

/// The largest `repository.json` that is read, in bytes.
pub const MAX_CONFIG: u64 = 64 << 10;

/// The grace period of a new repository: 72 hours.
const GRACE_S: u32 = 72 * 3600;

/// Packs that are age files of zstd frames.
pub const PACK_KIND: &str = "age-zstd-1";

/// The chunker of this format. One that moves a boundary has another name.
pub const CHUNKER_ID: &str = "keyed-gear-1";

/// The first program that reads [`FORMAT`]; a program that is too old tells its user this.
const READER: &str = "lifeboat 0.1";

/// How the repository keeps its bytes. The members stand in the order of their names, which makes the JSON canonical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How files are cut.
    pub chunker: Chunker,
    /// When it was made, by the clock of who made it.
    pub created: Timestamp,
    /// 1.
    pub format: u32,
    /// The grace period in seconds, for which what is deleted waits: a day at least.
    pub grace_s: u32,
    /// Derived from `owner` and `nonce`.
    pub id: RepositoryUid,
    /// 32 hexadecimal digits.
    pub nonce: String,
    /// The key that signed this object and the first trust document.
    pub owner: PublicKey,
    /// Kinds of packs that can be in it.
    pub packs: Vec<String>,
    /// The first program that reads it.
    pub reader: String,
}

/// How files are cut into chunks. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunker {
    /// The length it aims at.
    pub average: u32,
    /// The name of the algorithm: one that moves a boundary is another algorithm.
    pub id: String,
    /// The shortest chunk, but for the last of a file.
    pub least: u32,
    /// The longest chunk.
    pub most: u32,
}

impl Default for Chunker {
    fn default() -> Self {
        let [average, least, most] =
            [CHUNK_AVERAGE, CHUNK_MIN, CHUNK_MAX].map(|len| u32::try_from(len).expect("lengths of chunks are small"));
        Self { average, id: CHUNKER_ID.to_owned(), least, most }
    }
}

/// Why bytes are not a `repository.json` of this format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadConfig {
    /// The format before the first one, which nobody reads any more.
    Draft,
    /// A later format than this program knows.
    Newer {
        /// The format found.
        found: u32,
        /// The program that reads it, as the object itself says.
        reader: Option<String>,
    },
    /// Not a configuration.
    Broken(String),
}

/// What every format has, however much else it changes.
#[derive(Deserialize)]
struct Outline {
    format: u32,
    reader: Option<String>,
}

impl Config {
    /// The configuration of a new repository.
    pub(crate) fn new(owner: PublicKey, nonce: String, created: Timestamp, chunker: Chunker) -> Self {
        let id = RepositoryUid::derive(&owner, &nonce);
        Self {
            chunker,
            created,
            format: FORMAT,
            grace_s: GRACE_S,
            id,
            nonce,
            owner,
            packs: vec![PACK_KIND.to_owned()],
            reader: READER.to_owned(),
        }
    }

    /// The canonical bytes, which are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys always become JSON")
    }

    /// Reads what [`Self::to_bytes`] wrote. Does not check who signed it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadConfig> {
        let broken = |what: &str| BadConfig::Broken(what.to_owned());
        let outline: Outline = serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
        match outline.format {
            FORMAT => {}
            DRAFT => return Err(BadConfig::Draft),
            found => return Err(BadConfig::Newer { found, reader: outline.reader.map(|text| plain(&text)) }),
        }
        let config: Self = serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
        if config.to_bytes() != bytes {
            return Err(broken("it is not in canonical form"));
        }
        if config.id != RepositoryUid::derive(&config.owner, &config.nonce) {
            return Err(broken("its id does not follow from its owner and nonce"));
        }
        if config.chunker != Chunker::default() || config.packs != [PACK_KIND] {
            return Err(broken("its chunker or its kind of packs is not that of its format"));
        }
        if config.grace_s < 24 * 3600 {
            return Err(broken("its grace period is shorter than a day"));
        }
        Ok(config)
    }
}

/// The text of an unverified object, made fit for a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::OwnerKey;
    use proptest::prelude::*;

    fn config() -> Config {
        let owner = OwnerKey::generate().unwrap().public();
        Config::new(owner, "00".repeat(16), "2026-11-24T06:00:00Z".parse().unwrap(), Chunker::default())
    }

    #[test]
    fn a_configuration_survives_as_bytes_and_every_other_spelling_is_refused() {
        let config = config();
        assert_eq!(Config::parse(&config.to_bytes()), Ok(config.clone()));
        let text = String::from_utf8(config.to_bytes()).unwrap();
        for other in [text.replace(':', ": "), text.replace("\"format\":1", "\"format\":1,\"more\":1"), format!("{text}\n")] {
            assert!(matches!(Config::parse(other.as_bytes()), Err(BadConfig::Broken(_))), "{other}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_with_the_program_that_reads_it() {
        let newer = br#"{"format":7,"reader":"lifeboat 3.2\u001b[2J","shape":[1]}"#;
        assert_eq!(Config::parse(newer), Err(BadConfig::Newer { found: 7, reader: Some("lifeboat 3.2[2J".to_owned()) }));
    }

    #[test]
    fn a_draft_is_refused_as_a_draft_whatever_else_it_says() {
        assert_eq!(Config::parse(br#"{"format":0,"packs":["age-zstd-0"]}"#), Err(BadConfig::Draft));
        let other = String::from_utf8(config().to_bytes()).unwrap().replace(CHUNKER_ID, "keyed-gear-2");
        assert!(matches!(Config::parse(other.as_bytes()), Err(BadConfig::Broken(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_configuration_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = Config::parse(&bytes);
        }

        #[test]
        fn what_is_read_is_written_back_as_it_was(at in any::<prop::sample::Index>(), change in 1_u8..) {
            let mut bytes = config().to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            if let Ok(read) = Config::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes); // another sound document; its signature tells
            }
        }
    }
}

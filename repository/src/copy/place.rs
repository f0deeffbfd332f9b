//! What is copied, in which order, and how long an object of each kind may be. Pure.

use stores::key::Key;

use crate::format::limits::{INDEX_MAX, PACK_MAX, SNAPSHOT_MAX};
use crate::repository::MAX_CONFIG;
use crate::trust::MAX_DOCUMENT;

/// The leading parts of what is copied, in the order in which it is stored: what an object relies on comes before it. Lists of
/// condemned packs and what was healed are not copied, since each copy has its own.
pub const ORDER: [&str; 13] = [
    "repository.json",
    "trust/",
    "keys/",
    "recover/",
    "packs/",
    "index/",
    "holds/",
    "snapshots/",
    "attest/",
    "tombstones/",
    "heads/",
    "audit/",
    "binder/",
];

/// The most bytes of key files, recovery scripts and statements of the people who maintain the repository.
const SMALL_MAX: u64 = 16 << 20;

/// A kind of objects: a position in [`ORDER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(usize);

impl Place {
    /// Its leading part.
    pub fn prefix(self) -> &'static str {
        ORDER.get(self.0).copied().unwrap_or_default()
    }

    /// The most bytes that such an object has. What is longer is not ours and is not read.
    pub fn limit(self) -> u64 {
        match self.prefix() {
            "repository.json" => MAX_CONFIG,
            "trust/" => MAX_DOCUMENT,
            "packs/" => PACK_MAX,
            "index/" => INDEX_MAX,
            "snapshots/" => SNAPSHOT_MAX,
            _ => SMALL_MAX,
        }
    }
}

/// Which kind of object a key names; `None` for what is not copied.
pub fn of(key: &Key) -> Option<Place> {
    let fits = |place: &str| if place.ends_with('/') { key.as_str().starts_with(place) } else { key.as_str() == place };
    ORDER.iter().position(|place| fits(place)).map(Place)
}

/// The kind with this leading part.
pub(crate) fn named(prefix: &str) -> Place {
    Place(ORDER.iter().position(|place| *place == prefix).expect("asked for with a constant of ORDER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_come_before_the_index_and_restore_points_after_it() {
        let place = |text: &str| of(&text.parse().unwrap());
        let order = ["repository.json", "trust/1.json", "keys/x.age", "packs/lab/aa/x", "index/lab/h/0", "snapshots/lab/h/0"];
        assert!(order.iter().map(|text| place(text).unwrap()).is_sorted());
        for text in ["condemned/1", "probe/a/first", "repository.json.bak", "README"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}

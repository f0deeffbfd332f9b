//! The file that says "a restore of this snapshot is not finished here".
//!
//! [`crate::apply`] writes it before anything else and removes it at the end; [`crate::target`] finds it, so that the same
//! snapshot may be restored again into a folder that is no longer empty. It holds no data of the restore.

use std::io::{self, Read as _, Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::beneath::Root;

/// Its name, at the top of the target.
pub const NAME: &[u8] = b".lifeboat-restore";

/// More than this is not a marker.
const MAX_BYTES: u64 = 64 * 1024;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Version of this shape: 1.
    pub v: u32,
    /// The id of the snapshot, 64 hexadecimal digits.
    pub snapshot: String,
    /// When the first attempt began.
    pub started: Timestamp,
    /// For whoever finds the file.
    pub note: String,
}

impl Marker {
    /// A marker for a restore of `snapshot` that begins now.
    pub fn new(snapshot: String, started: Timestamp) -> Self {
        let note = "This folder is being restored, or its restore was interrupted or found damage. Run the same restore again to go on; \
                    the file goes away when everything is there."
            .to_owned();
        Self { v: 1, snapshot, started, note }
    }

    /// Writes it.
    pub(crate) fn write(&self, root: &Root) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let mut file = std::fs::File::from(root.create_file(NAME)?);
        file.write_all(&text)?;
        file.write_all(b"\n")
    }

    /// Reads the one in the folder. A file of that name that is no marker counts as none.
    pub(crate) fn read(root: &Root) -> Option<Self> {
        let mut bytes = Vec::new();
        std::fs::File::from(root.open_read(NAME).ok()?).take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|marker: &Self| marker.v == 1)
    }
}

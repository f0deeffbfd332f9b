use super::error::WriteError;
use crate::format::tree::Content;
#[derive(Debug)]
pub struct Ticket {}
impl Ticket {
    /// Waits until the ids of all chunks are known: before compression and upload.
    pub fn wait(self) -> Result<Content, WriteError> {
        todo!()
    }
}

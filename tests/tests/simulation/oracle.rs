//! What has to hold in the end: what was acknowledged and not given up is listed and comes back as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use repository::format::tree::{Content, NodeKind, TreeRef};
use repository::keys::ReaderKey;
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use stores::MemoryStore;

use super::ledger::Book;
use super::work::content;

fn told(error: impl std::error::Error) -> String {
    base::hint::whole_story(&error)
}

/// The first thing that is wrong. `cache` is an empty folder.
pub async fn judge(disk: &MemoryStore, person: &ReaderKey, book: &Book, cache: &Path) -> Result<(), String> {
    let repository = Repository::open(Arc::new(disk.clone())).await.map_err(told)?;
    let options = ReaderOptions { cache_dir: cache.to_owned(), threads: 1 };
    let reader = Reader::open(&repository, person, options).await.map_err(told)?;
    let listing = reader.snapshots().await.map_err(told)?;
    if let Some(damaged) = reader.damaged().iter().chain(&listing.damaged).next() {
        return Err(format!("damaged: {damaged:?}"));
    }
    for (id, tree) in book.acknowledged.iter().filter(|(id, _)| book.is_kept(id)) {
        // What nobody gave up may be there as another one, which a compaction stored.
        let dropped = listing.dropped.iter().map(|dropped| &dropped.snapshot).find(|snapshot| snapshot.id == *id);
        let is_again = |snapshot: &&Snapshot| snapshot.id == *id || dropped.is_some_and(|old| snapshot.is_again(old));
        let wanted: Files = tree
            .iter()
            .map(|(folder, files)| (folder.clone(), files.iter().map(|(name, number)| (name.clone(), content(*number))).collect()))
            .collect();
        let mut answer = Err(format!("snapshot {id} was acknowledged and is not listed"));
        for snapshot in listing.snapshots.iter().filter(is_again) {
            answer = match read(&reader, &snapshot.root).await {
                Ok(found) if found == wanted => Ok(()),
                Ok(_) => Err("it holds something else than what was backed up".to_owned()),
                Err(what) => Err(what),
            }
            .map_err(|what| format!("snapshot {id} of {}, number {}, does not come back: {what}", snapshot.writer, snapshot.seq));
            if answer.is_ok() {
                break;
            }
        }
        answer?;
    }
    Ok(())
}

type Files = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

async fn read(reader: &Reader, root: &TreeRef) -> Result<Files, String> {
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut folders = Files::new();
    for folder in reader.tree(root).await.map_err(told)? {
        let NodeKind::Directory { tree } = &folder.kind else { return Err("a folder has become something else".to_owned()) };
        let mut files = BTreeMap::new();
        for file in reader.tree(tree).await.map_err(told)? {
            let NodeKind::File { content, .. } = &file.kind else { return Err("a file has become something else".to_owned()) };
            files.insert(name(&file.name), bytes(reader, content).await?);
        }
        folders.insert(name(&folder.name), files);
    }
    Ok(folders)
}

async fn bytes(reader: &Reader, content: &Content) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut sink = |some: &[u8]| {
        all.extend_from_slice(some);
        Ok(())
    };
    reader.content(content, &mut sink).await.map_err(told)?;
    Ok(all)
}

//! Reads the wanted part of a restore point from its trees, a folder at a time.

use futures_util::future::join_all;
use repository::format::tree::{Node, NodeKind, TreeRef};
use repository::reader::Reader;
use repository::snapshots::Snapshot;
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::path::TreePath;
use crate::report::{Problem, Step};
use crate::tree::{GatherError, Layout, MAX_ENTRIES, Selection, Tree};

/// Folders that are asked for at once.
const AT_ONCE: usize = 16;

/// Reads the wanted part of `snapshot`. A folder that is damaged is a finding; the rest goes on.
pub async fn gather(reader: &Reader, snapshot: &Snapshot, selection: &Selection, cancel: &CancellationToken) -> Result<Tree, GatherError> {
    Box::pin(gather_from(reader, &Copies::default(), snapshot, selection, cancel)).await
}

/// Asks the copies for a folder that is damaged.
async fn elsewhere(copies: &Copies, folder: &TreeRef) -> Option<Vec<Node>> {
    for n in 0..copies.len() {
        if let Some(reader) = copies.reader(n).await
            && let Ok(nodes) = reader.tree(folder).await
        {
            copies.gave(n, 1);
            return Some(nodes);
        }
    }
    None
}

/// As [`gather`]; a folder that is damaged is asked for in the copies.
pub async fn gather_from(
    reader: &Reader,
    copies: &Copies,
    snapshot: &Snapshot,
    selection: &Selection,
    cancel: &CancellationToken,
) -> Result<Tree, GatherError> {
    let point = snapshot.id.short();
    let base = match &selection.layout {
        Layout::Full => TreePath::default(),
        Layout::Below(base) => crate::list::meant(reader, snapshot, base).await,
    };
    let mut wanted = Vec::with_capacity(selection.paths.len());
    for path in &selection.paths {
        wanted.push(crate::list::meant(reader, snapshot, path).await);
    }
    if wanted.is_empty() {
        wanted.push(base.clone());
    }
    let mut found = vec![false; wanted.len()];
    let mut tree = Tree { owners: selection.owners.clone(), ..Tree::new(base.clone()) };
    let mut waiting: Vec<(Option<u32>, TreePath, TreeRef)> = vec![(None, TreePath::default(), snapshot.root.clone())];
    while !waiting.is_empty() {
        let batch = waiting.split_off(waiting.len().saturating_sub(AT_ONCE));
        let asked = join_all(batch.iter().map(|(_, _, folder)| reader.tree(folder)));
        let answers = tokio::select! {
            answers = asked => answers,
            () = cancel.cancelled() => return Err(GatherError::Cancelled),
        };
        let mut next = Vec::new();
        for ((parent, at, folder), answer) in batch.into_iter().zip(answers).rev() {
            let elsewhere = match &answer {
                Err(error) if crate::damage::is_damage(error) => elsewhere(copies, &folder).await,
                _ => None,
            };
            let nodes = match elsewhere.map_or(answer, Ok) {
                Ok(nodes) => nodes,
                Err(error) if crate::damage::is_damage(&error) => {
                    tree.findings.push(Problem { path: at.to_string(), step: Step::Read, what: crate::damage::explain(&error) });
                    continue;
                }
                Err(source) => return Err(GatherError::Read { point, source }),
            };
            let step = Walk { wanted: &wanted, base: &base };
            next.extend(step.folder(&mut tree, &mut found, parent, &at, nodes));
            if tree.entries.len() > MAX_ENTRIES {
                return Err(GatherError::TooMany);
            }
        }
        next.reverse();
        waiting.extend(next);
    }
    // A path below a folder that could not be read is not "not there".
    let blocked = |path: &TreePath| {
        tree.findings.iter().any(|f| f.step == Step::Read && TreePath::parse(f.path.as_bytes()).is_ok_and(|at| path.is_within(&at)))
    };
    if let Some((path, _)) = wanted.iter().zip(&found).find(|(path, found)| !path.is_root() && !**found && !blocked(path)) {
        return Err(GatherError::NotThere { path: path.clone(), point });
    }
    if !selection.patterns.is_empty() {
        tree.keep_matching(&selection.patterns);
    }
    Ok(tree)
}

/// Which nodes of a folder belong to the wanted part.
struct Walk<'a> {
    wanted: &'a [TreePath],
    base: &'a TreePath,
}

impl Walk<'_> {
    fn folder(
        &self,
        tree: &mut Tree,
        found: &mut [bool],
        parent: Option<u32>,
        at: &TreePath,
        nodes: Vec<Node>,
    ) -> Vec<(Option<u32>, TreePath, TreeRef)> {
        let whole = self.wanted.iter().any(|path| at.is_within(path));
        let mut inside = Vec::new();
        let mut next = Vec::new();
        for node in nodes {
            // A hostile name goes on to `Tree::add`, which writes the finding, when its folder is wanted as a whole.
            let path = at.join(&node.name);
            let on_the_way = self.wanted.iter().any(|wanted| wanted.is_within(&path));
            if !whole && !on_the_way {
                continue;
            }
            for (wanted, found) in self.wanted.iter().zip(found.iter_mut()) {
                *found |= *wanted == path;
            }
            let below = path.is_within(self.base) && path != *self.base;
            if below {
                inside.push(node);
            } else if path == *self.base && !matches!(node.kind, NodeKind::Directory { .. }) {
                tree.base = at.clone(); // a single file was named: it goes to the target under its own name
                inside.push(node);
            } else if let NodeKind::Directory { tree } = node.kind {
                next.push((None, path, tree)); // a folder above the base: walked through, not restored
            }
        }
        let folders = tree.add(parent, at, inside);
        next.extend(folders.into_iter().map(|(place, folder)| {
            let name = tree.entries[place as usize].name.clone();
            (Some(place), at.join(&name), folder)
        }));
        next
    }
}

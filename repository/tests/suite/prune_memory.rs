//! Memory of a prune that looks at many restore points with many packs, measured as the kernel counts it.

use base::Digest;
use bytes::Bytes;
use repository::format::names::{self, Name};
use repository::format::snapshot::{decode, encode, object, split};
use repository::prune::gather;
use stores::store::Store as _;

use super::index_memory::anonymous;
use super::prune::{Kept, files};

const SNAPSHOTS: u64 = 60;
const PACKS: u64 = 20_000;

#[tokio::test]
async fn sixty_restore_points_of_twenty_thousand_packs_each_are_gathered_in_memory_for_their_names_once() {
    let kept = Kept::new().await;
    let first = kept.back_up(&files(1)).await;
    let bytes = kept.disk.get(&first.key()).await.unwrap();
    let mut public = decode(split(&bytes).unwrap().0).unwrap();
    // Each restore point names all packs of the one before it but for one.
    let mut packs: Vec<Digest> = (0..PACKS).map(|n| Digest::of(&n.to_le_bytes())).collect();
    let mut prev = *first.id.digest();
    for seq in 1..=SNAPSHOTS {
        packs[seq as usize] = Digest::of(format!("pack {seq}").as_bytes());
        public.packs.clone_from(&packs);
        public.packs.sort_unstable();
        (public.seq, public.prev) = (seq, Some(prev));
        let line = encode(&public);
        let bytes = Bytes::from(object(&line, &kept.key.sign(&line)));
        prev = Digest::of(&bytes);
        let key = names::snapshot(&first.domain, &first.writer, &Name { seq, digest: prev });
        kept.disk.put_new(&key, bytes, prev).await.unwrap();
    }
    drop(packs);
    let before = anonymous();
    let facts = gather(&kept.repository).await.unwrap();
    let used = anonymous().saturating_sub(before);
    assert_eq!(facts.snapshots.iter().map(|snapshot| snapshot.packs.len() as u64).max(), Some(PACKS));
    assert!(facts.unclear.is_empty() && facts.snapshots.len() as u64 == SNAPSHOTS + 1, "{:?}", facts.unclear);
    // 1,200,000 names would have more than 100 MiB; their numbers have 5, and the names themselves, once, 4.
    assert!(used < 32, "{used} MiB");
}

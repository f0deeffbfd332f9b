//! Write-only hosts: whoever takes over a host reads nothing that it backed up before.

use std::path::Path;

use age::secrecy::ExposeSecret as _;
use base64::Engine as _;
use stores::store::Store as _;

use super::stocked::{MARKER, Stocked};

/// Every secret of the host, as an age identity: its own, and the bytes of each of its other keys taken for one.
async fn identities_of_the_host(stocked: &Stocked) -> Vec<age::x25519::Identity> {
    let key = &stocked.place.created.writer_key;
    let text = key.to_text();
    let field = |name: &str| text.expose_secret().lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let domain = key.open(&stocked.open().await).await.unwrap();
    let signing: [u8; 32] = hex::decode(field("sign ")).unwrap().try_into().unwrap();
    let mut identities = vec![field("identity ").parse().unwrap()];
    for bytes in [domain.k_id, domain.k_cut, domain.k_index, signing] {
        let hrp = bech32::Hrp::parse("age-secret-key-").unwrap();
        let text = bech32::encode::<bech32::Bech32>(hrp, &bytes).unwrap().to_uppercase();
        identities.push(text.parse().unwrap());
    }
    identities
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_on_the_host_opens_a_pack() {
    let stocked = Stocked::new().await;
    let identities = identities_of_the_host(&stocked).await;
    let epoch = stocked.place.ada.open(&stocked.open().await).await.unwrap().epochs[&1].clone();
    let packs = stocked.keys("packs/");
    assert!(packs.len() >= 4, "{packs:?}");
    for key in &packs {
        let pack = stocked.disk().get(key).await.unwrap();
        for identity in &identities {
            assert!(age::decrypt(identity, &pack).is_err(), "{key} opens on the host");
        }
        // The test can fail: the epoch key, which only people have, does open it.
        assert!(age::decrypt(epoch.as_age(), &pack).is_ok(), "{key}");
    }
    for key in ["keys/epoch-1.age", "keys/owner-1.age", "keys/canary-1.age"] {
        let sealed = stocked.disk().get(&key.parse().unwrap()).await.unwrap();
        assert!(identities.iter().all(|identity| age::decrypt(identity, &sealed).is_err()), "{key} opens on the host");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_cache_of_a_host_nor_the_store_holds_plaintext_or_the_epoch_key() {
    let stocked = Stocked::new().await;
    let epoch = stocked.place.ada.open(&stocked.open().await).await.unwrap().epochs[&1].clone();
    let secret = epoch.as_age().to_string().expose_secret().to_owned();
    let (_, bytes) = bech32::decode(&secret.to_lowercase()).unwrap();
    let forbidden = [
        MARKER.to_vec(),
        secret.into_bytes(),
        hex::encode(&bytes).into_bytes(),
        base64::prelude::BASE64_STANDARD.encode(&bytes).into_bytes(),
        bytes,
    ];
    let mut seen = files(stocked.host.path());
    assert!(!seen.is_empty(), "the host keeps a cache");
    for key in stocked.disk().keys() {
        seen.push(stocked.disk().get(&key).await.unwrap().to_vec());
    }
    for bytes in seen {
        for needle in &forbidden {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
    }
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let below = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    below.flat_map(|path| if path.is_dir() { files(&path) } else { vec![std::fs::read(path).unwrap()] }).collect()
}

//! Packs are ordinary age files of ordinary zstd frames. The age crate shows it, and so do the programs.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use repository::seal::header;
use repository::seal::stream::{Opener, Sealer, plaintext_len, sealed_range};
use stores::Store as _;

use super::content::{Files, back_up, noise, text};
use super::create_and_open::place;

fn ours(recipient: &age::x25519::Recipient, plaintext: &[u8]) -> Vec<u8> {
    let (header, key) = header::write(recipient).unwrap();
    let mut sealer = Sealer::new(&header, &key, Vec::new());
    // In uneven pieces, as frames come.
    for piece in plaintext.chunks(10_007) {
        sealer.write(piece);
    }
    let (file, digest) = sealer.finish();
    assert_eq!(digest, base::Digest::of(&file));
    assert_eq!(header.len(), 184, "a header of one stanza and a nonce");
    file
}

fn open_ours(identity: &age::x25519::Identity, file: &[u8]) -> Vec<u8> {
    let (key, header_len) = header::open(file, &mut [identity as &dyn age::Identity].into_iter()).unwrap();
    let payload = &file[header_len..];
    let (mut plain, len) = (Vec::new(), payload.len() as u64);
    Opener::new(&key, len).open(&(0..len), payload, &mut plain).unwrap();
    assert_eq!(plaintext_len(len), Some(plain.len() as u64));
    plain
}

const LENGTHS: [usize; 9] = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000];

#[test]
fn the_age_crate_opens_what_we_seal_and_we_open_what_it_seals() {
    let identity = age::x25519::Identity::generate();
    for len in LENGTHS {
        let plaintext = noise(len as u64, len);
        let file = ours(&identity.to_public(), &plaintext);
        assert!(age::decrypt(&identity, &file).unwrap() == plaintext, "{len} bytes, by the age crate");
        let theirs = age::encrypt(&identity.to_public(), &plaintext).unwrap();
        assert!(open_ours(&identity, &theirs) == plaintext, "{len} bytes, by us");
    }
}

#[test]
fn any_part_of_a_payload_opens_without_the_parts_before_it() {
    let identity = age::x25519::Identity::generate();
    let plaintext = noise(3, 300_000);
    let file = age::encrypt(&identity.to_public(), &plaintext).unwrap();
    let (key, header_len) = header::open(&file, &mut [&identity as &dyn age::Identity].into_iter()).unwrap();
    let payload = &file[header_len..];
    let opener = Opener::new(&key, payload.len() as u64);
    let at = |place: u64| usize::try_from(place).unwrap();
    let mut plain = vec![1; 10];
    for (from, to) in [(0, 1), (0, 65_536), (65_535, 65_537), (65_536, 131_072), (200_000, 300_000), (299_999, 300_000), (1000, 299_000)] {
        let range = sealed_range(&(from..to), payload.len() as u64);
        let part = &payload[at(range.start)..at(range.end)];
        opener.open(&range, part, &mut plain).unwrap();
        let skip = at(from % 65_536);
        assert!(plain[skip..skip + at(to - from)] == plaintext[at(from)..at(to)], "{from}..{to}");
    }
}

#[test]
fn a_payload_that_was_cut_swapped_or_lengthened_does_not_open() {
    let identity = age::x25519::Identity::generate();
    let file = ours(&identity.to_public(), &noise(3, 200_000));
    let (key, header_len) = header::open(&file, &mut [&identity as &dyn age::Identity].into_iter()).unwrap();
    let payload = &file[header_len..];
    let opens = |payload: &[u8]| {
        let len = payload.len() as u64;
        Opener::new(&key, len).open(&(0..len), payload, &mut Vec::new()).is_ok()
    };
    let block = 65_536 + 16;
    assert!(opens(payload));
    assert!(!opens(&payload[..block]), "cut at a block");
    assert!(!opens(&payload[..payload.len() - 1]), "cut by a byte");
    assert!(!opens(&[payload, &[0]].concat()), "lengthened by a byte");
    assert!(!opens(&[&payload[block..2 * block], &payload[..block], &payload[2 * block..]].concat()), "swapped");
}

/// The plaintext of a store's only pack of data, by the age crate and by zstd's streaming decoder.
async fn pack_of(files: &Files) -> (Vec<u8>, Vec<u8>, age::x25519::Identity) {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let receipt = back_up(&place.created.repository, &place.created.writer_key, cache.path(), files).await.unwrap();
    let opened = place.ada.open(&place.created.repository).await.unwrap();
    let identity = opened.epochs[&1].as_age().clone();
    for digest in &receipt.snapshot.packs {
        let key = repository::format::names::pack(&"office".parse().unwrap(), digest);
        let object = place.disk.get(&key).await.unwrap().to_vec();
        let plaintext = age::decrypt(&identity, &object).unwrap();
        let mut raw = Vec::new();
        zstd::Decoder::new(plaintext.as_slice()).unwrap().read_to_end(&mut raw).unwrap();
        if raw.len() > 100_000 {
            return (object, raw, identity);
        }
    }
    panic!("no pack holds the files");
}

fn two_files() -> Files {
    [("a", text(1, 200_000)), ("b", noise(2, 100_000))].into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_decrypts_and_decompresses_to_the_bytes_of_its_chunks() {
    let files = two_files();
    let (object, raw, _) = pack_of(&files).await;
    assert!(raw == files.values().flatten().copied().collect::<Vec<u8>>());
    assert!(object.len() < 130_000, "text is compressed and noise does not grow: {}", object.len());
}

fn pipe(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program}, which `make test` installs: {error}"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} failed");
    feeder.join().unwrap().unwrap();
    output.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_programs_age_and_zstd_give_the_raw_bytes() {
    let files = two_files();
    let (object, raw, identity) = pack_of(&files).await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("e1.key");
    std::fs::write(&key, age::secrecy::ExposeSecret::expose_secret(&identity.to_string())).unwrap();
    let plaintext = pipe("age", &["-d", "-i", key.to_str().unwrap()], &object);
    assert!(pipe("zstd", &["-d", "-c"], &plaintext) == raw);
}

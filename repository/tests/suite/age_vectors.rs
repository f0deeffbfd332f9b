//! The test kit of the age format: our header and payload codecs take what it calls good, byte for byte, and refuse all the rest.

use std::path::Path;
use std::process::Command;

use base::Digest;
use repository::seal::header;
use repository::seal::stream::{Opener, plaintext_len};

/// One file of the kit.
struct Vector {
    /// "success", or what must fail.
    expect: String,
    /// SHA-256 of the plaintext.
    payload: Option<String>,
    identities: Vec<age::x25519::Identity>,
    file: Vec<u8>,
}

/// Splits each file at its first empty line, and inflates those that are deflated: this crate has no zlib, and python3 does.
const INFLATE: &str = r"
import pathlib, sys, zlib
for path in pathlib.Path(sys.argv[1]).iterdir():
    if path.name != 'README':
        head, body = path.read_bytes().split(b'\n\n', 1)
        folder = pathlib.Path(sys.argv[2], path.name)
        folder.mkdir()
        (folder / 'head').write_bytes(head)
        (folder / 'file').write_bytes(zlib.decompress(body) if b'\ncompressed: zlib' in head else body)
";

fn vector(folder: &Path) -> Vector {
    let head = std::fs::read_to_string(folder.join("head")).unwrap();
    let values = |name: &str| head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect::<Vec<_>>();
    Vector {
        expect: values("expect")[0].to_owned(),
        payload: values("payload").first().map(|&text| text.to_owned()),
        identities: values("identity").iter().map(|text| text.parse().unwrap()).collect(),
        file: std::fs::read(folder.join("file")).unwrap(),
    }
}

/// The plaintext of an age file, as `pack::read` comes to it; nothing when any part is refused.
fn open(vector: &Vector) -> Option<Vec<u8>> {
    let mut identities = vector.identities.iter().map(|identity| identity as &dyn age::Identity);
    let (key, header_len) = header::open(&vector.file, &mut identities).ok()?;
    let payload = &vector.file[header_len..];
    let (len, mut plain) = (payload.len() as u64, Vec::new());
    let plain_len = plaintext_len(len)?;
    Opener::new(&key, len).open(&(0..len), payload, &mut plain).ok()?;
    (plain.len() as u64 == plain_len).then_some(plain)
}

#[test]
fn what_the_kit_of_the_age_format_calls_good_opens_and_nothing_else_does() {
    let (kit, apart) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/age-vectors"), tempfile::tempdir().unwrap());
    let inflated = Command::new("python3").args(["-c", INFLATE]).args([&kit, apart.path()]).status().unwrap();
    assert!(inflated.success());
    let (mut n_good, mut n_bad, mut wrong) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(apart.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let vector = vector(&path);
        let opened = open(&vector).map(|plain| Digest::of(&plain).to_string());
        let wanted = if vector.expect == "success" { vector.payload.clone() } else { None };
        if opened != wanted {
            wrong.push(format!("{name}, expected {}: {opened:?} instead of {wanted:?}", vector.expect));
        }
        *if wanted.is_some() { &mut n_good } else { &mut n_bad } += 1;
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{n_good} good ones, {n_bad} bad ones");
    assert!(n_good > 10 && n_bad > 40, "{n_good} {n_bad}");
}

//! Signatures, against stock `ssh-keygen` in both directions.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base::Hint as _;
use jiff::Timestamp;
use records::seal::{self, AllowedSigners, EVIDENCE_NAMESPACE, REVIEW_NAMESPACE, SealError, SigningKey};

fn now() -> Timestamp {
    "2026-11-24T07:00:00Z".parse().unwrap()
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32], "ada@example.org").unwrap()
}

fn allow(key: &SigningKey) -> AllowedSigners {
    AllowedSigners::one("ada@example.org", EVIDENCE_NAMESPACE, &key.public_line()).unwrap()
}

fn ssh_keygen(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ssh-keygen of openssh-client is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn ssh_keygen_verifies_what_we_sign_and_refuses_a_changed_byte() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate("ada@example.org").unwrap();
    let line = format!("ada@example.org namespaces=\"{EVIDENCE_NAMESPACE}\" {}\n", key.public_line());
    std::fs::write(folder.path().join("allowed_signers"), line).unwrap();
    std::fs::write(folder.path().join("sig"), seal::sign(b"manifest\n", &key, EVIDENCE_NAMESPACE).unwrap()).unwrap();
    let arguments = ["-Y", "verify", "-f", "allowed_signers", "-I", "ada@example.org", "-n", EVIDENCE_NAMESPACE, "-s", "sig"];
    let good = ssh_keygen(folder.path(), &arguments, b"manifest\n");
    assert!(good.status.success(), "{good:?}");
    assert!(String::from_utf8_lossy(&good.stdout).contains(&key.fingerprint()), "{good:?}");
    assert!(!ssh_keygen(folder.path(), &arguments, b"manifesT\n").status.success());
}

#[test]
fn we_verify_what_ssh_keygen_signs() {
    let folder = tempfile::tempdir().unwrap();
    let made = ssh_keygen(folder.path(), &["-q", "-t", "ed25519", "-N", "", "-C", "ada@example.org", "-f", "id"], b"");
    assert!(made.status.success(), "{made:?}");
    let signed = ssh_keygen(folder.path(), &["-Y", "sign", "-f", "id", "-n", EVIDENCE_NAMESPACE], b"manifest\n");
    assert!(signed.status.success(), "{signed:?}");
    let public = std::fs::read_to_string(folder.path().join("id.pub")).unwrap();
    let allowed = AllowedSigners::one("ada@example.org", EVIDENCE_NAMESPACE, &public).unwrap();
    let armored = String::from_utf8(signed.stdout).unwrap();
    let who = seal::verify(b"manifest\n", &armored, &allowed, EVIDENCE_NAMESPACE, now()).unwrap();
    assert_eq!(who.principal, "ada@example.org");
    assert_eq!(who.fingerprint, seal::fingerprint(&public).unwrap());
    // The same key file, read by us, makes the same signature.
    let key = SigningKey::parse(&std::fs::read_to_string(folder.path().join("id")).unwrap(), None).unwrap();
    assert_eq!(seal::sign(b"manifest\n", &key, EVIDENCE_NAMESPACE).unwrap(), armored);
}

#[test]
fn ssh_keygen_reads_a_key_file_that_we_made() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate("ada@example.org").unwrap();
    write_private(&folder.path().join("id"), &key.to_openssh().unwrap());
    let public = ssh_keygen(folder.path(), &["-y", "-f", "id"], b"");
    assert_eq!(String::from_utf8(public.stdout).unwrap().trim(), key.public_line());
    let signed = ssh_keygen(folder.path(), &["-Y", "sign", "-f", "id", "-n", REVIEW_NAMESPACE], b"I reviewed it\n");
    assert_eq!(String::from_utf8(signed.stdout).unwrap(), seal::sign(b"I reviewed it\n", &key, REVIEW_NAMESPACE).unwrap());
}

#[test]
fn a_key_with_a_passphrase_is_opened_by_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let made = ssh_keygen(folder.path(), &["-q", "-t", "ed25519", "-N", "open sesame", "-f", "id"], b"");
    assert!(made.status.success(), "{made:?}");
    let text = std::fs::read_to_string(folder.path().join("id")).unwrap();
    assert!(matches!(SigningKey::parse(&text, None), Err(SealError::Protected)));
    assert!(matches!(SigningKey::parse(&text, Some("wrong")), Err(SealError::Passphrase(_))));
    assert!(SigningKey::parse(&text, Some("open sesame")).is_ok());
}

#[test]
fn a_signature_is_refused_with_the_reason() {
    let (ada, eve) = (key(1), key(2));
    let armored = seal::sign(b"text", &ada, EVIDENCE_NAMESPACE).unwrap();
    let verify = |bytes: &[u8], armored: &str, allowed: &AllowedSigners| seal::verify(bytes, armored, allowed, EVIDENCE_NAMESPACE, now());
    assert!(verify(b"text", &armored, &allow(&ada)).is_ok());
    assert!(matches!(verify(b"texT", &armored, &allow(&ada)), Err(SealError::Changed { .. })));
    assert!(matches!(verify(b"text", &armored, &allow(&eve)), Err(SealError::Stranger { .. })));
    assert!(matches!(verify(b"text", &armored, &AllowedSigners::default()), Err(SealError::Stranger { .. })));
    let review = seal::sign(b"text", &ada, REVIEW_NAMESPACE).unwrap();
    assert!(matches!(verify(b"text", &review, &allow(&ada)), Err(SealError::Namespace { .. })));
    let late = format!("ada valid-before=20260101Z {}", ada.public_line());
    assert!(matches!(verify(b"text", &armored, &AllowedSigners::parse(&late).unwrap()), Err(SealError::NotAllowed { .. })));
    assert!(matches!(verify(b"text", "no signature", &allow(&ada)), Err(SealError::Armor(_))));
}

#[test]
fn every_changed_byte_of_a_signature_is_refused() {
    let ada = key(1);
    let armored = seal::sign(b"text", &ada, EVIDENCE_NAMESPACE).unwrap();
    for index in 0..armored.len() {
        for flip in [0x01, 0x20] {
            let mut bytes = armored.clone().into_bytes();
            bytes[index] ^= flip;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let answer = seal::verify(b"text", &changed, &allow(&ada), EVIDENCE_NAMESPACE, now());
            assert!(answer.is_err(), "byte {index} with {flip:#x}: {changed}");
        }
    }
}

#[test]
fn a_key_never_shows_its_secret() {
    let key = key(7);
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("SigningKey(\"{}\")", key.fingerprint()));
    let error = SigningKey::parse("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", None).unwrap_err();
    assert!(error.hint().unwrap().contains("ssh-keygen"), "{error:?}");
}

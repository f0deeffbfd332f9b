//! The statement that a signer signs: one text for one statement, and a signature that is for it alone.

use base::Digest;
use plans::plan::Role;
use proptest::prelude::*;
use records::seal::{self, AllowedSigners, SigningKey};
use registers::review::statement::{NAMESPACE, Statement};

use super::at;

fn statement() -> Statement {
    Statement {
        review: "R-1".to_owned(),
        plan: "helix-lab".parse().unwrap(),
        fingerprint: Digest::of(b"plan"),
        inputs: Digest::of(b"inputs"),
        meaning: "I have reviewed this plan and its inputs and approve it".to_owned(),
        role: Role("quality".to_owned()),
        by: "q.ansari".parse().unwrap(),
        name: "Qadir Ansari".to_owned(),
        at: at("2026-11-24T06:40:50"),
    }
}

#[test]
fn a_statement_says_all_that_a_signature_must_say() {
    let text = statement().text().unwrap();
    let expected = format!(
        "lifeboat review statement 1\n\
         review: R-1\n\
         plan: helix-lab\n\
         fingerprint: {}\n\
         inputs: {}\n\
         meaning: I have reviewed this plan and its inputs and approve it\n\
         role: quality\n\
         signer: q.ansari\n\
         name: Qadir Ansari\n\
         time: 2026-11-24T06:40:50Z\n",
        Digest::of(b"plan"),
        Digest::of(b"inputs")
    );
    assert_eq!(text, expected);
    assert_eq!(Statement::parse(&text), Ok(statement()));
    assert_eq!(statement().digest().unwrap(), Digest::of(text.as_bytes()));
}

#[test]
fn a_value_that_would_read_as_two_lines_is_refused() {
    for name in ["", " Qadir", "Qadir\nrole: operator", "Qadir\u{202e}irasnA", "Q\ta"] {
        let error = Statement { name: name.to_owned(), ..statement() }.text().unwrap_err();
        assert!(error.to_string().contains("name"), "{error}");
    }
}

#[test]
fn whatever_is_changed_in_a_statement_it_is_no_longer_the_one_that_was_written() {
    let text = statement().text().unwrap();
    for (from, to) in [
        ("statement 1", "statement 2"),
        ("role: quality\n", ""),
        ("06:40:50Z", "06:40:50.000Z"),
        ("06:40:50Z", "07:40:50+01:00"),
        ("review: R-1\nplan: helix-lab", "plan: helix-lab\nreview: R-1"),
        ("name: Q", "name:  Q"),
        ("50Z\n", "50Z"),
        ("50Z\n", "50Z\nnote: more\n"),
        ("\n", "\r\n"),
    ] {
        assert!(text.contains(from));
        assert!(Statement::parse(&text.replace(from, to)).is_err(), "{from:?} -> {to:?}");
    }
}

#[test]
fn a_signature_of_the_statement_holds_for_no_other_statement_and_for_no_other_purpose() {
    let key = SigningKey::from_seed(&[7; 32], "q.ansari").unwrap();
    let allowed = AllowedSigners::parse(&format!("q.ansari {}", key.public_line())).unwrap();
    let text = statement().text().unwrap();
    let signature = seal::sign(text.as_bytes(), &key, NAMESPACE).unwrap();
    let now = at("2026-11-24T06:41:00");
    let signer = seal::verify(text.as_bytes(), &signature, &allowed, NAMESPACE, now).unwrap();
    assert_eq!(signer.principal, "q.ansari");
    let other = Statement { meaning: "I have not read it".to_owned(), ..statement() }.text().unwrap();
    assert!(seal::verify(other.as_bytes(), &signature, &allowed, NAMESPACE, now).is_err());
    let elsewhere = seal::sign(text.as_bytes(), &key, "file").unwrap();
    assert!(seal::verify(text.as_bytes(), &elsewhere, &allowed, NAMESPACE, now).is_err());
}

proptest! {
    #[test]
    fn what_can_be_written_is_read_back_and_anything_else_is_an_error(text in ".{0,300}", name in "\\PC{1,40}") {
        let _ = Statement::parse(&text);
        let statement = Statement { name, ..statement() };
        if let Ok(text) = statement.text() {
            prop_assert_eq!(Statement::parse(&text), Ok(statement));
        }
    }
}

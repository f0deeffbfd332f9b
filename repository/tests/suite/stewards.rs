//! Who may sign what maintenance says, and who may not.

use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use jiff::Timestamp;
use repository::keys::{ChangeError, KeyError, StewardKey, StewardRole, add_steward};
use repository::repository::Repository;
use repository::trust::{Act, StatementError};

use super::create_and_open::{Place, place};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const LISTED: &str = "2026-11-25T00:00:00Z";

async fn reopen(place: &Place) -> Repository {
    Repository::open(Arc::new(place.disk.clone())).await.unwrap()
}

async fn add(place: &Place, role: StewardRole, name: &str) -> Result<StewardKey, ChangeError> {
    add_steward(&reopen(place).await, &place.ada, role, name.parse().unwrap(), time(LISTED)).await
}

#[tokio::test]
async fn a_maintainer_a_verifier_and_an_owner_sign_what_their_role_allows() {
    let place = place().await;
    let maintainer = add(&place, StewardRole::Maintainer, "ops").await.unwrap();
    let verifier = add(&place, StewardRole::Verifier, "scrub").await.unwrap();
    let repository = reopen(&place).await;
    assert_eq!(repository.trust().version(), 3);
    let now = time("2026-11-26T00:00:00Z");
    let verifier = StewardKey::parse(verifier.to_text().expose_secret()).unwrap().open(&repository, now).unwrap();
    let maintainer = maintainer.open(&repository, now).unwrap();
    let owner = place.ben.steward(&repository).await.unwrap();
    for (steward, role, maintains) in
        [(&maintainer, Some(StewardRole::Maintainer), true), (&verifier, Some(StewardRole::Verifier), false), (&owner, None, true)]
    {
        let object = steward.seal(b"{\"attest\":1}");
        let (document, signers) = repository.trust().statement(&object, Act::Attest, now).unwrap();
        assert_eq!((document, signers.len(), signers[0].role), (&b"{\"attest\":1}"[..], 1, role));
        assert_eq!(repository.trust().statement(&object, Act::Maintain, now).is_ok(), maintains, "{role:?}");
    }
    let object = verifier.seal(b"{\"tombstone\":1}");
    let refused = repository.trust().statement(&object, Act::Maintain, now).unwrap_err();
    assert_eq!(refused.to_string(), "verifier scrub may not sign this: it may attest, and neither keep nor drop anything");
}

#[tokio::test]
async fn a_statement_of_a_stranger_or_a_writer_or_with_a_changed_bit_counts_for_nothing() {
    let (here, elsewhere) = (place().await, place().await);
    let now = time("2026-11-26T00:00:00Z");
    let foreign = add(&elsewhere, StewardRole::Maintainer, "ops").await.unwrap();
    let mine = add(&here, StewardRole::Maintainer, "ops").await.unwrap();
    let (repository, other) = (reopen(&here).await, reopen(&elsewhere).await);
    assert!(matches!(foreign.open(&repository, now), Err(KeyError::OtherRepository { .. })));
    let trust = repository.trust();
    let stranger = foreign.open(&other, now).unwrap().seal(b"{}");
    assert!(matches!(trust.statement(&stranger, Act::Attest, now), Err(StatementError::Unknown { .. })));

    // A host's signature over the same bytes is under another label.
    let host = &here.created.writer_key;
    assert!(matches!(
        trust.verify_statement(&host.public(), Act::Attest, now, b"{}", &host.sign(b"{}")),
        Err(StatementError::Unknown { .. })
    ));
    let steward = mine.open(&repository, now).unwrap();
    assert!(trust.verify(host.domain(), host.writer(), b"{}", &steward.sign(b"{}")).is_err());

    let sound = steward.seal(b"{\"a\":1}");
    for bit in 0..sound.len() * 8 {
        let mut changed = sound.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(trust.statement(&changed, Act::Maintain, now).is_err(), "bit {bit}");
    }
    // Two people sign one statement; the same one twice is still one.
    let owner = here.ada.steward(&repository).await.unwrap();
    let line = |object: &[u8]| object[object.iter().position(|byte| *byte == b'\n').unwrap() + 1..].to_vec();
    let both = [sound.clone(), line(&owner.seal(b"{\"a\":1}")), line(&sound)].concat();
    assert_eq!(trust.statement(&both, Act::Maintain, now).unwrap().1.len(), 2);
    // A signature that does not count does not hurt one that does.
    let mixed = [stranger_over(b"{\"a\":1}", &foreign.open(&other, now).unwrap()), line(&sound)].concat();
    assert_eq!(trust.statement(&mixed, Act::Maintain, now).unwrap().1.len(), 1);
}

fn stranger_over(document: &[u8], steward: &repository::keys::Steward) -> Vec<u8> {
    steward.seal(document)
}

#[tokio::test]
async fn a_steward_signs_within_its_time_alone_and_its_name_is_used_once() {
    let place = place().await;
    let key = add(&place, StewardRole::Maintainer, "ops").await.unwrap();
    assert!(matches!(add(&place, StewardRole::Maintainer, "ops").await, Err(ChangeError::Listed { .. })));
    add(&place, StewardRole::Verifier, "ops").await.unwrap(); // another role, another list
    let repository = reopen(&place).await;
    let object = key.open(&repository, time(LISTED)).unwrap().seal(b"{}");
    let told = |at: &str| repository.trust().statement(&object, Act::Maintain, time(at)).map(|(_, signers)| signers.len());
    assert_eq!(told(LISTED), Ok(1));
    assert_eq!(told("2026-11-24T00:00:00Z"), Ok(1), "clocks differ, a day at most");
    assert!(matches!(told("2026-11-23T23:59:59Z"), Err(StatementError::Time { .. })));
    assert_eq!(told("2126-11-23T00:00:00Z"), Ok(1));
}

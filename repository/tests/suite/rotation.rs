//! Writers, stewards and people who go, people who come, and epochs.

use std::sync::Arc;

use base::Hint as _;
use jiff::Timestamp;
use repository::check::{self, Budget, Level};
use repository::format::names;
use repository::keys::{
    ChangeError, Keeps, KeyError, StewardRole, add_steward, add_writer, change_people, end_steward, end_writer, generate_reader_key,
    plan_people, prove,
};
use repository::prune;
use repository::repository::{OpenError, Repository};
use repository::snapshots::{SnapshotKey, list};
use repository::trust::{Act, Numbering, StatementError, TrustError};
use stores::{MemoryStore, Store as _};

use super::create_and_open::{Place, place};
use super::stocked::{Stocked, back_up_on};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn reopen(place: &Place) -> Repository {
    Repository::open(Arc::new(place.disk.clone())).await.unwrap()
}

fn at(first: &str, seq: u64, digit: char) -> names::Numbered {
    let key = format!("{first}/office/web/{seq:010}-{}", digit.to_string().repeat(64));
    names::numbered(first, &key.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_writer_whose_right_has_ended_is_believed_up_to_its_last_objects_and_no_further() {
    let place = place().await;
    let key = &place.created.writer_key;
    for (first, seq) in [("index", 0), ("index", 1), ("snapshots", 0)] {
        let name = format!("{first}/office/web/{seq:010}-{}", "5".repeat(64));
        place.disk.put_new(&name.parse().unwrap(), bytes::Bytes::from_static(b"x"), base::Digest::of(b"x")).await.unwrap();
    }
    let (office, web) = ("office".parse().unwrap(), "web".parse().unwrap());
    let now = time("2026-11-26T00:00:00Z");
    let ended = end_writer(&reopen(&place).await, &place.ada, &office, &web, None, now).await.unwrap();
    assert_eq!((ended.last.index.map(|name| name.seq), ended.last.snapshot.map(|name| name.seq), ended.n_dropped), (Some(1), Some(0), 0));
    let repository = reopen(&place).await;
    let trust = repository.trust();
    for (numbering, place, believed) in [
        (Numbering::Index, at("index", 0, '9'), true),
        (Numbering::Index, at("index", 1, '5'), true),
        (Numbering::Index, at("index", 1, '6'), false),
        (Numbering::Index, at("index", 2, '0'), false),
        (Numbering::Snapshot, at("snapshots", 0, '5'), true),
        (Numbering::Snapshot, at("snapshots", 1, '0'), false),
    ] {
        let told = trust.verify_at(numbering, &place, b"index", &key.sign(b"index"));
        assert_eq!(told.is_ok(), believed, "{place:?}: {told:?}");
        assert!(believed || matches!(told, Err(TrustError::Ended { .. })));
    }
    // The host is told so, and the same is not ended twice.
    assert!(matches!(key.open(&repository).await, Err(KeyError::Ended { .. })));
    let again = end_writer(&repository, &place.ada, &office, &web, None, now).await.unwrap_err();
    assert!(matches!(again, ChangeError::EndedAlready { .. }), "{again}");
    let nobody = end_writer(&repository, &place.ada, &office, &"db".parse().unwrap(), None, now).await.unwrap_err();
    assert_eq!(nobody.to_string(), "writer db of domain office is not listed");
}

#[tokio::test]
async fn with_an_instant_nothing_that_the_storage_dates_later_is_believed() {
    let place = place().await;
    for seq in 0..2 {
        let name = format!("snapshots/office/web/{seq:010}-{}", "5".repeat(64));
        place.disk.put_new(&name.parse().unwrap(), bytes::Bytes::from_static(b"x"), base::Digest::of(b"x")).await.unwrap();
    }
    let (office, web) = ("office".parse().unwrap(), "web".parse().unwrap());
    let since = Some(time("1971-01-01T00:00:00Z"));
    let now = time("2026-11-26T00:00:00Z");
    let ended = end_writer(&reopen(&place).await, &place.ada, &office, &web, since, now).await.unwrap();
    assert_eq!((ended.last.snapshot, ended.n_dropped), (None, 2));
    assert!(reopen(&place).await.trust().believes(Numbering::Snapshot, &at("snapshots", 0, '5')).is_err());
}

#[tokio::test]
async fn a_steward_whose_time_has_ended_is_believed_for_what_it_signed_before() {
    let place = place().await;
    let (before, from) = (reopen(&place).await, time("2026-11-25T00:00:00Z"));
    let key = add_steward(&before, &place.ada, StewardRole::Maintainer, "ops".parse().unwrap(), from).await.unwrap();
    let object = key.open(&reopen(&place).await, time("2026-11-25T01:00:00Z")).unwrap().seal(b"{}");
    let ended = time("2026-11-27T00:00:00Z");
    let ops = "ops".parse().unwrap();
    end_steward(&reopen(&place).await, &place.ben, StewardRole::Maintainer, &ops, &Keeps::default(), ended).await.unwrap();
    let repository = reopen(&place).await;
    assert!(repository.trust().statement(&object, Act::Maintain, time("2026-11-26T00:00:00Z")).is_ok());
    assert!(matches!(repository.trust().statement(&object, Act::Maintain, ended), Err(StatementError::Time { .. })));
    assert!(matches!(key.open(&repository, ended), Err(KeyError::Ended { .. })));
}

#[tokio::test]
async fn who_goes_opens_no_new_epoch_and_signs_for_nobody_and_who_comes_opens_all() {
    let place = place().await;
    let (eve, _, to_eve) = generate_reader_key();
    let [to_ada, to_ben] = [&place.ada, &place.ben].map(|key| key.recipients()[0].clone());
    let before = reopen(&place).await;
    let old_owner = place.ben.steward(&before).await.unwrap();
    let only = plan_people(&before, std::slice::from_ref(&to_ada), true, false).unwrap_err();
    assert!(matches!(only, ChangeError::TooFewRecipients { given: 1 }) && only.hint().is_some());

    let change = plan_people(&before, &[to_ada.clone(), to_eve.clone()], false, false).unwrap();
    assert_eq!((&change.added, &change.removed, change.new_epoch), (&vec![to_eve.clone()], &vec![to_ben], Some(2)));
    let now = time("2026-11-26T00:00:00Z");
    change_people(&before, &place.ada, &change, now).await.unwrap();
    let repository = reopen(&place).await;
    assert_eq!(repository.trust().newest_epoch().epoch, 2);
    for person in [&place.ada, &eve] {
        let opened = person.open(&repository).await.unwrap();
        assert_eq!((opened.epochs.len(), opened.domains.len(), opened.closed.len()), (2, 1, 0));
        prove(&repository, person).await.unwrap();
    }
    assert!(matches!(place.ben.open(&repository).await, Err(KeyError::WrongKey { .. })));
    assert!(place.ben.steward(&repository).await.is_err() && prove(&repository, &place.ben).await.is_err());
    // What the old owner key signed counts up to then; a host can be added by who came.
    let object = old_owner.seal(b"{}");
    assert!(repository.trust().statement(&object, Act::Maintain, time("2026-11-25T00:00:00Z")).is_ok());
    assert!(matches!(repository.trust().statement(&object, Act::Maintain, now), Err(StatementError::Time { .. })));
    add_writer(&repository, &eve, "db".parse().unwrap(), "office".parse().unwrap(), now).await.unwrap();
    // A plan that was made before somebody else's change is not applied.
    assert!(matches!(change_people(&reopen(&place).await, &eve, &change, now).await, Err(ChangeError::Raced { .. })));
    let twice = plan_people(&reopen(&place).await, &[to_ada, to_eve], false, false).unwrap();
    assert!(twice.is_nothing());
}

#[tokio::test]
async fn a_crash_at_any_write_of_a_rotation_changes_nothing_or_everything() {
    use repository::copy;
    use stores::fault::FaultStore;
    for nth in 1.. {
        let place = place().await;
        let recipients = [&place.ada, &place.ben].map(|key| key.recipients()[0].clone());
        let store = Arc::new(FaultStore::crash_at_write(place.disk.clone(), nth));
        let Ok(repository) = Repository::open(store).await else { panic!("opening writes nothing") };
        let change = plan_people(&repository, &recipients, true, false).unwrap();
        let done = change_people(&repository, &place.ada, &change, time("2026-11-26T00:00:00Z")).await.is_ok();
        let after = reopen(&place).await;
        let n = after.trust().epochs().len();
        assert!(n == 2 || (n == 1 && !done), "write {nth}: {n} epochs");
        assert_eq!(place.ben.open(&after).await.unwrap().epochs.len(), n);
        if done {
            return;
        }
        // What was left is in nobody's way: a copy goes without it, and the next attempt succeeds.
        let target = stores::MemoryStore::default();
        let planned = copy::plan::plan(&copy::list(&place.disk).await.unwrap(), &copy::list(&target).await.unwrap());
        let report = copy::run(&after, &target, &planned, copy::Limits::default(), &()).await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        let change = plan_people(&after, &recipients, true, false).unwrap();
        change_people(&after, &place.ben, &change, time("2026-11-26T01:00:00Z")).await.unwrap();
    }
}

#[tokio::test]
async fn a_trust_document_that_a_former_owner_signed_is_damage() {
    let place = place().await;
    let (_, _, to_eve) = generate_reader_key();
    let before = reopen(&place).await;
    let change = plan_people(&before, &[place.ada.recipients()[0].clone(), to_eve], false, false).unwrap();
    change_people(&before, &place.ada, &change, time("2026-11-26T00:00:00Z")).await.unwrap();
    // The signature line of version 2 is by the owner key that Ben still has; version 3 needs the new one.
    let second = place.disk.get(&"trust/2.json".parse().unwrap()).await.unwrap();
    let elsewhere = place.disk.clone();
    let forged = String::from_utf8(second.to_vec()).unwrap().replace("\"version\":2", "\"version\":3");
    let digest = base::Digest::of(forged.as_bytes());
    elsewhere.put_new(&"trust/3.json".parse().unwrap(), bytes::Bytes::from(forged), digest).await.unwrap();
    let refused = Repository::open(Arc::new(place.disk.clone())).await.unwrap_err();
    assert!(
        matches!(&refused, OpenError::Damaged { key, what } if key == "trust/3.json" && what.contains("no owner has signed it")),
        "{refused:?}"
    );
}

/// A store with the same objects, apart from the first.
async fn twin(disk: &MemoryStore, without: &str) -> MemoryStore {
    let twin = MemoryStore::default();
    for key in disk.keys().into_iter().filter(|key| !key.as_str().starts_with(without)) {
        let bytes = disk.get(&key).await.unwrap();
        let digest = base::Digest::of(&bytes);
        twin.put_new(&key, bytes, digest).await.unwrap();
    }
    twin
}

#[tokio::test]
async fn what_a_writer_stores_under_an_older_number_after_its_right_has_ended_is_named_and_not_believed() {
    let stocked = Stocked::new().await;
    let key = stocked.place.created.writer_key.clone();
    // The host in false hands makes a first snapshot of its own, on a store that knows no other.
    let (elsewhere, host) = (twin(stocked.disk(), "snapshots/").await, tempfile::tempdir().unwrap());
    let forged = back_up_on(&elsewhere, host.path(), &key, &["third"]).await;
    assert_eq!(forged.seq, 0);
    let (office, web) = (key.domain().clone(), key.writer().clone());
    let now = time("2026-11-26T00:00:00Z");
    let ended = end_writer(&stocked.open().await, &stocked.place.ada, &office, &web, None, now).await.unwrap();
    assert_eq!(ended.last.snapshot.map(|name| name.digest), Some(*stocked.snapshots[1].id.digest()));
    let bytes = elsewhere.get(&forged.key()).await.unwrap();
    let digest = base::Digest::of(&bytes);
    stocked.disk().put_new(&forged.key(), bytes, digest).await.unwrap();

    let repository = stocked.open().await;
    let listing = list(&repository, &SnapshotKey::Reader(&stocked.place.ada)).await.unwrap();
    assert_eq!(listing.snapshots, stocked.snapshots, "the true ones stay");
    let named = |object: &str, what: &str| object == forged.key().as_str() && what.contains("not in the chain that leads to its last");
    assert!(matches!(&listing.damaged[..], [one] if named(&one.object, &one.what)), "{:?}", listing.damaged);
    let report = check::run(&repository, Level::Presence, None, Budget::All).await.unwrap();
    assert!(report.is_sound() && report.aside.iter().any(|one| named(&one.object, &one.what)), "{report:?}");
    let facts = prune::gather(&repository).await.unwrap();
    assert!(facts.aside.iter().any(|(object, what)| named(object, what)) && facts.snapshots.len() == 2, "{facts:?}");
    assert!(facts.unclear.is_empty(), "it hinders no prune: {facts:?}");

    // Where the chain is broken, what lies below it is named with the place, and comes back with the object.
    let first = stocked.snapshots[0].key();
    let last = stocked.snapshots[1].key();
    let cut = Repository::open(Arc::new(twin(stocked.disk(), last.as_str()).await)).await.unwrap();
    let unclear = prune::gather(&cut).await.unwrap().unclear;
    assert!(unclear.iter().any(|one| one.object == last.as_str() && one.domain.is_some()), "{unclear:?}");
    let report = check::run(&cut, Level::Presence, None, Budget::All).await.unwrap();
    assert!(report.findings.iter().any(|one| one.object == last.as_str()), "{report:?}");
    let listing = list(&cut, &SnapshotKey::Reader(&stocked.place.ada)).await.unwrap();
    let told = listing.damaged.iter().find(|one| one.object == first.as_str()).unwrap();
    assert!(listing.snapshots.is_empty() && told.what.ends_with(&format!("that chain is broken at {last}")), "{told:?}");
}

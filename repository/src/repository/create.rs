//! Makes a repository: keys, trust, the recovery script, and last of all `repository.json`, whose presence makes it one.
//!
//! Nothing is ever overwritten. A run that was cut short leaves objects without `repository.json`; they hold no backup,
//! and the next run names them and refuses.

use std::sync::Arc;

use base::id::{DomainId, WriterId};
use base::{Clock, Digest, Hint};
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;
use stores::store::Store;

use super::Repository;
use super::config::{Chunker, Config};
use super::open::{CONFIG_KEY, OpenError, first_object};
use super::recover::{README_KEY, RECOVER_README, RECOVER_SCRIPT, SCRIPT_KEY};
use crate::format::limits::FORMAT;
use crate::keys::{self, DomainKeys, EpochIdentity, KeyError, OwnerKey, Recipient, WriterKey};
use crate::trust::{self, Canary, Document, Epoch, ListedObject, ListedWriter};

const EPOCH_KEY: &str = "keys/epoch-1.age";
const OWNER_KEY: &str = "keys/owner-1.age";
const CANARY_KEY: &str = "keys/canary-1.age";

/// What a new repository should be.
#[derive(Debug, Clone)]
pub struct CreateSpec {
    /// Public keys, `age1…`, of the people who can open it.
    pub recipients: Vec<String>,
    /// Accept one recipient alone: whoever loses that key loses every backup.
    pub accept_single_key: bool,
    /// The first host that writes.
    pub writer: WriterId,
    /// Its domain.
    pub domain: DomainId,
}

/// A new repository.
#[derive(Debug)]
pub struct Created {
    /// The repository, opened again from the store.
    pub repository: Repository,
    /// The first host's key; the caller writes its text to a file of mode 0600 on that host.
    pub writer_key: WriterKey,
}

/// Why no repository was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Too few people could open it.
    #[error("a repository needs two recovery keys, and {given} was given")]
    TooFewRecipients {
        /// Distinct recipients given.
        given: usize,
    },
    /// There is one already.
    #[error("there is a repository at {location} already")]
    Exists {
        /// The place.
        location: String,
    },
    /// Objects of a repository are there, but no `repository.json`: a run that was cut short, or a damaged repository.
    #[error("{object} is at {location} already, without a repository.json")]
    Unfinished {
        /// The place.
        location: String,
        /// One of the objects that are in the way.
        object: String,
    },
    /// A key could not be made or wrapped.
    #[error("cannot make the keys")]
    Keys(#[from] KeyError),
    /// The store did not take an object.
    #[error("cannot write {object}")]
    Store {
        /// The object.
        object: String,
        /// The store's error.
        source: StoreError,
    },
    /// What was written cannot be read back as it should.
    #[error("the new repository cannot be opened")]
    Reopen(#[source] Box<OpenError>),
    /// Another one was made there in the same moment.
    #[error("another repository was made at {location} in the same moment")]
    Raced {
        /// The place.
        location: String,
    },
}

impl Hint for CreateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::TooFewRecipients { .. } => {
                Some("make a second key, kept elsewhere by someone else, or say that one is accepted: --accept-single-key".to_owned())
            }
            Self::Exists { .. } => Some("use it as it is, or choose another place".to_owned()),
            Self::Unfinished { location, .. } => Some(format!(
                "if an earlier init at {location} was cut short, delete the folders keys, recover and trust there (no backup is in them) and run it again; \
                 if packs or snapshots are there, this is a damaged repository: fetch repository.json from another copy"
            )),
            Self::Keys(error) => error.hint(),
            Self::Store { source, .. } => source.hint(),
            Self::Reopen(error) => error.hint(),
            Self::Raced { .. } => Some("open that one, or choose another place".to_owned()),
        }
    }
}

/// Makes a repository in `store`.
///
/// Order of writes: key files and recovery script, trust document, `repository.json`. It is opened again before this
/// returns, so that a store that loses or mixes writes is noticed now.
pub async fn create(store: Arc<dyn Store>, spec: CreateSpec, clock: &dyn Clock) -> Result<Created, CreateError> {
    let people = keys::distinct(&spec.recipients)?;
    if people.is_empty() || (people.len() < 2 && !spec.accept_single_key) {
        return Err(CreateError::TooFewRecipients { given: people.len() });
    }
    refuse_what_is_there(&*store).await?;

    // Sealing to a plugin may wait for its device: not on a thread of the runtime.
    let now = clock.now();
    let drafted = tokio::task::spawn_blocking(move || Draft::new(&people, &spec, now)).await;
    let draft = drafted.map_err(|error| KeyError::Random(format!("making the keys was cut short: {error}")))??;
    for (object, bytes) in draft.objects {
        put(&*store, object, bytes).await?;
    }
    put(&*store, trust::document_key(1), draft.trust).await?;
    put(&*store, CONFIG_KEY.to_owned(), draft.config).await?;

    let repository = Repository::open(Arc::clone(&store)).await.map_err(|error| CreateError::Reopen(Box::new(error)))?;
    if repository.id() != draft.writer_key.repository() {
        return Err(CreateError::Raced { location: store.location() });
    }
    Ok(Created { repository, writer_key: draft.writer_key })
}

async fn refuse_what_is_there(store: &dyn Store) -> Result<(), CreateError> {
    let location = store.location();
    let config: Key = CONFIG_KEY.parse().expect("a plain key");
    match store.head(&config).await {
        Ok(_) => return Err(CreateError::Exists { location }),
        Err(error) if error.is_not_found() => {}
        Err(source) => return Err(CreateError::Store { object: CONFIG_KEY.to_owned(), source }),
    }
    match first_object(store).await {
        Ok(None) => Ok(()),
        Ok(Some(object)) => Err(CreateError::Unfinished { location, object: object.to_string() }),
        Err(error) => Err(CreateError::Reopen(Box::new(error))),
    }
}

async fn put(store: &dyn Store, object: String, bytes: Vec<u8>) -> Result<(), CreateError> {
    let key: Key = object.parse().expect("names of ours are keys");
    let digest = Digest::of(&bytes);
    match store.put_new(&key, Bytes::from(bytes), digest).await {
        Ok(_) => Ok(()),
        Err(error) if error.exists_already() => Err(CreateError::Raced { location: store.location() }),
        Err(source) => Err(CreateError::Store { object, source }),
    }
}

/// All bytes of a new repository, before the first is written.
struct Draft {
    objects: Vec<(String, Vec<u8>)>,
    trust: Vec<u8>,
    config: Vec<u8>,
    writer_key: WriterKey,
}

impl Draft {
    fn new(people: &[Recipient], spec: &CreateSpec, now: Timestamp) -> Result<Self, KeyError> {
        let owner = OwnerKey::generate()?;
        let config = Config::new(owner.public(), hex::encode(keys::random::<16>()?), now, Chunker::default());
        let epoch = EpochIdentity::generate();
        let writer_key = WriterKey::generate(config.id, 1, spec.writer.clone(), spec.domain.clone())?;
        let canary = format!("lifeboat canary 1\nrepository {}\nnonce {}\n", config.id, hex::encode(keys::random::<16>()?));

        let mut sealed = Sealed::default();
        sealed.add(EPOCH_KEY, people, epoch.to_text().as_bytes())?;
        sealed.add(OWNER_KEY, people, owner.to_text().as_bytes())?;
        sealed.add(CANARY_KEY, people, canary.as_bytes())?;
        let listed = sealed.add_writer(&writer_key, &DomainKeys::generate()?, &epoch, now)?;
        sealed.add_plain(SCRIPT_KEY, RECOVER_SCRIPT);
        sealed.add_plain(README_KEY, RECOVER_README);

        let document = Document {
            canary: Canary { object: CANARY_KEY.to_owned(), plaintext: Digest::of(canary.as_bytes()) },
            created: now,
            epochs: vec![Epoch { epoch: 1, object: EPOCH_KEY.to_owned(), recipient: epoch.recipient() }],
            format: FORMAT,
            maintainers: Vec::new(),
            objects: sealed.listed,
            owner: OWNER_KEY.to_owned(),
            owners: vec![owner.public()],
            repository: config.id,
            verifiers: Vec::new(),
            version: 1,
            writers: vec![listed],
        };
        Ok(Self {
            objects: sealed.objects,
            trust: trust::seal(&owner, &document.to_bytes()),
            config: trust::seal(&owner, &config.to_bytes()),
            writer_key,
        })
    }
}

/// Objects about to be written, and what the trust document says of them.
#[derive(Default)]
pub(crate) struct Sealed {
    pub(crate) objects: Vec<(String, Vec<u8>)>,
    pub(crate) listed: Vec<ListedObject>,
}

impl Sealed {
    pub(crate) fn add(&mut self, key: &str, recipients: &[Recipient], plaintext: &[u8]) -> Result<(), KeyError> {
        let bytes = keys::seal(key, recipients, plaintext)?;
        self.push(key, recipients.iter().map(Recipient::to_string).collect(), bytes);
        Ok(())
    }

    fn add_plain(&mut self, key: &str, text: &str) {
        self.push(key, Vec::new(), text.as_bytes().to_vec());
    }

    /// The domain keys for one writer, readable by it and by whoever opens the epoch; and its line in the document.
    pub(crate) fn add_writer(
        &mut self,
        writer: &WriterKey,
        domain_keys: &DomainKeys,
        epoch: &EpochIdentity,
        from: Timestamp,
    ) -> Result<ListedWriter, KeyError> {
        let object = keys::domain_object(writer.domain(), writer.writer());
        let recipients = [Recipient::of(&writer.recipient()), Recipient::of(epoch.recipient().as_age())];
        self.add(&object, &recipients, domain_keys.to_text().as_bytes())?;
        Ok(ListedWriter {
            domain: writer.domain().clone(),
            from,
            key: writer.public(),
            last: None,
            object,
            recipient: writer.recipient().to_string(),
            to: None,
            writer: writer.writer().clone(),
        })
    }

    pub(crate) fn push(&mut self, key: &str, recipients: Vec<String>, bytes: Vec<u8>) {
        self.listed.push(ListedObject { key: key.to_owned(), recipients, sha256: Digest::of(&bytes), size: bytes.len() as u64 });
        self.objects.push((key.to_owned(), bytes));
    }
}

//! Signatures of people and hosts, as OpenSSH makes them (PROTOCOL.sshsig): `ssh-keygen -Y` signs and verifies the same.
//!
//! The evidence pack and reviews use it. A signature is always bound to a namespace, so one made under a review can never
//! pass for one under a pack. Nothing here decides whom to trust: the caller brings the list of allowed signers.

mod allowed;

use std::fmt;

use base::Hint;
use jiff::Timestamp;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use zeroize::Zeroizing;

pub use allowed::{AllowedSigner, AllowedSigners, BadAllowedSigners, is_plain_name, line as allowed_line};

/// The namespace of signatures under a pack's manifest.
pub const EVIDENCE_NAMESPACE: &str = "lifeboat-evidence@1";
/// The namespace of signatures under a review of a plan.
pub const REVIEW_NAMESPACE: &str = "lifeboat-review@1";
/// The longest key file, signature or list of signers that is read, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// A private key that signs. Its secret part is never printed.
#[derive(Clone)]
pub struct SigningKey(PrivateKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.fingerprint()).finish()
    }
}

/// Why a key, signature or signer was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is no OpenSSH private key.
    #[error("this is not an OpenSSH private key")]
    Key(#[source] ssh_key::Error),
    /// The key needs its passphrase.
    #[error("the signing key is protected by a passphrase")]
    Protected,
    /// The passphrase is wrong.
    #[error("the passphrase does not open the signing key")]
    Passphrase(#[source] ssh_key::Error),
    /// A kind of key that cannot be used here.
    #[error("keys of type {algorithm} cannot be used to {doing} here")]
    Kind {
        /// The type: "ssh-rsa".
        algorithm: String,
        /// "sign", "verify".
        doing: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The library refused to sign.
    #[error("cannot sign")]
    Sign(#[source] ssh_key::Error),
    /// The text is no SSH signature.
    #[error("this is not an SSH signature")]
    Armor(#[source] ssh_key::Error),
    /// The signature is armored in another way than OpenSSH does it, or has more around it.
    #[error("the SSH signature is not in the form that OpenSSH writes")]
    NotCanonical,
    /// It was made for something else.
    #[error("the signature was made for \"{found}\", not for \"{wanted}\"")]
    Namespace {
        /// What it was made for.
        found: String,
        /// What it should have been made for.
        wanted: String,
    },
    /// It does not fit these bytes.
    #[error("the signature by {fingerprint} does not fit: what was signed has been changed")]
    Changed {
        /// Fingerprint of the key that the signature names.
        fingerprint: String,
    },
    /// It fits, but nobody on the list has that key.
    #[error("the signature is by {fingerprint}, which is not the key of an allowed signer")]
    Stranger {
        /// Fingerprint of the key.
        fingerprint: String,
    },
    /// The key is on the list, and not for this.
    #[error("{principal} may not sign for \"{namespace}\" at {at}")]
    NotAllowed {
        /// Whose key it is.
        principal: String,
        /// What was signed for.
        namespace: String,
        /// When.
        at: Timestamp,
    },
}

impl Hint for SealError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Key(_) => Some("make one with `lifeboat key new --for evidence` or `ssh-keygen -t ed25519`".to_owned()),
            Self::Protected => Some("sign with `ssh-keygen -Y sign`, which asks for the passphrase, or use a key without one".to_owned()),
            Self::Kind { .. } => Some("use an Ed25519 key: `ssh-keygen -t ed25519`".to_owned()),
            Self::Changed { .. } => Some("get the original again from whoever issued it".to_owned()),
            Self::Stranger { .. } => Some(
                "ask the signer for the fingerprint by another way, and add the key to your allowed signers only if it is the same"
                    .to_owned(),
            ),
            Self::NotAllowed { .. } => Some("see the namespaces and the dates in the list of allowed signers".to_owned()),
            Self::Passphrase(_) | Self::Random(_) | Self::Sign(_) | Self::Armor(_) | Self::NotCanonical | Self::Namespace { .. } => None,
        }
    }
}

impl SigningKey {
    /// Makes an Ed25519 key from the system's random bytes. The comment is public: a host or a mail address.
    pub fn generate(comment: &str) -> Result<Self, SealError> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut()).map_err(SealError::Random)?;
        Self::from_seed(&seed, comment)
    }

    /// The Ed25519 key of a seed. Whoever knows the seed has the key.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Result<Self, SealError> {
        let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
        PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(seed)), comment).map(Self).map_err(SealError::Key)
    }

    /// Reads an OpenSSH private key file. A passphrase is used only where the key has one.
    pub fn parse(text: &str, passphrase: Option<&str>) -> Result<Self, SealError> {
        if text.len() > MAX_TEXT {
            return Err(SealError::Key(ssh_key::Error::FormatEncoding));
        }
        let key = PrivateKey::from_openssh(text.trim_ascii_start()).map_err(SealError::Key)?;
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(SealError::Protected),
            (true, Some(passphrase)) => key.decrypt(passphrase).map_err(SealError::Passphrase)?,
        };
        match key.algorithm() {
            Algorithm::Ed25519 => Ok(Self(key)),
            other => Err(SealError::Kind { algorithm: other.to_string(), doing: "sign" }),
        }
    }

    /// The key file as OpenSSH reads it. It belongs into a file of mode 0600.
    pub fn to_openssh(&self) -> Result<Zeroizing<String>, SealError> {
        self.0.to_openssh(LineEnding::LF).map_err(SealError::Sign)
    }

    /// The public key, as one line without a line feed: "ssh-ed25519 AAAA… comment".
    pub fn public_line(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// "SHA256:…", as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The comment of the key.
    pub fn comment(&self) -> &str {
        self.0.comment()
    }
}

/// A public key's fingerprint, "SHA256:…"; `line` is as in a `.pub` file.
pub fn fingerprint(line: &str) -> Result<String, SealError> {
    PublicKey::from_openssh(line.trim()).map(|key| key.fingerprint(HashAlg::Sha256).to_string()).map_err(SealError::Key)
}

/// Signs `bytes` for `namespace`. Gives the armored signature, ending in a line feed; Ed25519 gives the same each time.
pub fn sign(bytes: &[u8], key: &SigningKey, namespace: &str) -> Result<String, SealError> {
    let mut armored = key.0.sign(namespace, HashAlg::Sha512, bytes).and_then(|sig| sig.to_pem(LineEnding::LF)).map_err(SealError::Sign)?;
    if !armored.ends_with('\n') {
        armored.push('\n');
    }
    Ok(armored)
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name in the list of allowed signers.
    pub principal: String,
    /// "SHA256:…" of the key.
    pub fingerprint: String,
    /// The type of the key: "ssh-ed25519".
    pub algorithm: String,
}

/// Says who signed `bytes` for `namespace`, if one of `allowed` did. `at` is the time that the dates of the list are judged by.
pub fn verify(bytes: &[u8], armored: &str, allowed: &AllowedSigners, namespace: &str, at: Timestamp) -> Result<Signer, SealError> {
    if armored.len() > MAX_TEXT {
        return Err(SealError::Armor(ssh_key::Error::FormatEncoding));
    }
    let signature = SshSig::from_pem(armored).map_err(SealError::Armor)?;
    // Base64 has several texts for the same bytes; only the one that OpenSSH writes is accepted.
    if signature.to_pem(LineEnding::LF).map_err(SealError::Armor)?.trim_ascii_end() != armored.trim_ascii_end()
        || armored.len() > armored.trim_ascii_end().len() + 1
    {
        return Err(SealError::NotCanonical);
    }
    let key = PublicKey::from(signature.public_key().clone());
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let algorithm = key.algorithm().to_string();
    if signature.namespace() != namespace {
        return Err(SealError::Namespace { found: signature.namespace().to_owned(), wanted: namespace.to_owned() });
    }
    key.verify(namespace, bytes, &signature).map_err(|error| match error {
        ssh_key::Error::AlgorithmUnsupported { algorithm } => SealError::Kind { algorithm: algorithm.to_string(), doing: "verify" },
        _ => SealError::Changed { fingerprint: fingerprint.clone() },
    })?;
    let mut known = allowed.iter().filter(|signer| signer.key.key_data() == key.key_data()).peekable();
    let Some(first) = known.peek().copied() else { return Err(SealError::Stranger { fingerprint }) };
    match known.find(|signer| signer.may_sign(namespace, at)) {
        Some(signer) => Ok(Signer { principal: signer.principal.clone(), fingerprint, algorithm }),
        None => Err(SealError::NotAllowed { principal: first.principal.clone(), namespace: namespace.to_owned(), at }),
    }
}

//! Sends a notice as a mail through one SMTP server.
//!
//! TLS from the start (`smtps://`, RFC 8314) or by STARTTLS (`smtp://`, RFC 3207) that is required: a server that does not offer
//! it gets neither the credential nor the notice. Only a server on this host may be spoken to in clear. Certificates are
//! checked against the system's authorities and, where given, the organisation's own.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Channel, ChannelError, ConfigError, Delivered};
use crate::notice::{Notice, plain};

const OTHER_END: &str = "the mail server";
/// The time limit if none is given: SMTP servers may greylist or look things up while the client waits.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a mail channel needs; secrets are resolved already.
#[derive(Debug)]
pub struct SmtpConfig {
    /// `smtps://host[:465]`, `smtp://host[:587]` with STARTTLS, or `smtp://127.0.0.1[:25]` in clear; `?tls=required` asks for
    /// STARTTLS there as well.
    pub url: String,
    /// The sender: "lifeboat@example.org" or "Lifeboat <lifeboat@example.org>".
    pub from: String,
    /// User and password, for servers that want them.
    pub credential: Option<SmtpCredential>,
    /// Certificates (PEM) of an authority of the organisation's own.
    pub ca_pem: Option<Vec<u8>>,
    /// The limit for one delivery.
    pub timeout: Duration,
}

/// User and password of a mail server.
#[derive(Debug)]
pub struct SmtpCredential {
    user: String,
    password: SecretString,
}

impl SmtpCredential {
    /// Reads `{"user": "…", "password": "…"}`, as it stands in the credential file.
    pub fn parse(text: &SecretString) -> Result<Self, ConfigError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            user: String,
            password: String,
        }
        // The parser's error could repeat part of the secret, so that it is not kept as the cause.
        let file: File =
            serde_json::from_str(text.expose_secret()).map_err(|_| ConfigError::Secret { channel: "smtp", what: "credential" })?;
        Ok(Self { user: file.user, password: SecretString::from(file.password) })
    }
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("from", &self.from.email).finish_non_exhaustive()
    }
}

/// What the URL says.
struct Place {
    host: String,
    port: u16,
    tls: Wanted,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    FromTheStart,
    StartTls,
    Clear,
}

impl Smtp {
    /// Checks the configuration; connects to nothing.
    pub fn new(config: SmtpConfig) -> Result<Self, ConfigError> {
        let place = place(&config.url)?;
        let from = config.from.parse().map_err(|error: AddressError| ConfigError::Address {
            channel: "smtp",
            why: format!("the sender {} is not a mail address: {error}", plain(&config.from, 200)),
        })?;
        let tls = match place.tls {
            Wanted::Clear => Tls::None,
            Wanted::FromTheStart => Tls::Wrapper(tls(&place.host, config.ca_pem.as_deref())?),
            Wanted::StartTls => Tls::Required(tls(&place.host, config.ca_pem.as_deref())?),
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(place.host).port(place.port).tls(tls).timeout(Some(config.timeout));
        if let Some(SmtpCredential { user, password }) = config.credential {
            transport = transport.credentials(Credentials::new(user, password.expose_secret().to_owned()));
        }
        Ok(Self { transport: transport.build(), from, timeout: config.timeout })
    }

    fn message(&self, notice: &Notice) -> Result<Message, ChannelError> {
        let unsendable = |what: String| ChannelError::Unsendable { what };
        let to = notice.to.address.as_deref().ok_or_else(|| unsendable("it has no receiver".to_owned()))?;
        let to: Mailbox =
            to.parse().map_err(|error: AddressError| unsendable(format!("\"{}\" is not a mail address: {error}", plain(to, 200))))?;
        let message_id = |id: &crate::condition::NoticeId| format!("<{id}@{}>", self.from.email.domain());
        let mut mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(plain(&notice.subject, crate::notice::MAX_SUBJECT))
            .date(date(notice.at))
            .message_id(Some(message_id(&notice.id)))
            // RFC 3834: vacation responders and ticket robots must not answer.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN);
        if let Some(thread) = &notice.thread {
            mail = mail.in_reply_to(message_id(thread)).references(message_id(thread));
        }
        mail.body(notice.body.clone()).map_err(|error| unsendable(error.to_string()))
    }
}

#[async_trait]
impl Channel for Smtp {
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        let message = self.message(notice)?;
        // The transport's own limit is for each exchange; this one is for all of them.
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Err(_) => Err(ChannelError::TimedOut { other_end: OTHER_END, limit: self.timeout }),
            Ok(Ok(response)) => {
                let said: Vec<&str> = response.message().collect();
                Ok(Delivered { detail: plain(&format!("{} {}", response.code(), said.join(" ")), 200) })
            }
            Ok(Err(error)) if error.is_timeout() => Err(ChannelError::TimedOut { other_end: OTHER_END, limit: self.timeout }),
            Ok(Err(error)) if error.is_permanent() => {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Err(ChannelError::Refused { other_end: OTHER_END, answer: plain(&cause, 300) })
            }
            Ok(Err(error)) => Err(ChannelError::Unavailable { other_end: OTHER_END, source: error.into() }),
        }
    }
}

/// Whole seconds, which is what a Date header holds; an instant before 1970 is its first second.
fn date(at: jiff::Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default())
}

fn tls(host: &str, ca_pem: Option<&[u8]>) -> Result<TlsParameters, ConfigError> {
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(pem) = ca_pem {
        let authority = Certificate::from_pem(pem).map_err(|source| ConfigError::Authority { channel: "smtp", source: source.into() })?;
        tls = tls.add_root_certificate(authority);
    }
    tls.build().map_err(|source| ConfigError::Client { channel: "smtp", source: source.into() })
}

fn place(url: &str) -> Result<Place, ConfigError> {
    let bad = |why: &str| ConfigError::Address { channel: "smtp", why: why.to_owned() };
    let url = Url::parse(url.trim()).map_err(|error| bad(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("user and password belong into the credential, not into the address"));
    }
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(bad("nothing can follow the port"));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("it has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    let tls = match (url.scheme(), url.query(), here) {
        ("smtps", None, _) => Wanted::FromTheStart,
        ("smtp", None, true) => Wanted::Clear,
        ("smtp", None, false) | ("smtp", Some("tls=required"), _) => Wanted::StartTls,
        ("smtp" | "smtps", Some(_), _) => return Err(bad("the only option is ?tls=required")),
        _ => return Err(bad("it is neither smtps:// nor smtp://")),
    };
    let usual = match tls {
        Wanted::FromTheStart => 465,
        Wanted::StartTls => 587,
        Wanted::Clear => 25,
    };
    Ok(Place { host, port: url.port().unwrap_or(usual), tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_leaves_this_host_only_under_tls() {
        for (url, host, port, tls) in [
            ("smtps://mail.example.org", "mail.example.org", 465, Wanted::FromTheStart),
            ("smtps://mail.example.org:4465", "mail.example.org", 4465, Wanted::FromTheStart),
            ("smtp://mail.example.org", "mail.example.org", 587, Wanted::StartTls),
            ("smtp://mail.example.org:25", "mail.example.org", 25, Wanted::StartTls),
            ("smtp://10.0.0.3:25", "10.0.0.3", 25, Wanted::StartTls),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Wanted::Clear),
            ("smtp://localhost", "localhost", 25, Wanted::Clear),
            ("smtp://[::1]:2525", "::1", 2525, Wanted::Clear),
            ("smtp://localhost:2525?tls=required", "localhost", 2525, Wanted::StartTls),
        ] {
            let place = place(url).unwrap();
            assert_eq!((place.host.as_str(), place.port, place.tls), (host, port, tls), "{url}");
        }
    }

    #[test]
    fn addresses_with_secrets_or_without_sense_are_refused() {
        for url in [
            "",
            "mail.example.org",
            "http://mail.example.org",
            "smtp://",
            "smtp://user:pw@mail.example.org",
            "smtp://mail.example.org?tls=none",
            "smtps://mail.example.org/inbox",
        ] {
            assert!(place(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_credential_is_two_texts_and_never_shown() {
        let good = SmtpCredential::parse(&SecretString::from(r#"{"user": "lifeboat", "password": "hunter2"}"#)).unwrap();
        assert_eq!(good.user, "lifeboat");
        assert!(!format!("{good:?}").contains("hunter2"));
        for bad in ["", "hunter2", r#"{"user": "x"}"#, r#"{"user": "x", "password": "hunter2", "more": 1}"#] {
            let error = SmtpCredential::parse(&SecretString::from(bad)).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hunter2"));
        }
    }
}

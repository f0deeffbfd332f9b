//! Posts a notice as a `CloudEvents` message to one HTTPS address, signed as Standard Webhooks asks.
//!
//! It follows no redirect, uses no proxy and reaches no address that [`super::address`] refuses, also when a name resolves
//! to another address later. The address itself may be a secret (Slack's are), so that no error contains it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::address::refusal;
use super::{Channel, ChannelError, ConfigError, Delivered};
use crate::notice::Notice;

const OTHER_END: &str = "the webhook";
/// The time limit if none is given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// What a webhook channel needs; secrets are resolved already.
#[derive(Debug)]
pub struct WebhookConfig {
    /// Where to post. `https://`, or `http://` to an address on this host.
    pub url: SecretString,
    /// The key for the signature: "whsec_" and base64. Without it notices are not signed.
    pub secret: Option<SecretString>,
    /// Whether the receiver may be on this host.
    pub allow_loopback: bool,
    /// Certificates (PEM) of an authority of the organisation's own, trusted beside those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// The limit for one delivery.
    pub timeout: Duration,
}

impl WebhookConfig {
    /// Reads what stands in the plan or in the file that it names: the address alone, or JSON with more,
    /// `{"url": "…", "secret": "whsec_…", "allow_loopback": true}`. So the permission to reach this host stands on this host, not in a
    /// plan that many may edit.
    pub fn parse(text: &SecretString) -> Result<Self, ConfigError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            url: String,
            secret: Option<String>,
            #[serde(default)]
            allow_loopback: bool,
        }
        let trimmed = text.expose_secret().trim();
        let file = if trimmed.starts_with('{') {
            // The parser's error could repeat part of the secret, so that it is not kept as the cause.
            serde_json::from_str(trimmed).map_err(|_| ConfigError::Secret { channel: "webhook", what: "file" })?
        } else {
            File { url: trimmed.to_owned(), secret: None, allow_loopback: false }
        };
        Ok(Self {
            url: file.url.into(),
            secret: file.secret.map(Into::into),
            allow_loopback: file.allow_loopback,
            ca_pem: None,
            timeout: DEFAULT_TIMEOUT,
        })
    }
}

/// A webhook.
#[derive(Debug)]
pub struct Webhook {
    client: reqwest::Client,
    url: SecretString,
    key: Option<Key>,
    timeout: Duration,
}

struct Key(zeroize::Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Webhook {
    /// Checks the configuration; connects to nothing.
    pub fn new(config: WebhookConfig) -> Result<Self, ConfigError> {
        check(config.url.expose_secret(), config.allow_loopback)?;
        let key = config.secret.as_ref().map(key).transpose()?;
        let mut client = reqwest::Client::builder()
            .user_agent(concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy() // a proxy would resolve names itself, past the check of addresses
            .dns_resolver(Arc::new(CheckedDns { allow_loopback: config.allow_loopback }))
            .timeout(config.timeout);
        if let Some(pem) = &config.ca_pem {
            let authority = |source: reqwest::Error| ConfigError::Authority { channel: "webhook", source: source.into() };
            client = client.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(authority)?);
        }
        let client = client.build().map_err(|source| ConfigError::Client { channel: "webhook", source: source.without_url().into() })?;
        Ok(Self { client, url: config.url, key, timeout: config.timeout })
    }
}

#[async_trait]
impl Channel for Webhook {
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        let body = cloud_event(notice).to_string();
        let timestamp = notice.at.as_second().to_string();
        let mut request = self
            .client
            .post(self.url.expose_secret())
            .header("content-type", "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", notice.id.as_str())
            .header("webhook-timestamp", &timestamp);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", signature(key, notice.id.as_str(), &timestamp, &body));
        }
        let response = request.body(body).send().await.map_err(|error| self.failure(error))?;
        judge(response.status())
    }
}

impl Webhook {
    fn failure(&self, error: reqwest::Error) -> ChannelError {
        if error.is_timeout() {
            return ChannelError::TimedOut { other_end: OTHER_END, limit: self.timeout };
        }
        ChannelError::Unavailable { other_end: OTHER_END, source: error.without_url().into() }
    }
}

fn judge(status: StatusCode) -> Result<Delivered, ChannelError> {
    let answer = format!("HTTP {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(Delivered { detail: answer }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(ChannelError::Unavailable { other_end: OTHER_END, source: answer.into() })
        }
        status if status.is_server_error() => Err(ChannelError::Unavailable { other_end: OTHER_END, source: answer.into() }),
        status if status.is_redirection() => {
            Err(ChannelError::Refused { other_end: OTHER_END, answer: format!("{answer}, a redirect, which is not followed") })
        }
        _ => Err(ChannelError::Refused { other_end: OTHER_END, answer }),
    }
}

fn check(url: &str, allow_loopback: bool) -> Result<(), ConfigError> {
    let bad = |why: &str| ConfigError::Address { channel: "webhook", why: why.to_owned() };
    let url = Url::parse(url.trim()).map_err(|error| bad(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| bad("it has no host"))?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    if let Some(address) = literal
        && let Some(why) = refusal(address, allow_loopback)
    {
        return Err(ConfigError::Forbidden { address, why });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it contains a user or password"));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if literal.is_some_and(|address| address.to_canonical().is_loopback()) || (host == "localhost" && allow_loopback) => Ok(()),
        "http" => Err(bad("http:// would send notices in clear over the network")),
        _ => Err(bad("it is not https://")),
    }
}

/// The notice in the JSON format of `CloudEvents` 1.0, structured mode.
fn cloud_event(notice: &Notice) -> serde_json::Value {
    json!({
        "specversion": "1.0",
        "id": notice.id.as_str(),
        "source": format!("lifeboat:plan/{}", notice.plan),
        "type": format!("lifeboat.{}", notice.condition.event),
        "subject": notice.condition.object,
        "time": notice.at.to_string(),
        "datacontenttype": "application/json",
        "data": super::facts(notice),
    })
}

/// Standard Webhooks: base64 of HMAC-SHA-256 over "id.timestamp.body", with its version.
fn signature(key: &Key, id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn key(secret: &SecretString) -> Result<Key, ConfigError> {
    let bad = || ConfigError::Secret { channel: "webhook", what: "secret" };
    let text = secret.expose_secret().trim();
    let bytes = STANDARD.decode(text.strip_prefix("whsec_").ok_or_else(bad)?).map_err(|_| bad())?;
    let bytes = zeroize::Zeroizing::new(bytes);
    if (24..=64).contains(&bytes.len()) { Ok(Key(bytes)) } else { Err(bad()) }
}

/// Resolves names and hands out only addresses that may be reached.
#[derive(Debug)]
struct CheckedDns {
    allow_loopback: bool,
}

/// A name leads only to addresses that are refused.
#[derive(Debug, thiserror::Error)]
#[error("{host} leads to {address}, which is refused: it is {why}")]
struct ForbiddenName {
    host: String,
    address: IpAddr,
    why: &'static str,
}

impl Resolve for CheckedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_loopback = self.allow_loopback;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            // One bad address refuses the name: a mixture is what an attack on the resolver looks like.
            for socket in &found {
                if let Some(why) = refusal(socket.ip(), allow_loopback) {
                    return Err(ForbiddenName { host, address: socket.ip(), why }.into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

//! Channels by what the plan says of them, with their secrets.

use std::path::Path;
use std::sync::Arc;

use alerts::Channel;
use alerts::channel::ConfigError;
use alerts::channel::command::{self, Command, CommandConfig};
use alerts::channel::smtp::{self, Smtp, SmtpConfig, SmtpCredential};
use alerts::channel::webhook::{Webhook, WebhookConfig};
use base::Hint as _;
use base::id::ChannelId;
use orchestrator::{ConnectError, ConnectKind};
use plans::plan::{self, SmtpChannel, WebhookUrl};
use secrecy::SecretString;

use crate::secrets;

/// The channel that the plan describes under `id`.
pub(super) fn make(id: &ChannelId, channel: &plan::Channel) -> Result<Arc<dyn Channel>, ConnectError> {
    let wrong = |error: ConfigError| ConnectError {
        what: format!("the channel {id} cannot be used"),
        hint: error.hint(),
        kind: ConnectKind::Plan,
        source: Some(Box::new(error)),
    };
    match channel {
        plan::Channel::Webhook { url } => {
            let text = match url {
                WebhookUrl::Plain(url) => url.clone(),
                WebhookUrl::Secret(reference) => secrets::resolve(reference)?,
            };
            let config = WebhookConfig::parse(&SecretString::from(text)).map_err(wrong)?;
            Ok(Arc::new(Webhook::new(config).map_err(wrong)?))
        }
        plan::Channel::Command { run } => {
            let config = CommandConfig { run: run.clone(), timeout: command::DEFAULT_TIMEOUT };
            Ok(Arc::new(Command::new(config).map_err(wrong)?))
        }
        plan::Channel::EventsV2 { .. } | plan::Channel::Tickets(_) => Err(ConnectError {
            what: format!("the channel {id} is of a kind that this version does not send to"),
            hint: Some("use a webhook, a command or mail".to_owned()),
            kind: ConnectKind::Plan,
            source: None,
        }),
        plan::Channel::Smtp(smtp) => Ok(Arc::new(Smtp::new(smtp_config(smtp, wrong)?).map_err(wrong)?)),
    }
}

fn smtp_config(smtp: &SmtpChannel, wrong: impl Fn(ConfigError) -> ConnectError) -> Result<SmtpConfig, ConnectError> {
    let credential = match &smtp.credential {
        None => None,
        Some(reference) => Some(SmtpCredential::parse(&SecretString::from(secrets::resolve(reference)?)).map_err(wrong)?),
    };
    let ca_pem = smtp.ca.as_deref().map(read_ca).transpose()?;
    Ok(SmtpConfig { url: smtp.url.clone(), from: smtp.from.clone(), credential, ca_pem, timeout: smtp::DEFAULT_TIMEOUT })
}

fn read_ca(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| ConnectError {
        what: format!("the certificate authority {} cannot be read", path.display()),
        hint: Some("check its name, and that this user may read it".to_owned()),
        kind: ConnectKind::Plan,
        source: Some(Box::new(error)),
    })
}

//! Refuses values that look like secrets. A plan lives in git, so that a secret in it is lost already.

use super::node::{Kind, Node};
use crate::fault::Collector;
use crate::rules::language as rules;

/// Keys that elsewhere hold secrets. With a reference behind them they would be an unknown key, with text they are worse.
const SECRET_KEYS: [&str; 9] =
    ["password", "passphrase", "secret", "secret_key", "secret_access_key", "private_key", "api_key", "access_token", "auth_token"];

/// Walks the whole tree, also what the language does not know.
pub(crate) fn refuse(node: &Node, faults: &mut Collector) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if let Some(kind) = secret_in(text) {
                accuse(node, kind, faults);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| refuse(item, faults)),
        Kind::Map(entries) => {
            for entry in entries {
                let name = entry.key.to_ascii_lowercase().replace('-', "_");
                if SECRET_KEYS.contains(&name.as_str()) && entry.value.text().is_some() {
                    accuse(&entry.value, "a password", faults);
                } else {
                    refuse(&entry.value, faults);
                }
            }
        }
    }
}

fn accuse(node: &Node, kind: &str, faults: &mut Collector) {
    let fault = faults.add(&rules::SECRET, &node.at, format!("{kind} stands in the plan"));
    fault.why = Some("a plan is kept in git and shown to many; whoever reads it has the secret".to_owned());
    fault.hint =
        Some("replace the secret, keep the new one outside and refer to it: {file: /path}, {env: NAME} or {credential: name}".to_owned());
}

fn secret_in(text: &str) -> Option<&'static str> {
    if text.contains("AGE-SECRET-KEY-") || text.contains("AGE-PLUGIN-") {
        return Some("an age secret key");
    }
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    if has_aws_key_id(text) {
        return Some("an AWS access key");
    }
    if ["ghp_", "github_pat_", "xoxb-", "xoxp-", "glpat-", "lbt_"].iter().any(|prefix| text.starts_with(prefix)) {
        return Some("an access token");
    }
    if ["https://hooks.slack.com/services/", "https://discord.com/api/webhooks/"].iter().any(|prefix| text.starts_with(prefix)) {
        return Some("a webhook with its token");
    }
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').filter(|(_, password)| !password.is_empty()).map(|_| "a password inside a URL")
}

/// AKIA or ASIA and 16 capitals or digits, as a word of its own.
fn has_aws_key_id(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_plain_words() {
        for secret in [
            "AGE-SECRET-KEY-1QGN8K3",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
            "AKIAIOSFODNN7EXAMPLE",
            "key AKIAIOSFODNN7EXAMPLE here",
            "smtps://user:pass@mail.example:465",
            "https://:token@host/",
            "ghp_abcdef",
            "https://hooks.slack.com/services/T0/B0/x",
        ] {
            assert!(secret_in(secret).is_some(), "{secret}");
        }
        for plain in [
            "https://host/a:b@c",
            "smtps://mail.example:465",
            "s3://user@bucket/x",
            "AKIA",
            "age1abc",
            "10:30@home",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(secret_in(plain).is_none(), "{plain}");
        }
    }
}

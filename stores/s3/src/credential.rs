//! Reads a credential file. Nothing of its contents gets into errors or logs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;

use crate::config::{ConnectError, StaticKey};

/// A credential file is a few lines; whatever is longer is another file.
const MAX_FILE_BYTES: u64 = 64 << 10;

#[derive(Deserialize)]
struct Json {
    #[serde(alias = "AccessKeyId")]
    access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    secret_access_key: String,
    #[serde(default, alias = "SessionToken")]
    session_token: Option<String>,
}

pub(crate) fn read(path: &Path) -> Result<StaticKey, ConnectError> {
    let text = read_text(path, MAX_FILE_BYTES).map_err(|source| ConnectError::ReadCredential { path: path.to_owned(), source })?;
    parse(&text).ok_or_else(|| ConnectError::NoCredential { path: path.to_owned() })
}

/// The text of a small file.
pub(crate) fn read_text(path: &Path, max_bytes: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(max_bytes + 1).read_to_string(&mut text)?;
    if text.len() as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {max_bytes} bytes")));
    }
    Ok(text)
}

fn parse(text: &str) -> Option<StaticKey> {
    let key = if text.trim_start().starts_with('{') {
        let json: Json = serde_json::from_str(text).ok()?;
        StaticKey { access_key_id: json.access_key_id, secret_access_key: json.secret_access_key, session_token: json.session_token }
    } else {
        parse_lines(text)?
    };
    let whole = !key.access_key_id.is_empty() && !key.secret_access_key.is_empty();
    whole.then_some(key)
}

/// The first profile of an AWS credentials file, or lines without a profile.
fn parse_lines(text: &str) -> Option<StaticKey> {
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') && (id.is_some() || secret.is_some()) {
            break;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = Some(value.trim().to_owned());
        match name.trim() {
            "aws_access_key_id" => id = value,
            "aws_secret_access_key" => secret = value,
            "aws_session_token" => token = value,
            _ => {}
        }
    }
    Some(StaticKey { access_key_id: id?, secret_access_key: secret?, session_token: token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_json_and_from_lines() {
        for text in [
            r#"{"access_key_id": "AK", "secret_access_key": "s=3/+", "session_token": "t"}"#,
            "aws_access_key_id = AK\naws_secret_access_key=s=3/+\naws_session_token = t\n",
            "# comment\n[default]\nregion = x\naws_access_key_id=AK\naws_secret_access_key = s=3/+\naws_session_token=t\n[other]\naws_access_key_id=B\n",
        ] {
            let key = parse(text).unwrap();
            assert_eq!((key.access_key_id.as_str(), key.secret_access_key.as_str()), ("AK", "s=3/+"), "{text}");
            assert_eq!(key.session_token.as_deref(), Some("t"));
        }
        for bad in ["", "{}", "{", "AK:secret", "aws_access_key_id = AK", r#"{"access_key_id": "", "secret_access_key": "x"}"#] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let key = parse(r#"{"access_key_id": "AK", "secret_access_key": "hidden", "session_token": "hidden"}"#).unwrap();
        assert!(!format!("{:?}", crate::Credential::Static(key)).contains("hidden"));
    }

    #[test]
    fn a_file_without_a_key_is_an_error_that_names_the_file_and_not_its_contents() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hidden").unwrap();
        let error = read(file.path()).unwrap_err();
        assert!(matches!(error, ConnectError::NoCredential { .. }));
        assert!(!format!("{error} {error:?}").contains("hidden"));
        std::fs::write(file.path(), "x".repeat(70_000)).unwrap();
        assert!(matches!(read(file.path()), Err(ConnectError::ReadCredential { .. })));
        assert!(matches!(read(Path::new("/nowhere/key")), Err(ConnectError::ReadCredential { .. })));
    }
}

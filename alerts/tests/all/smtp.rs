//! Mail through a real server: what arrives, under which protection, and what is said when it does not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alerts::channel::smtp::{Smtp, SmtpConfig, SmtpCredential};
use alerts::{Channel, ChannelError, Kind};
use base::Hint as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::SecretString;

use super::mail_server::MailServer;
use super::{destination, notice, whole};

const TIMEOUT: Duration = Duration::from_secs(20);

fn config(url: String) -> SmtpConfig {
    SmtpConfig { url, from: "Lifeboat <lifeboat@helix.example>".to_owned(), credential: None, ca_pem: None, timeout: TIMEOUT }
}

fn credential(user: &str, password: &str) -> SmtpCredential {
    SmtpCredential::parse(&SecretString::from(serde_json::json!({"user": user, "password": password}).to_string())).unwrap()
}

/// An authority and a certificate for localhost that it signed, in files.
struct Certificates {
    folder: tempfile::TempDir,
    authority: Vec<u8>,
}

impl Certificates {
    fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), server.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder, authority: authority.pem().into_bytes() }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    fn start(&self, more: &[&str]) -> MailServer {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let mut arguments = vec!["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        arguments.extend(more);
        MailServer::start(&arguments)
    }
}

#[tokio::test]
async fn a_notice_arrives_as_a_mail_that_says_what_to_do() {
    let mut server = MailServer::start(&[]);
    let smtp = Smtp::new(config(format!("smtp://127.0.0.1:{}", server.port))).unwrap();
    let sent = notice(Kind::First, destination("email", Some("d.petrova@helix.example")));
    let delivered = smtp.send(&sent).await.unwrap();
    assert!(delivered.detail.starts_with("250 "), "{}", delivered.detail);

    let mail = server.mail();
    assert_eq!(mail["sender"], "lifeboat@helix.example");
    assert_eq!(mail["receivers"], serde_json::json!(["d.petrova@helix.example"]));
    let content = mail["content"].as_str().unwrap();
    for line in [
        "From: Lifeboat <lifeboat@helix.example>",
        "To: d.petrova@helix.example",
        "Subject: [lifeboat] ALERT backup overdue: web in vault-local",
        "Date: Tue, 24 Nov 2026 06:00:00 +0000",
        "Auto-Submitted: auto-generated",
        &format!("Message-ID: <{}@helix.example>", sent.id),
        "Do     lifeboat backup web",
    ] {
        assert!(content.lines().any(|found| found == line), "no line {line:?} in {content}");
    }
}

#[tokio::test]
async fn mails_of_one_episode_make_a_thread() {
    let mut server = MailServer::start(&[]);
    let smtp = Smtp::new(config(format!("smtp://localhost:{}", server.port))).unwrap();
    let sent = notice(Kind::Recovery, destination("email", Some("d.petrova@helix.example")));
    smtp.send(&sent).await.unwrap();
    let mail = server.mail();
    let expected = format!("In-Reply-To: <{}@helix.example>", sent.thread.unwrap());
    assert!(mail["content"].as_str().unwrap().lines().any(|line| line == expected), "{mail}");
}

#[tokio::test]
async fn starttls_and_authentication_against_an_authority_of_ones_own() {
    let certificates = Certificates::new();
    let mut server = certificates.start(&["--user", "lifeboat", "--password", "hunter2"]);
    let url = format!("smtp://localhost:{}?tls=required", server.port);
    let smtp = Smtp::new(SmtpConfig {
        ca_pem: Some(certificates.authority.clone()),
        credential: Some(credential("lifeboat", "hunter2")),
        ..config(url)
    })
    .unwrap();
    smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap();
    let mail = server.mail();
    assert_eq!((&mail["tls"], &mail["user"]), (&serde_json::json!(true), &serde_json::json!("lifeboat")));
}

#[tokio::test]
async fn tls_from_the_start() {
    let certificates = Certificates::new();
    let mut server = certificates.start(&["--smtps", "--user", "lifeboat", "--password", "hunter2"]);
    let smtp = Smtp::new(SmtpConfig {
        ca_pem: Some(certificates.authority.clone()),
        credential: Some(credential("lifeboat", "hunter2")),
        ..config(format!("smtps://localhost:{}", server.port))
    })
    .unwrap();
    smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap();
    assert_eq!(server.mail()["user"], "lifeboat");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_gets_neither_credential_nor_mail() {
    let certificates = Certificates::new();
    let server = certificates.start(&["--user", "lifeboat", "--password", "hunter2"]);
    let url = format!("smtp://localhost:{}?tls=required", server.port);
    let smtp = Smtp::new(SmtpConfig { credential: Some(credential("lifeboat", "hunter2")), ..config(url) }).unwrap();
    let error = smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap_err();
    assert!(matches!(error, ChannelError::Unavailable { .. }), "{error:?}");
    assert!(whole(&error).contains("certificate"), "{}", whole(&error));
    assert_eq!(server.rest(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail_where_tls_is_required() {
    let server = MailServer::start(&[]);
    let smtp = Smtp::new(config(format!("smtp://localhost:{}?tls=required", server.port))).unwrap();
    smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap_err();
    assert_eq!(server.rest(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal_that_does_not_repeat_it() {
    let certificates = Certificates::new();
    let server = certificates.start(&["--smtps", "--user", "lifeboat", "--password", "hunter2"]);
    let smtp = Smtp::new(SmtpConfig {
        ca_pem: Some(certificates.authority.clone()),
        credential: Some(credential("lifeboat", "letmein")),
        ..config(format!("smtps://localhost:{}", server.port))
    })
    .unwrap();
    let error = smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap_err();
    assert!(matches!(error, ChannelError::Refused { .. }), "{error:?}");
    assert!(!format!("{error:?} {}", whole(&error)).contains("letmein"));
    assert!(error.hint().unwrap().contains("credential"));
}

#[tokio::test]
async fn a_mail_that_is_deferred_may_arrive_later_and_one_that_is_refused_will_not() {
    for (answer, transient) in [("451 4.3.0 try again later", true), ("550 5.1.1 no such user", false)] {
        let server = MailServer::start(&["--answer", answer]);
        let smtp = Smtp::new(config(format!("smtp://127.0.0.1:{}", server.port))).unwrap();
        let error = smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error:?}");
        assert!(whole(&error).contains(&answer[4..9]), "{}", whole(&error));
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_at_the_limit() {
    let server = MailServer::start(&["--mute"]);
    let limit = Duration::from_millis(300);
    let smtp = Smtp::new(SmtpConfig { timeout: limit, ..config(format!("smtp://127.0.0.1:{}", server.port)) }).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test measures real time")]
    let started = Instant::now();
    let error = smtp.send(&notice(Kind::First, destination("email", Some("ops@helix.example")))).await.unwrap_err();
    assert!(matches!(error, ChannelError::TimedOut { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_address_cannot_smuggle_in_another_receiver_or_header() {
    let server = MailServer::start(&[]);
    let smtp = Smtp::new(config(format!("smtp://127.0.0.1:{}", server.port))).unwrap();
    for address in ["ops@helix.example\r\nBcc: all@evil.example", "ops@helix.example>\r\nRCPT TO:<all@evil.example", "not an address", ""] {
        let error = smtp.send(&notice(Kind::First, destination("email", Some(address)))).await.unwrap_err();
        assert!(matches!(error, ChannelError::Unsendable { .. }), "{error:?}");
    }
    let mut hostile = notice(Kind::First, destination("email", Some("ops@helix.example")));
    hostile.subject = "fine\r\nBcc: all@evil.example\r\n\r\nbody".to_owned();
    smtp.send(&hostile).await.unwrap();
    let mails = server.rest();
    let content = mails[0]["content"].as_str().unwrap();
    assert_eq!(mails.len(), 1);
    assert!(content.lines().take_while(|line| !line.is_empty()).all(|line| !line.starts_with("Bcc")), "{content}");
    assert!(content.contains("Subject: fine Bcc: all@evil.example body"), "{content}");
}

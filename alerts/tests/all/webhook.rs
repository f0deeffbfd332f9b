//! A webhook against a real HTTP server: what is posted, how it is signed, where it never goes.

use std::time::Duration;

use alerts::channel::ConfigError;
use alerts::channel::webhook::{Webhook, WebhookConfig};
use alerts::{Channel, ChannelError, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{destination, notice, whole};

const KEY: [u8; 24] = *b"twenty-four bytes of key";

fn config(url: &str) -> WebhookConfig {
    WebhookConfig { url: SecretString::from(url), secret: None, allow_loopback: true, ca_pem: None, timeout: Duration::from_secs(5) }
}

async fn answering(status: u16) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/hook")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

#[tokio::test]
async fn a_notice_is_posted_as_a_signed_cloud_event() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hook"))
        .and(header("content-type", "application/cloudevents+json; charset=utf-8"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let secret = SecretString::from(format!("whsec_{}", STANDARD.encode(KEY)));
    let webhook = Webhook::new(WebhookConfig { secret: Some(secret), ..config(&format!("{}/hook", server.uri())) }).unwrap();
    let sent = notice(Kind::First, destination("ops", None));
    assert_eq!(webhook.send(&sent).await.unwrap().detail, "HTTP 202");

    let request = server.received_requests().await.unwrap().remove(0);
    let read = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(read("webhook-id"), sent.id.as_str());
    assert_eq!(read("webhook-timestamp"), sent.at.as_second().to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    mac.update(format!("{}.{}.", read("webhook-id"), read("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    assert_eq!(read("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));

    let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "lifeboat.backup.overdue");
    assert_eq!(event["source"], "lifeboat:plan/helix-lab");
    assert_eq!(event["subject"], "web in vault-local");
    assert_eq!(event["time"], "2026-11-24T06:00:00Z");
    assert_eq!(event["data"]["kind"], "first");
    assert_eq!(event["data"]["remedy"], "lifeboat backup web");
}

#[tokio::test]
async fn without_a_secret_nothing_pretends_to_be_signed() {
    let server = answering(200).await;
    Webhook::new(config(&format!("{}/hook", server.uri()))).unwrap().send(&notice(Kind::First, destination("ops", None))).await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert!(!request.headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn an_overloaded_receiver_may_take_it_later_and_a_refusing_one_will_not() {
    for (status, transient) in [(500, true), (503, true), (429, true), (408, true), (400, false), (401, false), (404, false), (410, false)]
    {
        let server = answering(status).await;
        let webhook = Webhook::new(config(&format!("{}/hook", server.uri()))).unwrap();
        let error = webhook.send(&notice(Kind::First, destination("ops", None))).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{status}: {error:?}");
        assert!(whole(&error).contains(&status.to_string()), "{}", whole(&error));
    }
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let elsewhere = answering(200).await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{}/hook", elsewhere.uri()));
    Mock::given(method("POST")).respond_with(redirect).mount(&server).await;
    let webhook = Webhook::new(config(&format!("{}/hook", server.uri()))).unwrap();
    let error = webhook.send(&notice(Kind::First, destination("ops", None))).await.unwrap_err();
    assert!(matches!(&error, ChannelError::Refused { .. }), "{error:?}");
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_slow_receiver_is_given_up_at_the_limit() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).mount(&server).await;
    let webhook = Webhook::new(WebhookConfig { timeout: Duration::from_millis(200), ..config(&format!("{}/hook", server.uri())) }).unwrap();
    let error = webhook.send(&notice(Kind::First, destination("ops", None))).await.unwrap_err();
    assert!(matches!(error, ChannelError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn the_address_is_in_no_error_because_it_may_be_a_secret() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // closed again: nobody listens
    let webhook = Webhook::new(config(&format!("http://127.0.0.1:{port}/services/T0SECRET"))).unwrap();
    let error = webhook.send(&notice(Kind::First, destination("ops", None))).await.unwrap_err();
    assert!(matches!(error, ChannelError::Unavailable { .. }), "{error:?}");
    assert!(!format!("{webhook:?} {error:?} {}", whole(&error)).contains("T0SECRET"));
}

#[tokio::test]
async fn a_name_that_leads_to_this_host_is_refused_when_it_is_resolved() {
    let webhook = Webhook::new(WebhookConfig { allow_loopback: false, ..config("https://localhost/hook") }).unwrap();
    let error = webhook.send(&notice(Kind::First, destination("ops", None))).await.unwrap_err();
    assert!(whole(&error).contains("this host itself"), "{}", whole(&error));
}

#[test]
fn forbidden_places_and_unsafe_addresses_are_refused_before_anything_is_sent() {
    let strict = |url: &str| Webhook::new(WebhookConfig { allow_loopback: false, ..config(url) });
    for url in [
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://2130706433/hook",
        "https://0x7f.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/",
    ] {
        assert!(matches!(strict(url), Err(ConfigError::Forbidden { .. })), "{url}");
    }
    for url in
        ["", "hook", "ftp://hooks.example.org", "http://hooks.example.org/", "https://user:pw@hooks.example.org/", "http://10.0.0.1/"]
    {
        assert!(matches!(strict(url), Err(ConfigError::Address { .. })), "{url}");
    }
    for url in ["https://169.254.169.254/", "http://[fe80::1]/"] {
        assert!(matches!(Webhook::new(config(url)), Err(ConfigError::Forbidden { .. })), "{url} with loopback allowed");
    }
    assert!(strict("https://hooks.example.org/T000/B000").is_ok());
}

#[test]
fn a_secret_that_is_not_one_is_refused_without_being_shown() {
    for secret in ["hunter2hunter2hunter2hunter2", "whsec_hunter2!", "whsec_aHVudGVyMg=="] {
        let error = Webhook::new(WebhookConfig { secret: Some(SecretString::from(secret)), ..config("http://127.0.0.1:1/") }).unwrap_err();
        assert!(matches!(error, ConfigError::Secret { .. }), "{error:?}");
        assert!(!format!("{error:?}{}", whole(&error)).contains("hunter2"));
    }
}

#[test]
fn a_file_holds_the_address_alone_or_json_with_the_secret_and_the_permission() {
    let plain = WebhookConfig::parse(&SecretString::from("https://hooks.example.org/T000\n")).unwrap();
    assert_eq!((plain.url.expose_secret(), plain.secret.is_some(), plain.allow_loopback), ("https://hooks.example.org/T000", false, false));
    let json = r#"{"url": "http://127.0.0.1:9000/hook", "secret": "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V5", "allow_loopback": true}"#;
    let full = WebhookConfig::parse(&SecretString::from(json)).unwrap();
    assert!(full.allow_loopback && full.secret.is_some());
    assert!(Webhook::new(full).is_ok());
    for bad in [r#"{"url": "https://x.example", "sekret": "hunter2"}"#, r#"{"secret": "hunter2"}"#, "{"] {
        let error = WebhookConfig::parse(&SecretString::from(bad)).unwrap_err();
        assert!(!format!("{error:?}{}", whole(&error)).contains("hunter2"));
    }
}

//! Builds the SDK's client: credential, region, endpoint, TLS, and no retries, since those live in `stores::retry`.

use std::path::Path;

use aws_config::Region;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::{ConnectError, Credential, S3Config, StaticKey};
use crate::credential;

/// Where requests go when nobody names a region: every server accepts a signature for it, or says which one it wants.
const FALLBACK_REGION: &str = "us-east-1";
/// The bundle of all public authorities is a quarter of it.
const MAX_CA_BYTES: u64 = 1 << 20;

pub(crate) async fn client(config: &S3Config) -> Result<Client, ConnectError> {
    if let Some(endpoint) = &config.endpoint
        && !is_address(endpoint)
    {
        return Err(ConnectError::Endpoint { endpoint: endpoint.clone() });
    }
    let http = http_client(config.ca.as_deref())?;
    let region = config.region.clone().map(Region::new);
    let builder = match &config.credential {
        Credential::File(path) => with_key(credential::read(path)?, region),
        Credential::Static(key) => with_key(key.clone(), region),
        Credential::Chain => {
            let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.clone()).region(
                aws_config::meta::region::RegionProviderChain::first_try(region)
                    .or_default_provider()
                    .or_else(Region::from_static(FALLBACK_REGION)),
            );
            let found = loader.load().await;
            Builder::from(&found)
        }
    };
    let builder = builder
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .force_path_style(config.path_style)
        .retry_config(RetryConfig::disabled())
        // The SDK's read timeout includes the time to send a body, and each value of it gets a connection pool of its own:
        // `store` keeps the time of answers and bodies instead.
        .timeout_config(TimeoutConfig::builder().connect_timeout(config.patience.connect).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // We name the SHA-256 of each body ourselves. Any other checksum is one that servers but Amazon's often refuse.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let builder = match &config.endpoint {
        Some(endpoint) => builder.endpoint_url(endpoint),
        None => builder,
    };
    Ok(Client::from_conf(builder.build()))
}

fn with_key(key: StaticKey, region: Option<Region>) -> Builder {
    let credentials = Credentials::new(key.access_key_id, key.secret_access_key, key.session_token, None, "lifeboat");
    aws_sdk_s3::Config::builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(region.unwrap_or(Region::from_static(FALLBACK_REGION)))
}

fn is_address(endpoint: &str) -> bool {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@'))
}

fn http_client(ca: Option<&Path>) -> Result<SharedHttpClient, ConnectError> {
    let trusted = match ca {
        Some(path) => TrustStore::default().with_pem_certificate(checked_certificates(path)?),
        None => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| ConnectError::Tls { source: error.into() })?;
    let builder = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    Ok(builder.tls_context(context).build_https())
}

/// The text of a file of certificates. The SDK panics at the first request where one of them is not a certificate.
fn checked_certificates(path: &Path) -> Result<Vec<u8>, ConnectError> {
    let text = credential::read_text(path, MAX_CA_BYTES).map_err(|source| ConnectError::ReadCa { path: path.to_owned(), source })?;
    let bad = || ConnectError::BadCa { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        roots.add(certificate.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() { Err(bad()) } else { Ok(text.into_bytes()) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use stores::{Store as _, StoreError};

    use super::*;
    use crate::S3Store;

    /// A server with a certificate of its own that has one object; the port, and the certificate in PEM.
    fn private_server() -> (u16, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
                // A client that refuses the certificate goes away in the middle.
                if tls.read(&mut [0; 4096]).is_ok() {
                    let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody");
                    tls.conn.send_close_notify();
                    let _ = tls.flush();
                }
            }
        });
        (port, made.cert.pem())
    }

    #[tokio::test]
    async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
        let (port, pem) = private_server();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let key = StaticKey { access_key_id: "a".to_owned(), secret_access_key: "b".to_owned(), session_token: None };
        let endpoint = Some(format!("https://localhost:{port}"));
        let stranger = S3Config { endpoint, path_style: true, credential: Credential::Static(key), ..S3Config::new("b") };
        let trusted = S3Config { ca: Some(file.path().to_owned()), ..stranger.clone() };
        let object = "a".parse().unwrap();
        let body = S3Store::connect(trusted).await.unwrap().get(&object).await.unwrap();
        assert_eq!(body, "body");
        let error = S3Store::connect(stranger).await.unwrap().get(&object).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(matches!(error, StoreError::Other { .. }) && !error.is_transient(), "{error:?}");
        assert!(cause.contains("certificate"), "{cause}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_certificate_is_refused_before_the_first_request() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = S3Config { ca: Some(file.path().to_owned()), ..S3Config::new("b") };
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(file.path(), text).unwrap();
            let error = client(&config).await.unwrap_err();
            assert!(matches!(error, ConnectError::BadCa { .. }), "{text}: {error:?}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_is_an_address_with_a_scheme_and_without_a_secret() {
        for bad in ["s3.example.org", "ftp://x", "https://", "https:///x", "https://key:secret@host", "http://a b"] {
            let config = S3Config { endpoint: Some(bad.to_owned()), ..S3Config::new("b") };
            assert!(matches!(client(&config).await, Err(ConnectError::Endpoint { .. })), "{bad}");
        }
    }
}

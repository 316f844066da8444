//! TLS: who the other side must prove to be.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::anybody::Anybody;
use super::error::{HttpError, HttpErrorKind};
use crate::transport::Stream;

/// Where systems keep the certificates of the authorities that everybody trusts.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Who the other side must prove to be.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Plain HTTP.
    Plain,
    /// Whoever it is: for a node that is reached through its own host, where its certificate may be any.
    Unverified {
        /// The name that is asked for.
        name: String,
    },
    /// The owner of a certificate for this name.
    Verified {
        /// The name, wherever the connection leads.
        name: String,
        /// Whom to believe.
        roots: Roots,
    },
}

/// Whom to believe.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The authorities that this machine trusts.
    System,
    /// These certificates: the server's own one, or those that it leads to.
    Own(Arc<Vec<CertificateDer<'static>>>),
}

/// The certificates of a PEM text.
///
/// # Errors
/// When there is none, or one is not whole.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err("it holds no certificate in PEM form".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("it holds a broken certificate: {error}")),
    }
}

/// The stream, with TLS over it where that is asked for.
pub(super) async fn wrap(stream: Stream, tls: &Tls) -> Result<Stream, HttpError> {
    let provider = Arc::new(ring::default_provider());
    let (name, verifier): (&str, Arc<dyn ServerCertVerifier>) = match tls {
        Tls::Plain => return Ok(stream),
        Tls::Unverified { name } => (name, Arc::new(Anybody::new(provider.clone()))),
        Tls::Verified { name, roots } => (name, Arc::new(Known::new(roots, &provider)?)),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(&error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| setup(&format!("`{name}` is no name that a certificate could have")))?;
    match TlsConnector::from(Arc::new(config)).connect(server, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(broken(name, &error)),
    }
}

/// The authorities that this machine trusts, read once.
fn system() -> &'static RootCertStore {
    static STORE: OnceLock<RootCertStore> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let found = SYSTEM.iter().map(Path::new).find_map(|path| std::fs::read(path).ok());
        store.add_parsable_certificates(found.and_then(|pem| certificates(&pem).ok()).unwrap_or_default());
        store
    })
}

fn setup(cause: &str) -> HttpError {
    HttpError::new(HttpErrorKind::Tls, "tls-setup", format!("TLS can't be set up: {cause}"))
}

/// Believes the owner of a certificate that is itself known, or that leads to a known one.
#[derive(Debug)]
struct Known {
    chains: Arc<WebPkiServerVerifier>,
    own: Arc<Vec<CertificateDer<'static>>>,
}

impl Known {
    fn new(roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Self, HttpError> {
        let mut store = RootCertStore::empty();
        let own = match roots {
            Roots::Own(own) => {
                store.add_parsable_certificates(own.iter().cloned());
                own.clone()
            }
            Roots::System => {
                store.extend(system().roots.iter().cloned());
                Arc::default()
            }
        };
        if store.is_empty() && own.is_empty() {
            return Err(setup("this machine has no list of trusted authorities")
                .hint("install ca-certificates, or name the certificate in the inventory"));
        }
        if store.is_empty() {
            return Err(version_one());
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        let chains = chains.map_err(|error| setup(&error.to_string()))?;
        Ok(Self { chains, own })
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.chains.verify_server_cert(leaf, between, name, ocsp, now) {
            // What `openssl req -x509` makes says that it is an authority, so no chain may end with it. When it is the very
            // one that was named, no chain is needed. Its dates were looked at before this was found.
            Err(error) if is_authority(&error) && self.own.iter().any(|own| own == leaf) => {
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// The words of a kind of error that has no type of its own here.
fn is_authority(error: &Error) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

fn version_one() -> HttpError {
    HttpError::new(HttpErrorKind::Tls, "tls-certificate", "the certificate is of X.509 version 1, which nobody accepts")
        .hint("make a new one with a subjectAltName, which gives it version 3")
}

fn broken(name: &str, error: &std::io::Error) -> HttpError {
    let below = error.get_ref().and_then(|below| below.downcast_ref::<Error>());
    let refused = |cause: String, hint: &str| HttpError::new(HttpErrorKind::Tls, "tls-certificate", cause).hint(hint);
    match below {
        Some(Error::InvalidCertificate(why)) if format!("{why:?}").contains("UnsupportedCertVersion") => version_one(),
        Some(Error::InvalidCertificate(why)) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => refused(
                format!("the certificate is not for {name}"),
                "put the public name into the certificate's subjectAltName; browsers look at nothing else",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                refused(format!("the certificate of {name} has expired"), "put a new one in its place")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                refused(format!("the certificate of {name} is not valid yet"), "is this machine's clock right?")
            }
            CertificateError::UnknownIssuer => refused(
                format!("the certificate of {name} comes from nobody whom this machine trusts"),
                "does the server send the whole chain? A certificate of your own is named in the inventory",
            ),
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => refused(
                format!("the certificate of {name} is its own authority, and not the one that was named"),
                "name the very certificate that the server shows in the inventory, or have it signed by an authority",
            ),
            other => {
                refused(format!("the certificate of {name} can't be accepted: {other}"), "put another in its place")
            }
        },
        Some(other) => {
            HttpError::new(HttpErrorKind::Tls, "tls-failed", format!("the TLS handshake with {name} failed: {other}"))
                .hint("is this the HTTPS port? Another program may listen there")
        }
        None => HttpError::new(
            HttpErrorKind::Tls,
            "tls-failed",
            format!("the TLS handshake with {name} broke off: {error}"),
        )
        .hint("is this the HTTPS port, and does the server still run?"),
    }
}

//! Certificates and encrypted connections of the lab. Nobody trusts them, as nobody trusts those of a fresh product.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::LabError;
use crate::transport::http::Anybody;

/// A certificate for some names and its key, as PEM.
pub(super) fn certificate(names: &[&str]) -> Result<(String, String), LabError> {
    let wrong = |error: rcgen::Error| LabError::new(format!("a certificate: {error}"));
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).map_err(wrong)?;
    Ok((cert.pem(), signing_key.serialize_pem()))
}

fn wrong(error: &dyn std::fmt::Display) -> LabError {
    LabError::new(format!("the certificate or its key: {error}"))
}

fn chain(text: &str) -> Result<Vec<CertificateDer<'static>>, LabError> {
    CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| wrong(&error))
}

/// Accepts encrypted connections with this certificate.
///
/// # Errors
/// When the texts are not a certificate and its key.
pub(super) fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, LabError> {
    acceptor_by_name(vec![(Vec::new(), certificate.to_owned(), key.to_owned())])
}

/// Accepts encrypted connections with the certificate of the name that is asked for, or with the first one.
///
/// # Errors
/// When the texts are not certificates and their keys.
pub(super) fn acceptor_by_name(sites: Vec<(Vec<String>, String, String)>) -> Result<TlsAcceptor, LabError> {
    let mut known = Vec::new();
    for (names, certificate, key) in sites {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| wrong(&error))?;
        let key = any_supported_type(&key).map_err(|error| wrong(&error))?;
        let certified = rustls::sign::CertifiedKey::new(chain(&certificate)?, key);
        certified.keys_match().map_err(|error| LabError::new(format!("key values mismatch: {error}")))?;
        known.push((names, Arc::new(certified)));
    }
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(known)));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[derive(Debug)]
struct ByName(Vec<(Vec<String>, Arc<rustls::sign::CertifiedKey>)>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default();
        let fits = self.0.iter().find(|(names, _)| names.iter().any(|known| known == name));
        fits.or_else(|| self.0.first()).map(|(_, key)| key.clone())
    }
}

/// Opens encrypted connections: to whoever answers, or, with certificates to trust, only to who has one of them.
///
/// # Errors
/// When the text holds no certificate.
pub(super) fn connector(trusted: Option<&str>) -> Result<TlsConnector, LabError> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let config = match trusted {
        Some(text) => {
            let mut roots = RootCertStore::empty();
            for certificate in chain(text)? {
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        None => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody::new(provider))).with_no_client_auth()
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

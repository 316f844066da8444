//! Certificates and encrypted connections of the lab. Nobody trusts them, as nobody trusts those of a fresh product.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::LabError;

/// A certificate for some names and its key, as PEM.
pub(super) fn certificate(names: &[&str]) -> Result<(String, String), LabError> {
    let wrong = |error: rcgen::Error| LabError::new(format!("a certificate: {error}"));
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).map_err(wrong)?;
    Ok((cert.pem(), signing_key.serialize_pem()))
}

/// Accepts encrypted connections with this certificate.
///
/// # Errors
/// When the texts are not a certificate and its key.
pub(super) fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, LabError> {
    let wrong = |error: &dyn std::fmt::Display| LabError::new(format!("the certificate or its key: {error}"));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| wrong(&error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

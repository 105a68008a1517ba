//! TLS: certificates from PEM files.
//!
//! # Semantics
//! TLS 1.2 and 1.3 by rustls. With `client_ca` a client has to show a certificate that this authority signed. HTTP/2 is
//! offered in the handshake. Files are read when the server begins.

use super::ServeError;
use crate::pem;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The server's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority of clients' certificates, where clients need one.
    pub client_ca: Option<PathBuf>,
}

impl TlsConfig {
    /// Whether its files are what they have to be.
    pub fn check(&self) -> Result<(), ServeError> {
        acceptor(self).map(drop)
    }
}

fn wrong(path: &Path, why: impl Display) -> ServeError {
    ServeError::Tls { path: path.to_owned(), why: why.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    pem::certificates(path).map_err(|e| wrong(path, e))
}

/// What makes TLS of a connection.
pub(super) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, ServeError> {
    let chain = certificates(&config.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|e| wrong(&config.key, e))?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| wrong(&config.certificate, e))?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| wrong(path, e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|e| wrong(path, e))?)
        }
    };
    let mut server = builder.with_single_cert(chain, key).map_err(|e| wrong(&config.key, e))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

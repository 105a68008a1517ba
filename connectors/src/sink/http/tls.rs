//! Which certificates count: PEM files in, settings of the client out.

use super::HttpError;
use crate::pem;
use rustls::pki_types::CertificateDer;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// Which certificates count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSpec {
    /// PEM file with the only authorities whose certificates count; those of this machine without one.
    pub ca: Option<PathBuf>,
    /// PEM files with our own certificate, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Take any certificate: whoever answers is believed.
    pub insecure_skip_verify: bool,
}

fn wrong(path: &Path, reason: impl Display) -> HttpError {
    HttpError::Settings { place: path.display().to_string(), reason: reason.to_string() }
}

/// As the client's library has them.
fn all(found: &[CertificateDer<'_>]) -> Vec<Certificate<'static>> {
    found.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, HttpError> {
    pem::certificates(path).map(|found| all(&found)).map_err(|e| wrong(path, e))
}

/// The authorities that this machine trusts.
fn of_machine() -> Result<Vec<Certificate<'static>>, HttpError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        let reason = format!("{why}; install ca-certificates, or name a ca_file");
        return Err(HttpError::Settings { place: "certificates that this machine trusts".to_owned(), reason });
    }
    Ok(all(&found.certs))
}

fn identity(certificate: &Path, key: &Path) -> Result<ClientCert, HttpError> {
    let chain = certificates(certificate)?;
    let text = std::fs::read(key).map_err(|e| wrong(key, e))?;
    let key = PrivateKey::from_pem(&text).map_err(|e| wrong(key, e))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

impl TlsSpec {
    /// Reads what it names.
    pub(crate) fn load(&self) -> Result<TlsConfig, HttpError> {
        let roots = match &self.ca {
            Some(path) => certificates(path)?,
            None if self.insecure_skip_verify => Vec::new(),
            None => of_machine()?,
        };
        let own = self.identity.as_ref().map(|(certificate, key)| identity(certificate, key)).transpose()?;
        Ok(TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(own)
            .disable_verification(self.insecure_skip_verify)
            .build())
    }
}

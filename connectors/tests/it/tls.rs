//! TLS: with the server's certificate, with the client's, and with what is none.

use bellwether_connectors::serve::{ServeError, Server, ServerConfig, TlsConfig};
use bellwether_connectors::sink::http::{Credentials, HttpClient, HttpError, HttpSpec, Secret, TlsSpec};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn start(client_ca: Option<PathBuf>) -> Server {
    let tls = Some(TlsConfig { certificate: file("server.pem"), key: file("server.key"), client_ca });
    let router = axum::Router::new().route("/", axum::routing::get(async || "hello"));
    Server::start(router, &ServerConfig { tls, ..ServerConfig::new("127.0.0.1:0".parse().unwrap()) }).unwrap()
}

/// The answer to a request over TLS.
fn get(address: SocketAddr, shows_certificate: bool) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = if shows_certificate {
        let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
        builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file("server.key")).unwrap()).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_server_speaks_tls_and_asks_for_certificates() {
    let server = start(None);
    assert!(get(server.address(), false).unwrap().ends_with("hello"));
    let server = start(Some(file("ca.pem")));
    assert!(get(server.address(), true).unwrap().ends_with("hello"));
    assert!(get(server.address(), false).is_err());
    // What is not TLS gets no answer, and does not hold the server up.
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(server.stop(Duration::from_secs(5)));
}

#[test]
fn wrong_files_are_named() {
    let start = |certificate: &str, key: &str| {
        let tls = Some(TlsConfig { certificate: file(certificate), key: file(key), client_ca: None });
        let config = ServerConfig { tls, ..ServerConfig::new("127.0.0.1:0".parse().unwrap()) };
        Server::start(axum::Router::new(), &config).map(drop)
    };
    for (certificate, key, wrong) in [
        ("missing.pem", "server.key", "missing.pem"),
        ("server.key", "server.key", "server.key"),
        ("server.pem", "ca.pem", "ca.pem"),
    ] {
        let error = start(certificate, key).unwrap_err();
        assert!(matches!(&error, ServeError::Tls { path, .. } if *path == file(wrong)), "{error}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error =
        Server::start(axum::Router::new(), &ServerConfig::new(taken.local_addr().unwrap())).map(drop).unwrap_err();
    assert!(error.to_string().starts_with("cannot listen at 127.0.0.1:"), "{error}");
}

/// A server that says what `Authorization` it got.
fn echo(client_ca: Option<PathBuf>) -> Server {
    let tls = Some(TlsConfig { certificate: file("server.pem"), key: file("server.key"), client_ca });
    let says = async |headers: axum::http::HeaderMap| {
        headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or("nobody").to_owned()
    };
    let router = axum::Router::new().route("/", axum::routing::post(says));
    Server::start(router, &ServerConfig { tls, ..ServerConfig::new("127.0.0.1:0".parse().unwrap()) }).unwrap()
}

fn post(server: &Server, credentials: Option<Credentials>, tls: TlsSpec) -> Result<String, HttpError> {
    let url = format!("https://localhost:{}/", server.address().port());
    let spec = HttpSpec { credentials, tls, ..HttpSpec::new(Duration::from_secs(10)) };
    HttpClient::new(&url, &spec)?.post(&url, &[], b"x").map(|answer| answer.text)
}

#[test]
fn a_client_trusts_whom_it_was_told_to_trust_and_says_who_it_is() {
    let server = echo(None);
    let ours = || TlsSpec { ca: Some(file("ca.pem")), ..TlsSpec::default() };
    assert_eq!(post(&server, None, ours()), Ok("nobody".to_owned()));
    let token = Credentials::Authorization { scheme: "Bearer".to_owned(), credentials: Secret::Inline("t".to_owned()) };
    assert_eq!(post(&server, Some(token), ours()), Ok("Bearer t".to_owned()));
    // Another authority vouches for nobody here; whoever does not look takes anybody.
    let another = TlsSpec { ca: Some(file("server.pem")), ..TlsSpec::default() };
    let refused = post(&server, None, another).unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let blind = TlsSpec { insecure_skip_verify: true, ..TlsSpec::default() };
    assert_eq!(post(&server, None, blind), Ok("nobody".to_owned()));
    // A server that asks for a certificate.
    let strict = echo(Some(file("ca.pem")));
    assert!(matches!(post(&strict, None, ours()), Err(HttpError::Unreached(_))));
    let identity = Some((file("server.pem"), file("server.key")));
    assert_eq!(post(&strict, None, TlsSpec { identity, ..ours() }), Ok("nobody".to_owned()));
    // Files that are none.
    let broken = |tls: TlsSpec| match post(&server, None, tls) {
        Err(HttpError::Settings { place, .. }) => place,
        other => panic!("{other:?}"),
    };
    let absent = TlsSpec { ca: Some(file("absent.pem")), ..TlsSpec::default() };
    assert!(broken(absent).ends_with("absent.pem"));
    let swapped = TlsSpec { identity: Some((file("server.pem"), file("ca.pem"))), ..ours() };
    assert!(broken(swapped).ends_with("ca.pem"));
    let no_certificate = TlsSpec { ca: Some(file("server.key")), ..TlsSpec::default() };
    assert!(broken(no_certificate).ends_with("server.key"));
}

//! A listening socket, its connections, and how they end.
//!
//! # Semantics
//! HTTP/1.1 and HTTP/2, the latter by prior knowledge. A server has threads of its own, because the dataflow's workers
//! never wait and must not be waited for. It stops gracefully: no new connection, what was begun is answered, and what is
//! not done by the deadline is cut off.
//!
//! # State
//! At most [`ServerConfig::connections`] connections; more wait in the socket's queue.

use super::idle::Idle;
use super::source::Source;
use super::tls::{TlsConfig, acceptor};
use axum::Router;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long to wait after a connection could not be taken: when the process has no more files, the next try fails as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests at a time on one connection of HTTP/2.
const MOST_STREAMS: u32 = 256;

/// How a server listens.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where; port 0 takes any free one.
    pub address: SocketAddr,
    /// TLS; plain without.
    pub tls: Option<TlsConfig>,
    /// Threads.
    pub threads: usize,
    /// Connections at a time.
    pub connections: usize,
    /// How long the headers of a request may take, and before them the handshake of TLS.
    pub header_timeout: Duration,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
}

impl ServerConfig {
    /// At an address, plain, with two threads.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            threads: 2,
            connections: 4_096,
            header_timeout: Duration::from_secs(10),
            // Senders keep connections for 90 s (Go's default) to 5 minutes.
            idle_timeout: Duration::from_secs(330),
        }
    }
}

/// Why a server does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not ours to listen at.
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file of TLS is not what it has to be.
    #[error("TLS: {path}: {why}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Its threads do not begin.
    #[error("cannot start the threads of the server: {0}")]
    Threads(io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<Duration>,
    accepting: JoinHandle<bool>,
}

impl Server {
    /// Listens, and serves a router's routes.
    pub fn start(router: Router, config: &ServerConfig) -> Result<Self, ServeError> {
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let threads = threads.worker_threads(config.threads.max(1)).thread_name("http").enable_io().enable_time();
        let runtime = threads.build().map_err(ServeError::Threads)?;
        let bind = |source| ServeError::Bind { address: config.address, source };
        let listener = runtime.block_on(TcpListener::bind(config.address)).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (stop, stopped) = oneshot::channel();
        let accepting = runtime.spawn(accept(listener, tls, router, config.clone(), stopped));
        Ok(Self { address, runtime, stop, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, and answers what was begun; what is not done within a time is cut off. Returns whether
    /// everything was answered. Not to be called from a thread of a tokio runtime.
    pub fn stop(self, within: Duration) -> bool {
        let Self { runtime, stop, accepting, .. } = self;
        let told = stop.send(within).is_ok();
        let answered = told && runtime.block_on(accepting).unwrap_or(false);
        runtime.shutdown_timeout(Duration::from_millis(100));
        answered
    }
}

/// Takes connections until it is told to stop; returns whether all of them ended.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    config: ServerConfig,
    mut stopped: oneshot::Receiver<Duration>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(config.connections.max(1)));
    let within = loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = match first(&mut stopped, next).await {
            Ok(next) => next,
            Err(within) => break within,
        };
        match (accepted, permit) {
            (Ok((stream, peer)), Ok(permit)) => {
                let service = FromPeer { peer, router: TowerToHyperService::new(router.clone()) };
                let (tls, config, watcher) = (tls.clone(), config.clone(), graceful.watcher());
                tokio::spawn(async move {
                    // Answers are small and complete: they need not wait for more.
                    let _ = stream.set_nodelay(true);
                    match tls {
                        None => connection(stream, service, &config, watcher).await,
                        // Who does not finish the handshake is no client.
                        Some(tls) => {
                            if let Ok(Ok(stream)) = timeout(config.header_timeout, tls.accept(stream)).await {
                                connection(stream, service, &config, watcher).await;
                            }
                        }
                    }
                    drop(permit);
                });
            }
            _ => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    };
    drop(listener);
    timeout(within, graceful.shutdown()).await.is_ok()
}

/// What a future gives, unless the word to stop comes first.
async fn first<T>(stopped: &mut oneshot::Receiver<Duration>, next: impl Future<Output = T>) -> Result<T, Duration> {
    let mut next = std::pin::pin!(next);
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(within) = std::pin::Pin::new(&mut *stopped).poll(cx) {
            // A server that was dropped ends at once.
            return std::task::Poll::Ready(Err(within.unwrap_or_default()));
        }
        next.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// Routes, for the requests of one peer.
#[derive(Clone)]
struct FromPeer {
    peer: SocketAddr,
    router: TowerToHyperService<Router>,
}

impl hyper::service::Service<Request<Incoming>> for FromPeer {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<Router> as hyper::service::Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Source::of_peer(self.peer));
        self.router.call(request)
    }
}

/// Serves a connection until it ends. One that breaks is its client's business.
async fn connection<S>(stream: S, service: FromPeer, config: &ServerConfig, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Idle::new(stream, config.idle_timeout));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS);
    let served = builder.serve_connection(stream, service).into_owned();
    drop(watcher.watch(served).await);
}

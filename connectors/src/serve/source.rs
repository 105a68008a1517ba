//! Who sends: an extension of every request.

use std::net::SocketAddr;
use std::sync::Arc;

/// Whoever would go on sending after a restart: a user, or a peer's address without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Arc<str>);

impl Source {
    /// A peer that shows no user.
    pub(super) fn of_peer(peer: SocketAddr) -> Self {
        Self(peer.ip().to_canonical().to_string().into())
    }

    /// A user of basic authentication.
    pub(super) fn of_user(name: &str) -> Self {
        Self(name.into())
    }

    /// As the log knows it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

//! Bodies of requests: read up to a limit, within a time, and only while memory for all of them is left.
//!
//! # State
//! Bytes are permits of one semaphore, taken before they are read. A request that says how long it is takes all of them
//! at once and is refused before any of it is read.

use super::refused::Refused;
use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Seconds after which bytes are free again: bodies are decoded within a fraction of one.
const RETRY_AFTER_S: u32 = 1;

/// Bytes that all requests together may hold.
#[derive(Clone, Debug)]
pub struct InFlight(Arc<Semaphore>);

/// Bytes that a request holds until this is dropped.
#[derive(Debug)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl InFlight {
    /// So many; copies share them.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes more bytes for a request.
    pub(super) fn take(&self, bytes: usize, held: &mut Held) -> Result<(), Refused> {
        let permits = u32::try_from(bytes).ok().and_then(|n| Arc::clone(&self.0).try_acquire_many_owned(n).ok());
        let Some(permit) = permits else {
            return Err(Refused::later(RETRY_AFTER_S, "too many bytes are being decoded: send it again"));
        };
        match &mut held.0 {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }

    /// Reads a body of at most `most` bytes within a time.
    pub(super) async fn read(&self, body: Body, most: usize, within: Duration) -> Result<(Vec<u8>, Held), Refused> {
        match timeout(within, self.read_all(body, most)).await {
            Ok(read) => read,
            Err(_) => {
                let text = format!("the body did not come within {} s", within.as_secs());
                Err(Refused::new(StatusCode::REQUEST_TIMEOUT, text))
            }
        }
    }

    async fn read_all(&self, mut body: Body, most: usize) -> Result<(Vec<u8>, Held), Refused> {
        let too_large = || {
            let text = format!("the body has more than {most} bytes: send smaller batches");
            Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, text))
        };
        let (mut bytes, mut held, mut taken) = (Vec::new(), Held(None), 0);
        if let Some(length) = body.size_hint().exact() {
            taken = usize::try_from(length).unwrap_or(usize::MAX);
            if taken > most {
                return too_large();
            }
            self.take(taken, &mut held)?;
            bytes.reserve_exact(taken);
        }
        while let Some(frame) = body.frame().await {
            let broken = |e| Refused::new(StatusCode::BAD_REQUEST, format!("the body was not sent whole: {e}"));
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > most {
                return too_large();
            }
            self.take(length.saturating_sub(taken), &mut held)?;
            taken = taken.max(length);
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, held))
    }
}

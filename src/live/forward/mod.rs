//! Remote write: what rules record and `ALERTS` in, requests to other stores out.
//!
//! # Position
//! ledger's thread → **spool** on disk → one sender a receiver → Prometheus, Mimir, VictoriaMetrics, …
//!
//! # Semantics (Prometheus `remote_write`)
//! Recorded series, `ALERTS` and `ALERTS_FOR_STATE` with the stamps of their evaluations, and a stale marker where a series
//! ends. Nothing is lost: a checkpoint says that everything up to its epoch is in the spool or delivered, and a replay gives what
//! is behind it again. A crash may repeat one request, with equal samples. Steps that were evaluated late are sent with their own
//! stamps, in order. A receiver that is away holds up nobody; beyond the bound of the spool the oldest samples go.
//!
//! # Limits
//! One request at a time a receiver. A receiver that is new gets what is written from then on.

mod frame;
mod place;
mod sender;
mod spool;
#[cfg(test)]
pub(super) mod tests;

pub use place::Progress;
pub(super) use place::Shared;
pub(super) use spool::Spool;

use super::error::LiveError;
use bellwether_connectors::disk::Disk;
use bellwether_connectors::sink::RemoteWriter;
use bellwether_connectors::sink::http::{HttpError, HttpSpec};
use bellwether_model::Labels;
use bellwether_operators::relabel::{RelabelConfig, Relabelling};
use sender::{Place, Sender};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The spool's folder in the state folder.
const FOLDER: &str = "remote-write";

/// How often a stop looks whether everything is sent.
const LOOK: Duration = Duration::from_millis(10);

/// One receiver, and how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardReceiver {
    /// What it is called in metrics, and on disk; no two have one name.
    pub name: String,
    /// Its address, such as `http://HOST:9090/api/v1/write`.
    pub url: String,
    /// How it is reached.
    pub http: HttpSpec,
    /// Headers that it gets too.
    pub headers: Vec<(String, String)>,
    /// What is done to labels for it.
    pub write_relabel_configs: Vec<RelabelConfig>,
}

impl ForwardReceiver {
    /// Whether it could be sent anything: certificates and secrets are read.
    pub fn check(&self) -> Result<(), HttpError> {
        self.parts().map(drop)
    }

    fn parts(&self) -> Result<(RemoteWriter, Relabelling), HttpError> {
        let place = format!("write_relabel_configs of {}", self.name);
        let relabelling = Relabelling::compile(&self.write_relabel_configs)
            .map_err(|e| HttpError::Settings { place, reason: e.to_string() })?;
        Ok((RemoteWriter::new(&self.url, &self.http, &self.headers)?, relabelling))
    }
}

/// Who is sent what rules write.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardSpec {
    /// Receivers; each gets everything.
    pub receivers: Vec<ForwardReceiver>,
    /// Labels added to every series that does not have them.
    pub external_labels: Labels,
    /// Bytes of samples that are kept while a receiver is away.
    pub most_bytes: u64,
}

/// The threads that send.
pub(super) struct Forward {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Forward {
    /// Opens the spool of a state folder and begins to send what waits in it.
    pub fn start(spec: &ForwardSpec, disk: &Arc<dyn Disk>, state: &Path) -> Result<(Self, Spool), LiveError> {
        let parts: Result<Vec<_>, HttpError> = spec.receivers.iter().map(ForwardReceiver::parts).collect();
        let parts = parts?;
        let folder = state.join(FOLDER);
        disk.make_folder(&folder).map_err(|e| LiveError::io(&folder, "making", e))?;
        forget_others(spec, disk.as_ref(), &folder)?;
        let known: Vec<_> = spec.receivers.iter().map(|r| Place::read(disk.as_ref(), &folder, &r.name)).collect();
        let of = |(r, place): (&ForwardReceiver, &Option<Place>)| {
            let (at, samples) = place.as_ref().map_or((u64::MAX, u64::MAX), |p| (p.at, p.samples));
            Progress { name: r.name.clone(), at, samples, ..Progress::default() }
        };
        let receivers = spec.receivers.iter().zip(&known).map(of).collect();
        let (spool, shared) = Spool::open(disk, &folder, spec.most_bytes, receivers)?;
        let (end, samples) = shared.with(|state| (state.end, state.samples));
        for (r, _) in spec.receivers.iter().zip(&known).filter(|(_, place)| place.is_none()) {
            // It begins here, wherever a crash may leave it.
            let written = Place::write(disk.as_ref(), &folder, &r.name, end, samples);
            written.map_err(|e| LiveError::io(&folder, "writing", e))?;
        }
        let mut threads = Vec::with_capacity(parts.len());
        for (index, (to, relabelling)) in parts.into_iter().enumerate() {
            let sender = Sender {
                disk: disk.clone(),
                folder: folder.clone(),
                shared: shared.clone(),
                index,
                name: spec.receivers[index].name.clone(),
                to,
                external_labels: spec.external_labels.clone(),
                relabelling,
                ahead: Default::default(),
            };
            threads.push(std::thread::spawn(move || sender.run()));
        }
        Ok((Self { shared, threads }, spool))
    }

    /// What others may ask.
    pub fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Ends; what waits is sent before, as long as receivers take it and no longer than `within`.
    pub fn stop(mut self, within: Duration) {
        let begin = Instant::now();
        let waits = || self.shared.progress().iter().any(|r| r.waiting > 0 && r.error.is_none());
        while begin.elapsed() < within && waits() {
            std::thread::sleep(LOOK);
        }
        self.end();
        for thread in std::mem::take(&mut self.threads) {
            // Its panic would have nothing to say here.
            let _ = thread.join();
        }
    }

    fn end(&self) {
        self.shared.with(|state| state.stopped = true);
        self.shared.wake();
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.end();
    }
}

/// Receivers that are no more begin anew should they come back.
fn forget_others(spec: &ForwardSpec, disk: &dyn Disk, folder: &Path) -> Result<(), LiveError> {
    let known: Vec<String> = spec.receivers.iter().map(|r| sender::file_of(&r.name)).collect();
    let names = disk.list(folder).map_err(|e| LiveError::io(folder, "listing", e))?;
    for name in names.iter().filter(|n| n.ends_with(sender::ENDING) && !known.contains(n)) {
        let path = folder.join(name);
        disk.remove(&path).map_err(|e| LiveError::io(&path, "removing", e))?;
    }
    Ok(())
}

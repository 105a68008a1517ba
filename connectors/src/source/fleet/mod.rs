//! The `fleet` workload: a number of web hosts with incidents in, samples and a list of the incidents out.
//!
//! # Semantics
//! 22 series a host: `up`, load, memory, disk, processor seconds, requests by code, a latency histogram. Six kinds of
//! incidents are injected at random places: what a rule should find. Everything is a pure function of the options.
//!
//! # State
//! An archive is generated host by host, Parquet in stretches of steps for all hosts: memory does not grow with hours.

mod host;
mod random;
mod stream;
mod write;

pub use stream::FleetStream;
pub use write::{FleetReport, write_archive, write_incidents, write_parquet};

use host::Host;

/// The size of a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetOptions {
    /// Number of hosts.
    pub hosts: usize,
    /// Length, hours.
    pub hours: f64,
    /// Distance of two samples of a series, ms.
    pub step_ms: i64,
    /// What makes one fleet differ from another of the same size.
    pub seed: u64,
    /// Incidents a host and day, on average.
    pub incidents_per_host_day: f64,
    /// Stamp of the first sample, ms.
    pub start_ms: i64,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            hosts: 200,
            hours: 6.0,
            step_ms: 15_000,
            seed: 1,
            incidents_per_host_day: 2.0,
            start_ms: 1_700_000_100_000,
        }
    }
}

impl FleetOptions {
    /// Number of steps.
    pub fn steps(&self) -> usize {
        (self.hours * 3_600_000.0 / self.step_ms.max(1) as f64) as usize
    }

    /// Stamp of a step, ms.
    pub fn stamp_ms(&self, step: usize) -> i64 {
        self.start_ms + step as i64 * self.step_ms
    }

    /// Samples there would be if none were lost: for progress bars.
    pub fn samples_at_most(&self) -> u64 {
        (self.hosts * host::SERIES * self.steps()) as u64
    }

    /// The incidents, host by host.
    pub fn incidents(&self) -> Vec<Incident> {
        (0..self.hosts).flat_map(|h| Host::new(h, self).incidents(self)).collect()
    }
}

/// What an incident does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentKind {
    /// Busy processors.
    Cpu,
    /// One request in eight fails.
    Errors,
    /// Slow answers.
    Latency,
    /// Memory is used up.
    Memory,
    /// The disk fills.
    Disk,
    /// The host is down.
    Down,
}

impl IncidentKind {
    const ALL: [Self; 6] = [Self::Cpu, Self::Errors, Self::Latency, Self::Memory, Self::Disk, Self::Down];

    /// Its name in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Down => "down",
        }
    }
}

/// An injected incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// What it does.
    pub kind: IncidentKind,
    /// The host's `instance` label.
    pub instance: String,
    /// First stamp that it touches, ms.
    pub start_ms: i64,
    /// Last stamp that it touches, ms.
    pub end_ms: i64,
}

//! The fleet's samples step by step, as a scraper would have them: for live runs.

use super::FleetOptions;
use super::host::{Host, labels};
use bellwether_model::{Labels, Sample};

/// All hosts, step by step.
pub struct FleetStream {
    options: FleetOptions,
    hosts: Vec<(Host, Vec<Labels>)>,
    step: usize,
}

impl FleetStream {
    /// From the first step on.
    pub fn new(options: &FleetOptions) -> Self {
        let hosts = (0..options.hosts).map(|number| (Host::new(number, options), labels(number))).collect();
        Self { options: options.clone(), hosts, step: 0 }
    }
}

impl Iterator for FleetStream {
    type Item = (i64, Vec<Sample>);

    /// The stamp of the next step, ms, and its samples; `None` after the last.
    fn next(&mut self) -> Option<Self::Item> {
        let (step, stamp_ms) = (self.step, self.options.stamp_ms(self.step));
        if step >= self.options.steps() {
            return None;
        }
        self.step += 1;
        let mut samples = Vec::new();
        for (host, labels) in &mut self.hosts {
            host.step(step, &mut |series, value| {
                samples.extend(value.map(|v| Sample::float(labels[series].clone(), stamp_ms, v)));
            });
        }
        Some((stamp_ms, samples))
    }
}

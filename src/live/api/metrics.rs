//! `/metrics`: the run's own metrics, in the text format.

use super::Api;
use crate::live::{
    ArchiveStats, CommitStats, Latency, Progress, ReceiverStats, RemoteStats, ReplicaStats, RuleCosts, RuleTable,
    RuleTotals,
};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bellwether_connectors::serve::counters::ProtocolCounters;
use bellwether_connectors::source::intake::{Dictionary, Intake, Reason};
use bellwether_model::decision::CorrectionKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

/// The text under way. Writing to a `String` does not fail.
#[derive(Default)]
struct Text(String);

fn read(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// A label's value as the format has it.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP bellwether_{name} {help}\n# TYPE bellwether_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "bellwether_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }

    fn seconds(&mut self, name: &str, help: &str, latency: &Latency) {
        self.head(name, "histogram", help);
        let (upto, total, sum_ms) = latency.cumulative();
        for (bound_ms, count) in upto {
            let le = format!("{{le=\"{}\"}}", bound_ms as f64 / 1_000.0);
            self.line(&format!("{name}_bucket"), &le, count as f64);
        }
        self.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", total as f64);
        self.line(&format!("{name}_sum"), "", sum_ms as f64 / 1_000.0);
        self.line(&format!("{name}_count"), "", total as f64);
    }

    fn waiting(&mut self, commit: &CommitStats) {
        let lateness = commit.lateness_ms.load(Ordering::Relaxed) as f64 / 1_000.0;
        self.one("lateness_seconds", "gauge", "How late samples may come.", lateness);
        let held = read(&commit.held_for);
        self.one("watermark_held_for_sources", "gauge", "Sources that the watermark waits for after a gap.", held);
    }

    fn archive(&mut self, archive: &ArchiveStats) {
        self.one("archive_samples", "gauge", "Samples in the archive.", read(&archive.samples));
        self.one("archive_parts", "gauge", "Parts of the archive.", read(&archive.parts));
        let help = "Parts that could not be written at once.";
        self.one("archive_failures_total", "counter", help, read(&archive.failures));
    }

    fn known(&mut self, dictionary: &Dictionary) {
        self.one("series_known", "gauge", "Series that were ever seen.", dictionary.len() as f64);
        let metadata = dictionary.metadata();
        let help = "Metrics of which senders say type, help or unit.";
        self.one("metadata_metrics", "gauge", help, metadata.len() as f64);
        let help = "Entries of metadata that were too long, too many, or none.";
        self.one("metadata_dropped_total", "counter", help, metadata.dropped() as f64);
    }

    fn corrections(&mut self, counts: &BTreeMap<&'static str, u64>) {
        let help = "Decisions that late samples changed, of rules that are audited or amended.";
        self.head("corrections_total", "counter", help);
        for kind in [CorrectionKind::Missed, CorrectionKind::Withdrawn, CorrectionKind::Changed] {
            let count = counts.get(kind.as_str()).copied().unwrap_or(0);
            self.line("corrections_total", &format!("{{kind=\"{kind}\"}}"), count as f64);
        }
    }

    fn receivers(&mut self, all: &[Arc<ReceiverStats>]) {
        type Pick = fn(&ReceiverStats) -> &AtomicU64;
        let rows: [(&str, &str, Pick); 3] = [
            ("notifications_sent_total", "Alerts that a receiver took.", |s| &s.sent),
            ("notifications_failed_total", "Posts that failed and are tried again.", |s| &s.failed),
            ("notifications_refused_total", "Alerts that a receiver will never take.", |s| &s.refused),
        ];
        for (name, help, pick) in rows {
            self.head(name, "counter", help);
            for stats in all {
                // Addresses hold no quotes: they were checked.
                self.line(name, &format!("{{receiver=\"{}\"}}", stats.url), read(pick(stats)));
            }
        }
    }

    fn rules(&mut self, table: &RuleTable, costs: &RuleCosts) {
        type Pick = fn(RuleTotals) -> u64;
        let rows: [(&str, &str, Pick); 3] = [
            ("evaluations_total", "Steps at which a rule was evaluated.", |t| t.evaluations),
            ("evaluation_failures_total", "Steps at which its expression failed.", |t| t.failures),
            ("values_read_total", "Values that its expression read: what it costs.", |t| t.values),
        ];
        // Rules of one group and name are one.
        let rules: BTreeSet<_> = table.set.rules().map(|(_, g, r)| (g.name.as_str(), r.name.as_str())).collect();
        for (name, help, pick) in rows {
            let name = format!("rule_{name}");
            self.head(&name, "counter", help);
            for (group, rule) in &rules {
                let labels = format!("{{group={},rule={}}}", quoted(group), quoted(rule));
                self.line(&name, &labels, pick(costs.of(group, rule)) as f64);
            }
        }
        let help = "Values that all rules read; what several of them share counts once.";
        self.one("values_read_total", "counter", help, costs.values as f64);
    }

    fn remote(&mut self, stats: &RemoteStats, now_ms: i64) {
        let name = "remote_checkpoint_failures_total";
        self.one(name, "counter", "Uploads of a checkpoint that failed and are tried again.", read(&stats.failures));
        let up = if stats.trouble().is_none() { 1.0 } else { 0.0 };
        self.one("remote_checkpoint_up", "gauge", "Whether the bucket did what it was asked for last.", up);
        if let Some(c) = stats.last() {
            let age = now_ms.saturating_sub(c.wall_ms) as f64 / 1_000.0;
            let help = "Age of what a new machine would go on from.";
            self.one("remote_checkpoint_age_seconds", "gauge", help, age);
            self.one("remote_checkpoint_bytes", "gauge", "Bytes of its file.", c.bytes as f64);
            let took = c.took_ms as f64 / 1_000.0;
            self.one("remote_checkpoint_write_seconds", "gauge", "How long it took to upload.", took);
        }
    }

    fn forwarded(&mut self, all: &[Progress], now_ms: i64) {
        type Pick = fn(&Progress, i64) -> f64;
        let rows: [(&str, &str, &str, Pick); 8] = [
            ("samples_sent_total", "counter", "Samples that a receiver took.", |p, _| p.sent as f64),
            ("samples_refused_total", "counter", "Samples that a receiver will never take.", |p, _| p.refused as f64),
            ("samples_dropped_total", "counter", "Samples that had to go before a receiver had them.", |p, _| {
                p.dropped as f64
            }),
            ("requests_failed_total", "counter", "Requests that failed and are tried again.", |p, _| p.failed as f64),
            ("samples_waiting", "gauge", "Samples that wait for a receiver.", |p, _| p.waiting as f64),
            ("waiting_bytes", "gauge", "Their bytes on disk.", |p, _| p.waiting_bytes as f64),
            (
                "oldest_age_seconds",
                "gauge",
                "Age of the oldest sample that waits, by its stamp; 0 without one.",
                |p, now| p.oldest_ms.map_or(0.0, |ms| now.saturating_sub(ms) as f64 / 1_000.0),
            ),
            ("newest_sent_seconds", "gauge", "Stamp of the newest sample that it took.", |p, _| {
                p.newest_sent_ms.map_or(0.0, |ms| ms as f64 / 1_000.0)
            }),
        ];
        for (name, kind, help, pick) in rows.iter().filter(|_| !all.is_empty()) {
            let name = format!("remote_write_{name}");
            self.head(&name, kind, help);
            for progress in all {
                self.line(&name, &format!("{{receiver={}}}", quoted(&progress.name)), pick(progress, now_ms));
            }
        }
    }

    fn replicas(&mut self, all: &[ReplicaStats]) {
        type Pick = fn(&ReplicaStats) -> Option<f64>;
        let rows: [(&str, &str, &str, Pick); 4] = [
            ("elected", "gauge", "Whether this replica counts.", |s| Some(f64::from(u8::from(s.is_elected)))),
            ("failovers_total", "counter", "How often it took another one's place.", |s| Some(s.failovers as f64)),
            ("dropped_samples_total", "counter", "Its samples that did not count.", |s| Some(s.dropped as f64)),
            ("last_heard_seconds", "gauge", "When it delivered last.", |s| s.heard_ms.map(|ms| ms as f64 / 1_000.0)),
        ];
        for (name, kind, help, pick) in rows.iter().filter(|_| !all.is_empty()) {
            let name = format!("ha_replica_{name}");
            self.head(&name, kind, help);
            for stats in all {
                let labels = format!("{{cluster={},replica={}}}", quoted(&stats.cluster), quoted(&stats.replica));
                pick(stats).into_iter().for_each(|value| self.line(&name, &labels, value));
            }
        }
    }

    fn protocols(&mut self, all: [(&str, &ProtocolCounters); 2]) {
        type Pick = fn(&ProtocolCounters) -> &AtomicU64;
        let rows: [(&str, &str, Pick); 6] = [
            ("requests_total", "Requests of senders.", |c| &c.requests),
            ("requests_refused_total", "Requests that can never be taken.", |c| &c.refused_requests),
            ("requests_postponed_total", "Requests that were told to come again.", |c| &c.postponed_requests),
            ("request_bytes_total", "Bytes of bodies, as they came.", |c| &c.bytes),
            ("samples_total", "Float samples taken.", |c| &c.samples),
            ("histograms_total", "Native histograms taken.", |c| &c.histograms),
        ];
        for (name, help, pick) in rows {
            let name = format!("ingest_{name}");
            self.head(&name, "counter", help);
            for (protocol, counters) in all {
                self.line(&name, &format!("{{protocol=\"{protocol}\"}}"), read(pick(counters)));
            }
        }
        self.head("ingest_rejected_total", "counter", "Samples that were not taken.");
        for (protocol, counters) in all {
            for (reason, count) in Reason::ALL.iter().zip(&counters.rejected) {
                let labels = format!("{{protocol=\"{protocol}\",reason=\"{}\"}}", reason.name());
                self.line("ingest_rejected_total", &labels, read(count));
            }
        }
    }
}

/// How the text is announced.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The route.
pub async fn metrics(State(api): State<Arc<Api>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text(&api)).into_response()
}

/// All of them.
pub(super) fn text(api: &Api) -> String {
    let mut text = Text::default();
    let run = &api.run;
    let (commit, now_ms) = (run.commit_stats(), run.intake().now_ms());
    text.protocols([("remote_write", &api.ingest.remote_write), ("otlp", &api.ingest.otlp)]);
    text.receivers(&api.receivers);
    text.forwarded(&run.forwarded(), now_ms);
    text.one("log_bytes", "gauge", "Bytes of the durable log.", read(&commit.log_bytes));
    text.archive(run.archive());
    text.one("log_frames_total", "counter", "Commits: each is one fsync.", read(&commit.frames));
    text.one("log_samples_total", "counter", "Samples brought to disk.", read(&commit.samples));
    text.one(
        "intake_refused_total",
        "counter",
        "Requests refused because too much was waiting.",
        read(&commit.refused),
    );
    text.one("intake_waiting_bytes", "gauge", "Bytes between socket and dataflow.", read(&commit.waiting_bytes));
    text.one("epochs_total", "counter", "Epochs minted.", read(&commit.epochs));
    text.one("epochs_under_way", "gauge", "Epochs between log and ledger.", run.depth() as f64);
    text.waiting(commit);
    text.one("delta_series", "gauge", "Series of which deltas are added up.", read(&commit.delta_series));
    text.one(
        "deltas_dropped_total",
        "counter",
        "Deltas dropped because a newer one of their series had come.",
        read(&commit.deltas_dropped),
    );
    text.replicas(&commit.replicas.lock().unwrap_or_else(PoisonError::into_inner));
    let stats = run.stats();
    text.seconds("engine_latency_seconds", "From an epoch's binding to its decisions on disk.", &stats.engine);
    text.seconds("decision_delay_seconds", "From a decision's step to its being on disk.", &stats.delay);
    text.known(run.intake().dictionary());
    let reload = run.last_reload();
    let good = if reload.error.is_none() { 1.0 } else { 0.0 };
    text.one("rules_last_reload_successful", "gauge", "Whether the rule files were good when last read.", good);
    text.one("rules_last_reload_seconds", "gauge", "When good rules were read.", reload.good_ms as f64 / 1_000.0);
    let table = run.table();
    let view = run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let watermark = view.watermark_ms as f64 / 1_000.0;
    text.one("watermark_seconds", "gauge", "Steps up to here are decided and on disk.", watermark);
    let lag = (now_ms.saturating_sub(view.watermark_ms)) as f64 / 1_000.0;
    text.one(
        "watermark_lag_seconds",
        "gauge",
        "How far behind the wall clock that is.",
        if watermark > 0.0 { lag } else { 0.0 },
    );
    text.one("decisions_total", "counter", "Decisions in the ledger.", view.decisions as f64);
    text.corrections(&view.corrections);
    text.one("alerts", "gauge", "Alerts that are pending, firing or resolved lately.", view.book.len() as f64);
    text.one("rules_failing", "gauge", "Rules that failed at some step.", view.errors.len() as f64);
    text.rules(&table, &view.costs);
    text.one("replay_differences_total", "counter", "Decisions that a replay gave otherwise.", view.differing as f64);
    if let Some(c) = view.checkpoint {
        let age = now_ms.saturating_sub(c.at_ms) as f64 / 1_000.0;
        text.one("checkpoint_age_seconds", "gauge", "Since the last checkpoint.", age);
        text.one("checkpoint_bytes", "gauge", "Kept state in it.", c.bytes as f64);
        text.one("checkpoint_write_seconds", "gauge", "How long it took to write.", c.took_ms as f64 / 1_000.0);
    }
    drop(view);
    if let Some(remote) = run.remote() {
        text.remote(remote, now_ms);
    }
    text.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_shown_whatever_they_are_called() {
        let mut text = Text::default();
        text.replicas(&[]);
        assert_eq!(text.0, "");
        let replica = "a\"\\\n".to_owned();
        let (cluster, is_elected, failovers, heard_ms, dropped) = ("c d".to_owned(), true, 2, None, 7);
        text.replicas(&[ReplicaStats { cluster, replica, is_elected, failovers, heard_ms, dropped }]);
        let labels = r#"{cluster="c d",replica="a\"\\\n"}"#;
        for (name, value) in [("elected", 1), ("failovers_total", 2), ("dropped_samples_total", 7)] {
            assert!(text.0.contains(&format!("\nbellwether_ha_replica_{name}{labels} {value}\n")), "{}", text.0);
        }
        assert!(!text.0.contains("last_heard_seconds{"), "{}", text.0);
    }
}

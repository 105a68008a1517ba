//! What a run says about itself, family by family.

use super::family::Kind::{Counter, Gauge};
use super::family::{Families, Kind, read};
use crate::live::api::Api;
use crate::live::{
    ArchiveStats, CommitStats, Progress, ReceiverStats, RemoteStats, ReplicaStats, RuleCosts, RuleTable, RuleTotals,
};
use bellwether_connectors::serve::counters::ProtocolCounters;
use bellwether_connectors::source::intake::{Dictionary, Intake, Reason};
use bellwether_model::decision::CorrectionKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

impl Families {
    fn waiting(&mut self, commit: &CommitStats) {
        let lateness = commit.lateness_ms.load(Ordering::Relaxed) as f64 / 1_000.0;
        self.one("lateness_seconds", Gauge, "How late samples may come.", lateness);
        let held = read(&commit.held_for);
        self.one("watermark_held_for_sources", Gauge, "Sources that the watermark waits for after a gap.", held);
    }

    fn archive(&mut self, archive: &ArchiveStats) {
        self.one("archive_samples", Gauge, "Samples in the archive.", read(&archive.samples));
        self.one("archive_parts", Gauge, "Parts of the archive.", read(&archive.parts));
        let help = "Parts that could not be written at once.";
        self.one("archive_failures_total", Counter, help, read(&archive.failures));
        let merged = read(&archive.merged);
        self.one("archive_merged_parts_total", Counter, "Parts that were merged into larger ones.", merged);
        let failed = read(&archive.merge_failures);
        self.one("archive_merge_failures_total", Counter, "Times that parts could not be merged.", failed);
    }

    fn known(&mut self, dictionary: &Dictionary) {
        self.one("series_known", Gauge, "Series that were ever seen.", dictionary.len() as f64);
        let metadata = dictionary.metadata();
        let help = "Metrics of which senders say type, help or unit.";
        self.one("metadata_metrics", Gauge, help, metadata.len() as f64);
        let help = "Entries of metadata that were too long, too many, or none.";
        self.one("metadata_dropped_total", Counter, help, metadata.dropped() as f64);
    }

    fn corrections(&mut self, counts: &BTreeMap<&'static str, u64>) {
        let help = "Decisions that late samples changed, of rules that are audited or amended.";
        self.head("corrections_total", Counter, help);
        for kind in [CorrectionKind::Missed, CorrectionKind::Withdrawn, CorrectionKind::Changed] {
            let count = counts.get(kind.as_str()).copied().unwrap_or(0);
            self.line(&[("kind", kind.as_str())], count as f64);
        }
    }

    fn receivers(&mut self, all: &[Arc<ReceiverStats>]) {
        type Pick = fn(&ReceiverStats) -> &AtomicU64;
        let rows: [(&str, &'static str, Pick); 3] = [
            ("notifications_sent_total", "Alerts that a receiver took.", |s| &s.sent),
            ("notifications_failed_total", "Posts that failed and are tried again.", |s| &s.failed),
            ("notifications_refused_total", "Alerts that a receiver will never take.", |s| &s.refused),
        ];
        for (name, help, pick) in rows {
            self.head(name, Counter, help);
            for stats in all {
                self.line(&[("receiver", &stats.url)], read(pick(stats)));
            }
        }
    }

    fn rules(&mut self, table: &RuleTable, costs: &RuleCosts) {
        type Pick = fn(RuleTotals) -> u64;
        let rows: [(&str, &'static str, Pick); 3] = [
            ("evaluations_total", "Steps at which a rule was evaluated.", |t| t.evaluations),
            ("evaluation_failures_total", "Steps at which its expression failed.", |t| t.failures),
            ("values_read_total", "Values that its expression read: what it costs.", |t| t.values),
        ];
        // Rules of one group and name are one.
        let rules: BTreeSet<_> = table.set.rules().map(|(_, g, r)| (g.name.as_str(), r.name.as_str())).collect();
        for (name, help, pick) in rows {
            self.head(&format!("rule_{name}"), Counter, help);
            for (group, rule) in &rules {
                self.line(&[("group", group), ("rule", rule)], pick(costs.of(group, rule)) as f64);
            }
        }
        let help = "Values that all rules read; what several of them share counts once.";
        self.one("values_read_total", Counter, help, costs.values as f64);
    }

    fn missed(&mut self, groups: &BTreeMap<String, u64>) {
        let help =
            "Steps that nobody evaluates: they were between a lost machine's last checkpoint and the first step here.";
        self.head("rule_group_iterations_missed_total", Counter, help);
        for (group, steps) in groups {
            self.line(&[("group", group)], *steps as f64);
        }
    }

    fn remote(&mut self, stats: &RemoteStats, now_ms: i64) {
        let name = "remote_checkpoint_failures_total";
        self.one(name, Counter, "Uploads of a checkpoint that failed and are tried again.", read(&stats.failures));
        let up = if stats.trouble().is_none() { 1.0 } else { 0.0 };
        self.one("remote_checkpoint_up", Gauge, "Whether the bucket did what it was asked for last.", up);
        if let Some(c) = stats.last() {
            let age = now_ms.saturating_sub(c.wall_ms) as f64 / 1_000.0;
            let help = "Age of what a new machine would go on from.";
            self.one("remote_checkpoint_age_seconds", Gauge, help, age);
            self.one("remote_checkpoint_bytes", Gauge, "Bytes of its file.", c.bytes as f64);
            let took = c.took_ms as f64 / 1_000.0;
            self.one("remote_checkpoint_write_seconds", Gauge, "How long it took to upload.", took);
        }
    }

    fn forwarded(&mut self, all: &[Progress], now_ms: i64) {
        type Pick = fn(&Progress, i64) -> f64;
        let rows: [(&str, Kind, &'static str, Pick); 8] = [
            ("samples_sent_total", Counter, "Samples that a receiver took.", |p, _| p.sent as f64),
            ("samples_refused_total", Counter, "Samples that a receiver will never take.", |p, _| p.refused as f64),
            ("samples_dropped_total", Counter, "Samples that had to go before a receiver had them.", |p, _| {
                p.dropped as f64
            }),
            ("requests_failed_total", Counter, "Requests that failed and are tried again.", |p, _| p.failed as f64),
            ("samples_waiting", Gauge, "Samples that wait for a receiver.", |p, _| p.waiting as f64),
            ("waiting_bytes", Gauge, "Their bytes on disk.", |p, _| p.waiting_bytes as f64),
            (
                "oldest_age_seconds",
                Gauge,
                "Age of the oldest sample that waits, by its stamp; 0 without one.",
                |p, now| p.oldest_ms.map_or(0.0, |ms| now.saturating_sub(ms) as f64 / 1_000.0),
            ),
            ("newest_sent_seconds", Gauge, "Stamp of the newest sample that it took.", |p, _| {
                p.newest_sent_ms.map_or(0.0, |ms| ms as f64 / 1_000.0)
            }),
        ];
        for (name, kind, help, pick) in rows.iter().filter(|_| !all.is_empty()) {
            self.head(&format!("remote_write_{name}"), *kind, help);
            for progress in all {
                self.line(&[("receiver", &progress.name)], pick(progress, now_ms));
            }
        }
    }

    pub(super) fn replicas(&mut self, all: &[ReplicaStats]) {
        type Pick = fn(&ReplicaStats) -> Option<f64>;
        let rows: [(&str, Kind, &'static str, Pick); 4] = [
            ("elected", Gauge, "Whether this replica counts.", |s| Some(f64::from(u8::from(s.is_elected)))),
            ("failovers_total", Counter, "How often it took another one's place.", |s| Some(s.failovers as f64)),
            ("dropped_samples_total", Counter, "Its samples that did not count.", |s| Some(s.dropped as f64)),
            ("last_heard_seconds", Gauge, "When it delivered last.", |s| s.heard_ms.map(|ms| ms as f64 / 1_000.0)),
        ];
        for (name, kind, help, pick) in rows.iter().filter(|_| !all.is_empty()) {
            self.head(&format!("ha_replica_{name}"), *kind, help);
            for stats in all {
                let labels = [("cluster", stats.cluster.as_str()), ("replica", stats.replica.as_str())];
                pick(stats).into_iter().for_each(|value| self.line(&labels, value));
            }
        }
    }

    fn protocols(&mut self, all: [(&str, &ProtocolCounters); 2]) {
        type Pick = fn(&ProtocolCounters) -> &AtomicU64;
        let rows: [(&str, &'static str, Pick); 6] = [
            ("requests_total", "Requests of senders.", |c| &c.requests),
            ("requests_refused_total", "Requests that can never be taken.", |c| &c.refused_requests),
            ("requests_postponed_total", "Requests that were told to come again.", |c| &c.postponed_requests),
            ("request_bytes_total", "Bytes of bodies, as they came.", |c| &c.bytes),
            ("samples_total", "Float samples taken.", |c| &c.samples),
            ("histograms_total", "Native histograms taken.", |c| &c.histograms),
        ];
        for (name, help, pick) in rows {
            self.head(&format!("ingest_{name}"), Counter, help);
            for (protocol, counters) in all {
                self.line(&[("protocol", protocol)], read(pick(counters)));
            }
        }
        self.head("ingest_rejected_total", Counter, "Samples that were not taken.");
        for (protocol, counters) in all {
            for (reason, count) in Reason::ALL.iter().zip(&counters.rejected) {
                self.line(&[("protocol", protocol), ("reason", reason.name())], read(count));
            }
        }
    }
}

/// All of them.
pub fn families(api: &Api) -> Families {
    let mut all = Families::default();
    let run = &api.run;
    let (commit, now_ms) = (run.commit_stats(), run.intake().now_ms());
    all.protocols([("remote_write", &api.ingest.remote_write), ("otlp", &api.ingest.otlp)]);
    all.receivers(&api.receivers);
    all.forwarded(&run.forwarded(), now_ms);
    all.one("log_bytes", Gauge, "Bytes of the durable log.", read(&commit.log_bytes));
    all.archive(run.archive());
    all.one("log_frames_total", Counter, "Commits: each is one fsync.", read(&commit.frames));
    all.one("log_samples_total", Counter, "Samples brought to disk.", read(&commit.samples));
    all.one("intake_refused_total", Counter, "Requests refused because too much was waiting.", read(&commit.refused));
    all.one("intake_waiting_bytes", Gauge, "Bytes between socket and dataflow.", read(&commit.waiting_bytes));
    all.one("epochs_total", Counter, "Epochs minted.", read(&commit.epochs));
    all.one("epochs_under_way", Gauge, "Epochs between log and ledger.", run.depth() as f64);
    all.waiting(commit);
    all.one("delta_series", Gauge, "Series of which deltas are added up.", read(&commit.delta_series));
    all.one(
        "deltas_dropped_total",
        Counter,
        "Deltas dropped because a newer one of their series had come.",
        read(&commit.deltas_dropped),
    );
    all.replicas(&commit.replicas.lock().unwrap_or_else(PoisonError::into_inner));
    let stats = run.stats();
    all.seconds("engine_latency_seconds", "From an epoch's binding to its decisions on disk.", &stats.engine);
    all.seconds("decision_delay_seconds", "From a decision's step to its being on disk.", &stats.delay);
    all.known(run.intake().dictionary());
    let reload = run.last_reload();
    let good = if reload.error.is_none() { 1.0 } else { 0.0 };
    all.one("rules_last_reload_successful", Gauge, "Whether the rule files were good when last read.", good);
    all.one("rules_last_reload_seconds", Gauge, "When good rules were read.", reload.good_ms as f64 / 1_000.0);
    let table = run.table();
    let view = run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let watermark = view.watermark_ms as f64 / 1_000.0;
    all.one("watermark_seconds", Gauge, "Steps up to here are decided and on disk.", watermark);
    let lag = (now_ms.saturating_sub(view.watermark_ms)) as f64 / 1_000.0;
    all.one(
        "watermark_lag_seconds",
        Gauge,
        "How far behind the wall clock that is.",
        if watermark > 0.0 { lag } else { 0.0 },
    );
    all.one("decisions_total", Counter, "Decisions in the ledger.", view.decisions as f64);
    all.corrections(&view.corrections);
    all.one("alerts", Gauge, "Alerts that are pending, firing or resolved lately.", view.book.len() as f64);
    all.one("rules_failing", Gauge, "Rules that failed at some step.", view.errors.len() as f64);
    all.rules(&table, &view.costs);
    all.missed(&run.missed_steps(&table));
    all.one("replay_differences_total", Counter, "Decisions that a replay gave otherwise.", view.differing as f64);
    if let Some(c) = view.checkpoint {
        let age = now_ms.saturating_sub(c.at_ms) as f64 / 1_000.0;
        all.one("checkpoint_age_seconds", Gauge, "Since the last checkpoint.", age);
        all.one("checkpoint_bytes", Gauge, "Kept state in it.", c.bytes as f64);
        all.one("checkpoint_write_seconds", Gauge, "How long it took to write.", c.took_ms as f64 / 1_000.0);
    }
    drop(view);
    if let Some(remote) = run.remote() {
        all.remote(remote, now_ms);
    }
    all
}

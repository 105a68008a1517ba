//! Random rule groups: recording rules that others read, alerting rules with everything that a rule file may say.

use crate::data::FAMILIES;
use crate::grammar::{Grammar, Source};
use crate::random::Random;
use crate::tree::Tree;
use std::fmt;

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name of the recorded series, or of the alert; no two rules of a case share one.
    pub name: String,
    /// Whether it alerts.
    pub is_alert: bool,
    /// Expression.
    pub expr: Tree,
    /// Hold duration, s.
    pub for_s: i64,
    /// s
    pub keep_firing_for_s: i64,
    /// Labels, group labels not among them.
    pub labels: Vec<(String, String)>,
}

/// A rule group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name.
    pub name: String,
    /// s
    pub interval_s: i64,
    /// s
    pub query_offset_s: i64,
    /// 0 is no limit.
    pub limit: usize,
    /// Labels of all rules.
    pub labels: Vec<(String, String)>,
    /// In order.
    pub rules: Vec<Rule>,
}

impl Group {
    /// A rule's labels over those of the group.
    pub fn labels_of(&self, rule: &Rule) -> Vec<(String, String)> {
        let mut labels = self.labels.clone();
        labels.retain(|(name, _)| rule.labels.iter().all(|(n, _)| n != name));
        labels.extend(rule.labels.clone());
        labels
    }
}

const ALERT_LABELS: &[(&str, &str)] = &[
    ("severity", "page"),
    ("team", "{{ $labels.job }}"),
    ("value", "{{ $value }}"),
    ("instance", "one"),
    ("where", "{{ with $labels.instance }}{{ . }}{{ else }}nowhere{{ end }}"),
    ("alertstate", "odd"),
];

const RECORD_LABELS: &[(&str, &str)] = &[("tier", "gold"), ("job", "fixed"), ("instance", ""), ("brace", "{{ no }}")];

/// The groups of a case.
pub fn groups(random: &mut Random) -> Vec<Group> {
    let mut kinds: Vec<Vec<bool>> = Vec::new();
    for _ in 0..random.between(1, 3) {
        let rules = random.between(1, 3);
        kinds.push((0..rules).map(|_| random.chance(50)).collect());
    }
    let sources = sources(&kinds);
    let mut at = 0;
    let mut groups = Vec::new();
    for (i, kinds) in kinds.iter().enumerate() {
        let mut group = Group {
            name: format!("g{i}"),
            interval_s: *random.pick(&[60, 60, 30, 30, 45, 15]),
            query_offset_s: *random.pick(&[0, 0, 0, 0, 30, 7, 60]),
            limit: if random.chance(15) { random.between(1, 4) as usize } else { 0 },
            labels: if random.chance(10) { owned(&[("owner", "ops")]) } else { Vec::new() },
            rules: Vec::new(),
        };
        for is_alert in kinds {
            group.rules.push(rule(random, &sources, at, *is_alert));
            at += 1;
        }
        groups.push(group);
    }
    groups
}

fn name_of(at: usize, is_alert: bool) -> String {
    if is_alert { format!("A{at}") } else { format!("r{at}") }
}

/// All ingested metrics, and some of what the rules produce: a rule may read others, later ones and itself.
fn sources(kinds: &[Vec<bool>]) -> Vec<Source> {
    let source = |name: &str, labels: &[&str], is_produced| Source {
        name: name.to_owned(),
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        is_produced,
    };
    let mut all: Vec<Source> = FAMILIES.iter().map(|f| source(f.name, f.labels, false)).collect();
    for (at, is_alert) in kinds.iter().flatten().enumerate() {
        if *is_alert {
            all.push(source("ALERTS", &["alertname", "alertstate", "job"], true));
        } else {
            all.push(source(&name_of(at, false), &["instance", "job", "tier"], true));
        }
    }
    if kinds.iter().flatten().any(|a| *a) {
        all.push(source("ALERTS_FOR_STATE", &["alertname", "instance"], true));
    }
    all
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn rule(random: &mut Random, sources: &[Source], at: usize, is_alert: bool) -> Rule {
    let mut grammar = Grammar::new(random, sources);
    let expr = if is_alert { grammar.condition() } else { grammar.root() };
    let labels = if is_alert { random.some(ALERT_LABELS, 12) } else { random.some(RECORD_LABELS, 8) };
    Rule {
        name: name_of(at, is_alert),
        is_alert,
        expr,
        for_s: if is_alert { *random.pick(&[0, 0, 15, 60, 120, 90]) } else { 0 },
        keep_firing_for_s: if is_alert { *random.pick(&[0, 0, 0, 60, 90]) } else { 0 },
        labels: owned(&labels),
    }
}

/// A rule file.
pub struct File<'a>(pub &'a [Group]);

impl fmt::Display for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "groups:")?;
        for group in self.0 {
            writeln!(f, "  - name: {}\n    interval: {}s", group.name, group.interval_s)?;
            if group.query_offset_s != 0 {
                writeln!(f, "    query_offset: {}s", group.query_offset_s)?;
            }
            if group.limit != 0 {
                writeln!(f, "    limit: {}", group.limit)?;
            }
            labels(f, "    ", &group.labels)?;
            writeln!(f, "    rules:")?;
            for rule in &group.rules {
                let kind = if rule.is_alert { "alert" } else { "record" };
                writeln!(f, "      - {kind}: {}\n        expr: {:?}", rule.name, rule.expr.to_string())?;
                if rule.for_s != 0 {
                    writeln!(f, "        for: {}s", rule.for_s)?;
                }
                if rule.keep_firing_for_s != 0 {
                    writeln!(f, "        keep_firing_for: {}s", rule.keep_firing_for_s)?;
                }
                labels(f, "        ", &rule.labels)?;
            }
        }
        Ok(())
    }
}

fn labels(f: &mut fmt::Formatter<'_>, indent: &str, labels: &[(String, String)]) -> fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    writeln!(f, "{indent}labels:")?;
    labels.iter().try_for_each(|(name, value)| writeln!(f, "{indent}  {name}: {value:?}"))
}

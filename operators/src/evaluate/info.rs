//! `info(v, {…})`: elements get labels from the info series that have their `instance` and `job`.
//!
//! # Semantics (Prometheus promql/info.go)
//! Of the info series of one name and key the one with the newest sample counts. It is an error if two have samples of that
//! stamp, if the sample is a native histogram, or if series of two names give one label different values. A label that an
//! element has stays. Elements that are info series themselves, and those with neither label of the key, get nothing.
//!
//! # State
//! A result for each element with the info series it has met, found when they first meet and kept as long as all of them
//! are there.
//!
//! # Limits
//! Errors are looked for at the keys that elements have at a step. Prometheus reads info series of a whole query by the
//! instances and the jobs that occur, so it may also fail because of series that no element meets.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, Member, key_of};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::selectors::Matchers;
use super::shared_elements::SharedElements;
use super::verdict::{SAME_LABELSET, put_masked};
use super::view::RowScratch;
use crate::program::{NodeIdx, Op};
use bellwether_model::block::{ones, words};
use bellwether_model::{Block, Labels, is_metadata};
use std::collections::{BTreeMap, BTreeSet};

/// State of one `info`.
#[derive(Debug, Default)]
pub struct Info {
    base: Groups,
    series: Groups,
    /// Tells info series.
    names: Option<Matchers>,
    results: SharedElements,
    /// By an element's row and the rows of the info series that it meets.
    joined: BTreeMap<(u32, Vec<u32>), Joined>,
    scratch: [RowScratch; 2],
}

/// What an element becomes.
#[derive(Clone, Debug)]
enum Joined {
    /// A row of the result.
    Row(u32),
    Dropped,
    /// An error, with this text.
    Conflict(String),
}

/// An info series, and the steps at which it counts.
type Chosen = (Member, Vec<u64>);

/// What is wrong, by step.
struct Faults {
    failed: Vec<u64>,
    /// Of the first step, the first text in order.
    message: Option<(u32, String)>,
}

impl Faults {
    fn add(&mut self, bits: &[u64], message: impl FnOnce(usize) -> String) {
        self.failed.iter_mut().zip(bits).for_each(|(f, b)| *f |= b);
        let Some(first) = ones(bits).next() else { return };
        if self.message.as_ref().is_none_or(|m| first as u32 <= m.0) {
            let found = (first as u32, message(first));
            self.message = Some(self.message.take().map_or(found.clone(), |m| m.min(found)));
        }
    }
}

/// The steps of both.
fn and(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a & b).collect()
}

fn is_empty(bits: &[u64]) -> bool {
    bits.iter().all(|w| *w == 0)
}

impl Info {
    /// Follows both sides; results of rows that are gone go with them.
    fn follow(&mut self, cx: &Context<'_>, n: NodeIdx) {
        let (inputs, key) = (&cx.node(n).inputs, Op::info_key());
        let base = self.base.follow(cx, inputs[0], |l| key_of(&key, l));
        let series = self.series.follow(cx, inputs[1], |l| key_of(&key, l));
        let restart = base.contains(&GroupChange::Restart) || series.contains(&GroupChange::Restart);
        let removed = |change: &GroupChange| if let GroupChange::Removed(_, row) = change { Some(*row) } else { None };
        let gone: BTreeSet<u32> = base.iter().filter_map(removed).collect();
        let gone_series: BTreeSet<u32> = series.iter().filter_map(removed).collect();
        if restart || !gone.is_empty() || !gone_series.is_empty() {
            let results = &mut self.results;
            self.joined.retain(|(row, series), joined| {
                let stays = !restart && !gone.contains(row) && !series.iter().any(|s| gone_series.contains(s));
                if let (false, Joined::Row(result)) = (stays, joined) {
                    results.release(*result);
                }
                stays
            });
        }
        self.base.sweep_all(&base);
        self.series.sweep_all(&series);
    }

    /// Whether an element is an info series itself.
    fn is_info(&self, member: &Member) -> bool {
        self.names.as_ref().is_some_and(|names| names.accept(&member.labels))
    }

    /// The info series that count for one key, by name.
    fn choices(
        &mut self,
        cx: &Context<'_>,
        n: NodeIdx,
        key: &Labels,
        present: &[u64],
        faults: &mut Faults,
    ) -> Vec<Vec<Chosen>> {
        let group = if key.is_empty() { None } else { self.series.find(key).and_then(|g| self.series.get(g)) };
        let mut by_name: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for member in group.into_iter().flat_map(|g| &g.members) {
            by_name.entry(member.labels.metric_name().to_owned()).or_default().push(member.clone());
        }
        by_name.into_values().map(|members| self.choose(cx, n, members, present, faults)).collect()
    }

    /// Of the series of one name and key, the newest at each step.
    fn choose(
        &mut self,
        cx: &Context<'_>,
        n: NodeIdx,
        members: Vec<Member>,
        present: &[u64],
        faults: &mut Faults,
    ) -> Vec<Chosen> {
        let (input, steps) = (cx.node(n).inputs[1], cx.steps(n).count);
        let mut newest: Vec<Option<(f64, usize)>> = vec![None; steps];
        let mut tied = vec![0u64; words(steps)];
        for (i, member) in members.iter().enumerate() {
            let row = cx.row(n, input, member.row, None, &mut self.scratch[1]);
            let mut histograms = vec![0u64; tied.len()];
            row.histograms.iter().for_each(|(step, _)| histograms[*step as usize / 64] |= 1 << (*step % 64));
            faults.add(&and(&histograms, present), |_| "info sample should be float".to_owned());
            for (step, stamp) in row.present() {
                match newest[step] {
                    Some((have, _)) if stamp < have => {}
                    Some((have, _)) if stamp == have => tied[step / 64] |= 1 << (step % 64),
                    _ => {
                        newest[step] = Some((stamp, i));
                        tied[step / 64] &= !(1 << (step % 64));
                    }
                }
            }
        }
        let scratch = &mut self.scratch[1];
        faults.add(&and(&tied, present), |step| {
            let stamp = newest[step].map(|(stamp, _)| stamp);
            let mut has_it = |m: &&Member| cx.row(n, input, m.row, None, scratch).get(step) == stamp;
            let two: Vec<String> = members.iter().filter(|m| has_it(m)).take(2).map(|m| m.labels.to_string()).collect();
            let ms = (stamp.unwrap_or(0.0) * 1000.0).round();
            let (one, other) = (two.first().map_or("", |t| t), two.get(1).map_or("", |t| t));
            format!("found duplicate series for info metric: existing {one} @ {ms}, new {other} @ {ms}")
        });
        let counts = |i: usize| {
            let mut bits = vec![0u64; words(steps)];
            let own = newest.iter().enumerate().filter(|(_, found)| found.is_some_and(|(_, of)| of == i));
            own.for_each(|(step, _)| bits[step / 64] |= 1 << (step % 64));
            bits
        };
        let chosen = members.into_iter().enumerate().map(|(i, m)| (m, counts(i)));
        chosen.filter(|(_, bits)| !is_empty(bits)).collect()
    }

    /// Elements of one key: their rows in the result, and at which steps.
    fn join_group(
        &mut self,
        cx: &Context<'_>,
        n: NodeIdx,
        g: u32,
        parts: &mut Vec<(u32, u32, Vec<u64>)>,
        faults: &mut Faults,
    ) {
        let Some(group) = self.base.get(g) else { return };
        let key = group.key.clone();
        let members: Vec<(Member, bool)> = group.members.iter().map(|m| (m.clone(), self.is_info(m))).collect();
        let (input, words) = (cx.node(n).inputs[0], words(cx.steps(n).count));
        let mut present = vec![0u64; words];
        for (member, _) in members.iter().filter(|(_, is_info)| !is_info) {
            cx.row(n, input, member.row, None, &mut self.scratch[0]).presence(&mut present);
        }
        let choices = if is_empty(&present) { Vec::new() } else { self.choices(cx, n, &key, &present, faults) };
        for (member, is_info) in &members {
            let mut bits = vec![0u64; words];
            cx.row(n, input, member.row, None, &mut self.scratch[0]).presence(&mut bits);
            for (series, bits) in meetings(bits, if *is_info { &[] } else { &choices }) {
                match self.meet(cx, n, (member, *is_info), &series) {
                    Joined::Row(row) => parts.push((row, member.row, bits)),
                    Joined::Dropped => {}
                    Joined::Conflict(text) => faults.add(&bits, |_| text),
                }
            }
        }
    }

    /// What an element becomes that meets these info series.
    fn meet(&mut self, cx: &Context<'_>, n: NodeIdx, (member, is_info): (&Member, bool), series: &[&Member]) -> Joined {
        let Op::Info { labels: wanted, required, .. } = &cx.node(n).op else { return Joined::Dropped };
        let results = &mut self.results;
        let join = || {
            if series.is_empty() && *required && !is_info {
                return Joined::Dropped;
            }
            match with_added(&member.labels, series, wanted) {
                Ok(labels) => Joined::Row(results.acquire(&labels)),
                Err(label) => Joined::Conflict(format!("conflicting label: {label}")),
            }
        };
        let key = (member.row, series.iter().map(|m| m.row).collect());
        self.joined.entry(key).or_insert_with(join).clone()
    }
}

/// The info series that an element meets at its steps: of each name one or none.
fn meetings(bits: Vec<u64>, choices: &[Vec<Chosen>]) -> Vec<(Vec<&Member>, Vec<u64>)> {
    let mut parts = vec![(Vec::new(), bits)];
    for of_name in choices {
        let mut next = Vec::new();
        for (series, mut left) in parts {
            for (member, counts) in of_name {
                let bits = and(&left, counts);
                left.iter_mut().zip(counts).for_each(|(l, c)| *l &= !c);
                let more = series.iter().copied().chain([member]).collect();
                next.push((more, bits));
            }
            next.push((series, left));
        }
        next.retain(|(_, bits)| !is_empty(bits));
        parts = next;
    }
    parts.retain(|(_, bits)| !is_empty(bits));
    parts
}

/// Labels with those of info series that are wanted and new; the label's name where two values are given.
fn with_added(labels: &Labels, series: &[&Member], wanted: &[String]) -> Result<Labels, String> {
    let mut added: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in series.iter().flat_map(|m| m.labels.iter()) {
        let is_wanted = wanted.is_empty() || wanted.binary_search_by(|w| w.as_str().cmp(name)).is_ok();
        if is_metadata(name) || !is_wanted || !labels.get(name).is_empty() {
            continue;
        }
        if *added.entry(name).or_insert(value) != value {
            return Err(name.to_owned());
        }
    }
    let mut builder = labels.to_builder();
    for (name, value) in added {
        builder.set(name, value);
    }
    Ok(builder.build())
}

impl NodeState for Info {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let Op::Info { names, .. } = &cx.node(n).op else { return None };
        self.names.get_or_insert_with(|| Matchers::new(names));
        self.follow(cx, n);
        let (input, steps) = (cx.node(n).inputs[0], cx.steps(n).count);
        let mut faults = Faults { failed: vec![0; words(steps)], message: None };
        let groups: Vec<u32> = self.base.iter().map(|(g, _)| g).collect();
        let mut parts = Vec::new();
        for g in groups {
            self.join_group(cx, n, g, &mut parts, &mut faults);
        }
        out.reset(self.results.elements.rows(), steps);
        let mut twice = vec![0; words(steps)];
        for (result, row, bits) in parts {
            let row = cx.row(n, input, row, None, &mut self.scratch[0]);
            put_masked(&mut out.row_mut(result as usize), row, &bits, &mut twice);
        }
        faults.add(&twice, |_| SAME_LABELSET.to_owned());
        Some(VerdictPart { failed: faults.failed, message: faults.message, ..VerdictPart::default() })
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.results.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.results.elements)
    }
}

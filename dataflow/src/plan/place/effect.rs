//! Placement of rules and taps.
//!
//! # Semantics
//! Equal identities (an alert's labels, a recorded series' labels) must meet on one worker: there duplicates are found and
//! state is kept. Identities are the element's labels without the name, under the rule's labels; so the labels
//! that place the elements must not be among those the rule writes.

use super::super::facts::Facts;
use super::Placer;
use bellwether_model::METRIC_NAME;
use bellwether_operators::program::{Node, NodeIdx, Op, Placement};

impl Placer<'_> {
    pub(super) fn effect(&mut self, mut node: Node) -> NodeIdx {
        let input = node.inputs.first().copied().unwrap_or(0);
        let mut written = match &node.op {
            Op::Alert(spec) => names(&spec.labels, &["alertname", "alertstate"]),
            Op::Record(spec) => names(&spec.labels, &[]),
            _ => {
                node.placement = self.placement(input).clone();
                return self.push(node, Facts::default());
            }
        };
        let facts = self.facts(input);
        let unique = facts.distinct_unnamed && !written.iter().any(|l| facts.varies(l));
        written.push(METRIC_NAME.to_owned());
        let new = written.iter().filter(|l| *l != METRIC_NAME).all(|l| !facts.may_have(l));
        let home = identity_home(self.placement(input), &written);
        // Labels that no element has do not enter the hash of the others: the elements are at home already.
        let there = new && matches!(self.placement(input), Placement::Except(_));
        if *self.placement(input) != home && !there {
            node.inputs[0] = self.exchange(input, home.clone());
        }
        node.placement = home;
        node.check_unique = !unique;
        // An alert may fail by its own alerts: templates make labels that are known at run time only.
        node.fallible = match &node.op {
            Op::Record(spec) => !unique || spec.limit > 0,
            _ => true,
        };
        self.push(node, Facts::default())
    }
}

fn names(labels: &[(String, String)], more: &[&str]) -> Vec<String> {
    labels.iter().map(|(n, _)| n.clone()).chain(more.iter().map(|n| (*n).to_owned())).collect()
}

/// The placement itself if no written label enters it, else the nearest one of which that is true.
fn identity_home(input: &Placement, written: &[String]) -> Placement {
    let stays = |l: &&String| !written.contains(l);
    let except = |more: &[String]| {
        let mut labels: Vec<String> = written.iter().chain(more).filter(|l| *l != METRIC_NAME).cloned().collect();
        labels.sort();
        labels.dedup();
        Placement::Except(labels)
    };
    match input.after_writing(written) {
        Placement::Scattered => match input {
            Placement::By(p) if p.iter().any(|l| stays(&l)) => Placement::By(p.iter().filter(stays).cloned().collect()),
            Placement::Except(p) => except(p),
            _ => except(&[]),
        },
        Placement::Replicated => Placement::By(Vec::new()),
        home => home,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(names: &[&str]) -> Vec<String> {
        names.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn a_rule_s_labels_never_place_its_identities() {
        let by = Placement::By(v(&["instance"]));
        assert_eq!(identity_home(&by, &v(&["severity"])), by);
        assert_eq!(identity_home(&by, &v(&["instance"])), Placement::Except(v(&["instance"])));
        let two = Placement::By(v(&["cluster", "instance"]));
        assert_eq!(identity_home(&two, &v(&["instance"])), Placement::By(v(&["cluster"])));
        assert_eq!(identity_home(&Placement::Scattered, &v(&["__name__"])), Placement::Except(vec![]));
        assert_eq!(identity_home(&Placement::Except(v(&["le"])), &v(&["a"])), Placement::Except(v(&["a", "le"])));
    }
}

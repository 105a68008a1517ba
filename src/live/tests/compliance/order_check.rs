//! `NewAlerts_OrderCheck`: a second alert of a rule that has one, and a rule that reads `ALERTS` of the rule before it, at the
//! same evaluation; templates see the labels of the result, not those of the rule.

use super::*;

const FIRST: &str = "NewAlerts_OrderCheck_Rule1";
const SECOND: &str = "NewAlerts_OrderCheck_Rule2";

pub(super) fn case() -> Case {
    let says = [("description", "This should produce more alerts later")];
    let reads = format!("Based on ALERTS. Old alertname was {FIRST}. foo was bar.");
    let of_variant = |variant, pending, firing, ends| {
        let phases =
            vec![phase(pending, Is::Pending, 11.0, &says), phase(firing, Is::Firing, 11.0, &says), inactive(ends)];
        Story::new(FIRST, &[("foo", "bar"), ("variant", variant)], phases)
    };
    let both = vec![phase(44, Is::Firing, 2.0, &[("description", &reads)]), inactive(65)];
    Case {
        group: "NewAlerts_OrderCheck",
        series: vec![
            (vec![("alertname", FIRST), ("variant", "one")], vec![(1.0, 8), (11.0, 65), (9.0, 21)]),
            (vec![("alertname", FIRST), ("variant", "two")], vec![(1.0, 32), (11.0, 33), (9.0, 21)]),
        ],
        stories: vec![
            of_variant("one", 8, 20, 73),
            of_variant("two", 32, 44, 65),
            Story::new(SECOND, &[("alertstate", "firing"), ("ba_dum", "tss"), ("foo", "baz")], both),
        ],
    }
}

#[test]
fn new_alerts_order_check() {
    complies("NewAlerts_OrderCheck");
}

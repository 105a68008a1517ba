//! `PendingAndFiringAndResolved`: an alert that fires, says another thing while it is pending and while it fires, resolves, and
//! comes back while receivers are still told that it is resolved.

use super::*;

const RULE: &str = "PendingAndFiringAndResolved_SimpleAlert";

pub(super) fn case() -> Case {
    let values =
        vec![(3.0, 1), (5.0, 3), (9.0, 4), (11.0, 13), (15.0, 32), (19.0, 16), (9.0, 20), (15.0, 45), (8.0, 16)];
    let says = |sample, is, value: f64| {
        let summary = format!("The value is {value} {value}");
        phase(sample, is, value, &[("description", "SimpleAlert is firing"), ("summary", &summary)])
    };
    let phases = vec![
        says(8, Is::Pending, 11.0),
        says(21, Is::Pending, 15.0),
        says(32, Is::Firing, 15.0),
        says(53, Is::Firing, 19.0),
        inactive(69),
        says(89, Is::Pending, 15.0),
        says(113, Is::Firing, 15.0),
        inactive(134),
    ];
    Case {
        group: "PendingAndFiringAndResolved",
        series: vec![(vec![("alertname", RULE)], values)],
        stories: vec![Story::new(RULE, &[("foo", "bar")], phases)],
    }
}

#[test]
fn pending_and_firing_and_resolved() {
    complies("PendingAndFiringAndResolved");
}

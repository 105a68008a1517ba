//! `PendingAndResolved_AlwaysInactive`: an alert that ends while it is pending, and one that never begins; nobody hears of either.

use super::*;

const PENDING: &str = "PendingAndResolved_AlwaysInactive_PendingAlert";
const INACTIVE: &str = "PendingAndResolved_AlwaysInactive_InactiveAlert";

pub(super) fn case() -> Case {
    let values = vec![(3.0, 1), (5.0, 3), (9.0, 4), (11.0, 11), (9.0, 1)];
    let says = [("description", "SimpleAlert is firing")];
    Case {
        group: "PendingAndResolved_AlwaysInactive",
        series: vec![(vec![("alertname", PENDING)], values.clone()), (vec![("alertname", INACTIVE)], values)],
        stories: vec![
            Story::new(PENDING, &[("foo", "bar")], vec![phase(8, Is::Pending, 11.0, &says), inactive(19)]),
            Story::new(INACTIVE, &[("ba_dum", "tss")], Vec::new()),
        ],
    }
}

#[test]
fn pending_and_resolved_always_inactive() {
    complies("PendingAndResolved_AlwaysInactive");
}

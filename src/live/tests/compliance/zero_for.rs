//! `ZeroFor_SmallFor`: an alert without hold duration, one whose hold duration is shorter than the interval, and templates with
//! every kind of function, a query among them.

use super::*;

const GROUP: &str = "ZeroFor_SmallFor";
const ZERO: &str = "ZeroFor_SmallFor_ZeroFor";
const SMALL: &str = "ZeroFor_SmallFor_SmallFor";

pub(super) fn case() -> Case {
    let values = vec![(3.0, 1), (5.0, 3), (9.0, 4), (15.0, 13), (9.0, 72), (11.0, 13), (9.0, 1)];
    let mut series = vec![(vec![("alertname", ZERO)], values.clone()), (vec![("alertname", SMALL)], values)];
    // What the template's query finds.
    for (id, kept, value) in [("101", "val1", 1.0), ("102", "val2", 2.0), ("103", "val3", 3.0)] {
        series
            .push((vec![("for", "template"), ("id", id), ("__value__", kept)], vec![(value, 28), (2.0 * value, 201)]));
    }
    let zero = |sample, value, found: &str| {
        let says = [
            ("description", "This should immediately fire"),
            ("template_query_test", &*format!("Args are: foo bar 99. first_id:101,{found}")),
            ("template_test", "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC"),
        ];
        phase(sample, Is::Firing, value, &says)
    };
    let small = |sample, is| {
        let text = "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. .";
        phase(sample, is, 15.0, &[("description", "This should fire after an interval"), ("template_test", text)])
    };
    let once = zero(8, 15.0, "101:1,102:2,103:3,");
    let again = zero(93, 11.0, "101:2,102:4,103:6,");
    Case {
        group: GROUP,
        series,
        stories: vec![
            Story::new(ZERO, &[("foo", "bar")], vec![once, inactive(21), again, inactive(106)]),
            Story::new(SMALL, &[("ba_dum", "tss")], vec![small(8, Is::Pending), small(10, Is::Firing), inactive(21)]),
        ],
    }
}

#[test]
fn zero_for_small_for() {
    complies(GROUP);
}

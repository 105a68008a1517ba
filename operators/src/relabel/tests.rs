//! Relabelling against what Prometheus does with the same entries.
#![allow(clippy::unwrap_used)]

use super::*;

fn entry(action: Action, source: &[&str], regex: &str, target: &str, replacement: &str) -> RelabelConfig {
    let given = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    RelabelConfig {
        source_labels: source.iter().map(|s| (*s).to_owned()).collect(),
        regex: given(regex),
        target_label: given(target),
        replacement: given(replacement),
        action,
        ..RelabelConfig::default()
    }
}

/// The labels after one entry, or `-`.
fn after(config: RelabelConfig, labels: &[(&str, &str)]) -> String {
    let labels = Labels::from_pairs(labels.iter().copied());
    Relabelling::compile(&[config]).unwrap().apply(&labels).map_or("-".to_owned(), |l| l.to_string())
}

#[test]
fn each_action_does_what_prometheus_does() {
    use Action::*;
    let labels = [("job", "api"), ("pod", "API-7"), ("zone", "eu-west")];
    let all = r#"{job="api", pod="API-7", zone="eu-west"}"#;
    for (config, want) in [
        (
            entry(Replace, &["zone"], "(.+)-(.+)", "region", "$2.$1"),
            r#"{job="api", pod="API-7", region="west.eu", zone="eu-west"}"#,
        ),
        (
            entry(Replace, &["job", "pod"], "", "both", ""),
            r#"{both="api;API-7", job="api", pod="API-7", zone="eu-west"}"#,
        ),
        // The match is anchored: a part is not enough.
        (entry(Replace, &["zone"], "eu", "region", "x"), all),
        // The target may be made of groups, and a name of nothing writes nothing.
        (
            entry(Replace, &["zone"], "(.+)-(.+)", "in_${1}", "$2"),
            r#"{in_eu="west", job="api", pod="API-7", zone="eu-west"}"#,
        ),
        (entry(Replace, &["nothing"], "", "$1", "x"), all),
        // An empty result removes the label, a fixed one adds it.
        (entry(Replace, &["nothing"], "", "job", ""), r#"{pod="API-7", zone="eu-west"}"#),
        (entry(Replace, &[], "", "cluster", "c1"), r#"{cluster="c1", job="api", pod="API-7", zone="eu-west"}"#),
        (entry(Keep, &["job"], "api|web", "", ""), all),
        (entry(Keep, &["job"], "ap", "", ""), "-"),
        (entry(Drop, &["job"], "a.i", "", ""), "-"),
        (entry(Drop, &["nothing"], ".+", "", ""), all),
        (entry(KeepEqual, &["job"], "", "pod", ""), "-"),
        (entry(DropEqual, &["job"], "", "pod", ""), all),
        (entry(DropEqual, &["job"], "", "job", ""), "-"),
        (entry(KeepEqual, &["nothing"], "", "nobody", ""), all),
        (entry(Lowercase, &["pod"], "", "pod", ""), r#"{job="api", pod="api-7", zone="eu-west"}"#),
        (entry(Uppercase, &["job"], "", "job", ""), r#"{job="API", pod="API-7", zone="eu-west"}"#),
        (
            entry(LabelMap, &[], "(.)o(.)", "", "${2}o$1"),
            r#"{boj="api", dop="API-7", job="api", pod="API-7", zone="eu-west"}"#,
        ),
        (entry(LabelDrop, &[], "p.*|zone", "", ""), r#"{job="api"}"#),
        (entry(LabelKeep, &[], "p.*|zone", "", ""), r#"{pod="API-7", zone="eu-west"}"#),
    ] {
        assert_eq!(after(config.clone(), &labels), want, "{config:?}");
    }
}

#[test]
fn a_hash_is_the_tail_of_md5() {
    // printf abc | md5sum is 900150983cd24fb0d6963f7d28e17f72.
    assert_eq!(hash("abc"), 0xd696_3f7d_28e1_7f72);
    let config = RelabelConfig { modulus: Some(1000), ..entry(Action::HashMod, &["a"], "", "h", "") };
    let want = 0xd696_3f7d_28e1_7f72_u64 % 1000;
    assert_eq!(after(config, &[("a", "abc")]), format!("{{a=\"abc\", h=\"{want}\"}}"));
}

#[test]
fn steps_run_in_order_and_the_first_that_lets_go_ends_it() {
    let steps = [
        entry(Action::Replace, &["a"], "", "b", ""),
        entry(Action::Replace, &["b"], "", "c", "<$1>"),
        entry(Action::LabelDrop, &[], "b", "", ""),
        entry(Action::Drop, &["c"], "<x>", "", ""),
    ];
    let steps = Relabelling::compile(&steps).unwrap();
    let apply = |a: &str| steps.apply(&Labels::from_pairs([("a", a)])).map(|l| l.to_string());
    assert_eq!(apply("y").unwrap(), r#"{a="y", c="<y>"}"#);
    assert_eq!(apply("x"), None);
}

#[test]
fn the_regex_matches_across_lines_and_is_go_s() {
    let config = entry(Action::Keep, &["a"], r"\d.\d", "", "");
    assert_eq!(after(config.clone(), &[("a", "1\n2")]), "{a=\"1\\n2\"}");
    assert_eq!(after(config, &[("a", "١.٢")]), "-");
    // An empty regex that was given matches only what is empty.
    let empty = RelabelConfig { regex: Some(String::new()), ..entry(Action::Keep, &["a"], "", "", "") };
    assert_eq!(after(empty, &[("a", "x")]), "-");
}

#[test]
fn what_prometheus_refuses_is_refused_with_its_place() {
    use Action::*;
    let fine = entry(Keep, &["a"], "x", "", "");
    for (config, want) in [
        (entry(Replace, &["a"], "", "", ""), "relabel configuration for replace action requires 'target_label' value"),
        (
            entry(Lowercase, &["a"], "", "", ""),
            "relabel configuration for lowercase action requires 'target_label' value",
        ),
        (entry(HashMod, &["a"], "", "b", ""), "relabel configuration for hashmod requires non-zero modulus"),
        (entry(Uppercase, &["a"], "", "b", "c"), "'replacement' can not be set for uppercase action"),
        (
            entry(DropEqual, &["a"], "(.*)", "b", ""),
            "dropequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        (entry(LabelDrop, &["a"], "x", "", ""), "labeldrop action requires only 'regex', and no other fields"),
        (entry(LabelKeep, &[], "x", "b", ""), "labelkeep action requires only 'regex', and no other fields"),
        (entry(Keep, &["a"], "(", "", ""), "error parsing regexp: missing closing ): `(`"),
    ] {
        let error = Relabelling::compile(&[fine.clone(), config]).unwrap_err();
        assert_eq!(error, RelabelError { entry: 1, reason: want.to_owned() });
        assert_eq!(error.to_string(), format!("entry 2 of the relabel configuration: {want}"));
    }
    let hostile = entry(Keep, &["a"], "((a{1000}){1000}){1000}", "", "");
    assert!(Relabelling::compile(&[hostile]).is_err());
}

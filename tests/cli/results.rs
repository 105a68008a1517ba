//! What a backtest gives: the same from every form of the data and any number of workers, and how it ends.

use crate::run::{Place, exists};

#[test]
fn the_summary_names_what_fired_and_what_did_not() {
    let place = Place::with_fleet();
    let rules = "groups:\n- name: g\n  interval: 1m\n  rules:\n  - {alert: Loud, expr: up >= 0}\n  - {alert: Quiet, expr: up > 1}\n";
    place.write("rules.yml", rules);
    let answer = place.backtest(&[]);
    let out = &answer.succeeds().out;
    assert!(out.contains("Loud") && out.contains("4 still firing") && out.contains('█'), "{out}");
    assert!(out.contains("never fired: Quiet"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colour where nobody looks");
    assert!(answer.err.is_empty(), "no progress bar where nobody looks: {}", answer.err);
}

#[test]
fn every_form_of_the_data_gives_the_same_decisions() {
    let place = Place::with_fleet();
    place.run(&["import", "fleet.parquet", "--out", "archive"]).succeeds();
    let mut texts = Vec::new();
    for (i, (data, workers)) in
        [("fleet.parquet", "1"), ("fleet.parquet", "2"), ("archive", "1"), ("archive", "3")].into_iter().enumerate()
    {
        let out = format!("d{i}.jsonl");
        place
            .run(&["backtest", "--rules", "rules.yml", "--data", data, "--workers", workers, "--out", &out])
            .succeeds();
        texts.push(place.read(&out));
    }
    assert!(!texts[0].is_empty());
    assert!(texts.iter().all(|t| *t == texts[0]));
}

#[test]
fn decisions_go_to_standard_output_and_the_summary_makes_room() {
    let place = Place::with_fleet();
    for args in [["--out", "-"], ["--format", "jsonl"]] {
        let answer = place.backtest(&args);
        let lines: Vec<serde_json::Value> =
            answer.succeeds().out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert!(answer.err.contains("4 decisions"), "{}", answer.err);
    }
    let table = place.backtest(&["--format", "table"]);
    assert!(table.succeeds().out.contains("firing") && table.out.contains("step (UTC)"), "{}", table.out);
}

#[test]
fn relative_instants_and_steps_are_understood() {
    let place = Place::with_fleet();
    let answer = place.backtest(&["--from", "-30m", "--to", "-10m", "--step", "5m", "--out", "-"]);
    assert!(answer.succeeds().err.contains("over 20m"), "{}", answer.err);
}

#[test]
fn a_rule_that_cannot_be_evaluated_ends_with_code_1() {
    let place = Place::with_fleet();
    let rules = "groups:\n- name: g\n  interval: 1m\n  rules:\n  - {alert: Twice, expr: up, labels: {instance: one, job: x, dc: x, team: x}}\n";
    place.write("rules.yml", rules);
    let answer = place.backtest(&[]);
    answer.refuses(1, &[]);
    assert!(answer.out.contains("failed: g/Twice") && answer.out.contains("labelset"), "{}", answer.out);
}

#[test]
fn warnings_go_beside_the_results() {
    let place = Place::with_fleet();
    place.write("empty.yml", "");
    let args = ["backtest", "--rules", "rules.yml", "empty.yml", "--data", "fleet.parquet", "--out", "-"];
    let answer = place.run(&args);
    assert!(answer.succeeds().err.contains("warning"), "{}", answer.err);
}

/// Ctrl-C in the middle: what is done is there, whole, and the terminal says how far it goes.
#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_done() {
    let place = Place::new();
    place.write("rules.yml", crate::run::RULES);
    place.run(&["generate", "--hosts", "100", "--hours", "24", "--out", "fleet"]).succeeds();
    let args =
        ["backtest", "--rules", "rules.yml", "--data", "fleet", "--step", "1s", "--block", "60", "--out", "d.jsonl"];
    let child = place.command(&args).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.unwrap();
    let pid = child.id().to_string();
    // Long enough to have begun; should the machine be so fast that all is done, the run ends well and that is right too.
    std::thread::sleep(std::time::Duration::from_millis(700));
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let answer = crate::run::Answer::of(child.wait_with_output().unwrap());
    if answer.code == 130 {
        assert!(answer.err.contains("stopped:") && answer.err.contains("part of the range"), "{}", answer.err);
    } else {
        answer.succeeds();
    }
    assert!(exists(&place.path("d.jsonl")), "{}", answer.err);
    assert!(place.read("d.jsonl").lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    assert_eq!(place.files(), ["d.jsonl", "fleet", "rules.yml"]);
}

/// What a template queries is answered by the engine at the alert's step; an answer may lead to another question.
#[test]
fn templates_query_the_engine() {
    let place = Place::with_fleet();
    let text = "{{ $n := query \"count(up)\" | first | value }}{{ $n }} hosts, \
                {{ printf \"vector(%v) + time() - time() + 1\" $n | query | first | value }} with this one, \
                {{ range printf \"up{instance=%q}\" .Labels.instance | query }}{{ .Labels.instance }}{{ end }}, \
                {{ query \"up{\" | len }}";
    let rules =
        "groups:\n- name: g\n  interval: 1m\n  rules:\n  - {alert: Loud, expr: up >= 0, annotations: {a: 'TEXT'}}\n";
    place.write("rules.yml", rules.replace("TEXT", text.rsplit_once(", ").unwrap().0));
    let answers: Vec<String> =
        ["1", "2"].iter().map(|w| place.backtest(&["--workers", w, "--out", "-"]).succeeds().out.clone()).collect();
    assert_eq!(answers[0], answers[1]);
    let lines: Vec<serde_json::Value> = answers[0].lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{}", answers[0]);
    for line in &lines {
        let instance = line["labels"]["instance"].as_str().unwrap();
        assert_eq!(line["annotations"]["a"], format!("4 hosts, 5 with this one, {instance}"), "{line}");
    }
    place.write("rules.yml", rules.replace("TEXT", text));
    let answer = place.backtest(&["--out", "-"]);
    assert!(
        answer.succeeds().out.contains("error expanding template") && answer.out.contains("parse error"),
        "{}",
        answer.out
    );
}

/// A label's query makes another alert of it whenever the answer changes; the same for any number of workers, and in tests.
#[test]
fn labels_query_the_engine() {
    let place = Place::new();
    let alert = "{alert: Few, expr: 'up == 0', labels: {up: '{{ query \"count(up == 1)\" | first | value }}'}, \
                 annotations: {a: 'host {{ printf \"vector(%v)\" $labels.instance | query | first | value }}'}}";
    let reader = "{record: seen, expr: 'count by (up) (ALERTS{alertname=\"Few\"})'}";
    place.write("rules.yml", format!("groups:\n- {{name: g, interval: 1m, rules: [{alert}, {reader}]}}\n"));
    let sample = |instance: usize, up: i32, minute: i64| {
        format!("up{{instance=\"{instance}\"}} {up} {}\n", 1_700_000_040 + 60 * minute)
    };
    let series = [[0, 0, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1]];
    let rows: String = (0..3).flat_map(|i| (0..4).map(move |m| sample(i, series[i][m], m as i64))).collect();
    place.write("data.txt", format!("# TYPE up gauge\n{rows}# EOF\n"));
    let run = |workers: &str| {
        let args = [
            "backtest",
            "--rules",
            "rules.yml",
            "--data",
            "data.txt",
            "--format",
            "jsonl",
            "--out",
            "-",
            "--workers",
            workers,
        ];
        place.run(&args).succeeds().out.clone()
    };
    let text = run("1");
    assert_eq!(text, run("2"));
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let told: Vec<String> = lines
        .iter()
        .map(|l| {
            let minute = (l["step_ms"].as_i64().unwrap() - 1_700_000_040_000) / 60_000;
            let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            let of = (text(&l["labels"]["instance"]), text(&l["labels"]["up"]), text(&l["annotations"]["a"]));
            format!("{minute} {} {of:?}", text(&l["transition"]))
        })
        .collect();
    let want = [
        r#"0 firing ("0", "2", "host 0")"#,
        r#"2 firing ("1", "1", "host 1")"#,
        r#"2 resolved ("0", "2", "host 0")"#,
        r#"2 firing ("0", "1", "host 0")"#,
        r#"3 resolved ("1", "1", "host 1")"#,
        r#"3 firing ("0", "2", "host 0")"#,
        r#"3 resolved ("0", "1", "host 0")"#,
    ];
    assert_eq!(told, want);
    let test = "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n  \
                - {series: 'up{instance=\"0\"}', values: '0 0 0 0'}\n  - {series: 'up{instance=\"1\"}', values: '1 1 0 1'}\n  \
                - {series: 'up{instance=\"2\"}', values: '1 1 1 1'}\n  alert_rule_test:\n  \
                - eval_time: 2m\n    alertname: Few\n    exp_alerts:\n    \
                - {exp_labels: {instance: '0', up: '1'}, exp_annotations: {a: host 0}}\n    \
                - {exp_labels: {instance: '1', up: '1'}, exp_annotations: {a: host 1}}\n  \
                - {eval_time: 3m, alertname: Few, exp_alerts: [{exp_labels: {instance: '0', up: '2'}, exp_annotations: {a: host 0}}]}\n  \
                promql_expr_test: [{expr: seen, eval_time: 2m, exp_samples: [{labels: 'seen{up=\"1\"}', value: 2}]}]\n";
    place.write("test.yml", test);
    place.run(&["test", "test.yml"]).succeeds();
}

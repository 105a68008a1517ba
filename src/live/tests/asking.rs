//! Queries in templates of a live run: the step's own answers, over restarts and in a backtest alike.

use super::*;
use bellwether_dataflow::render::{Collect, RunConfig, VecSource, run as run_dataflow};
use bellwether_dataflow::time::{SyntheticBindings, SyntheticSpec};
use bellwether_model::{Sample, Transition, Value};
use serde_json::json;

const ASKING: &str = r#"
groups:
- name: base
  interval: 15s
  rules:
  - record: job:load:sum
    expr: sum by (job) (load)
  - alert: High
    expr: load > 150
    for: 30s
    annotations:
      all: '{{ query "sum(load)" | first | value }}'
      recorded: '{{ range query "job:load:sum" }}{{ . | label "job" }}={{ . | value }}{{ end }}'
      deep: '{{ with query "max_over_time(sum(load)[1m:15s])" }}{{ . | first | value }}{{ end }}'
      order: '{{ range query "sort_desc(load)" }}{{ . | label "instance" }} {{ end }}'
      others: '{{ query "ALERTS{alertname=\"High\"}" | len }} {{ query "ALERTS{alertname=\"Later\"}" | len }}'
      number: '{{ query "1 + 1" | first | value }}'
      fails: '{{ query "load * on (job) load" | len }}'
      broken: '{{ query "sum(" | len }}'
      made: '{{ query (printf "load{instance=%q}" $labels.instance) | len }}'
  - alert: Sized
    expr: job:load:sum > 300
    labels:
      size: '{{ if gt (query "sum(load)" | first | value) 900.0 }}big{{ else }}small{{ end }}'
  - alert: Later
    expr: job:load:sum > 300
- name: behind
  interval: 15s
  query_offset: 30s
  rules:
  - alert: Behind
    expr: job:load:sum > 300
    annotations:
      now: '{{ $value }} then, {{ query "sum(load)" | first | value }} now, {{ query "ALERTS{alertname=\"Behind\"}" | len }}'
"#;

const TICKS: i64 = 100;

/// What the series say in sum at an instant.
fn sum_at(at_ms: i64) -> f64 {
    let all = samples((at_ms - START_MS) / TICK_MS);
    all.iter().filter(|(labels, ..)| labels.metric_name() == "load").map(|(_, _, value)| value).sum()
}

fn live(workers: usize) -> Vec<String> {
    let world = World::with_rules(4, ASKING);
    let run = world.start(workers).unwrap();
    for tick in 0..TICKS {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick));
        assert!(world.settle(&run, tick));
    }
    // What is shown is what the newest step says, transition or not.
    let view = run.handle().view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let newest_ms = (view.watermark_ms - 10_000 - START_MS).div_euclid(15_000) * 15_000 + START_MS + 10_000;
    let firing = view.book.iter().filter(|a| a.decision.alert == "High" && a.decision.transition == Transition::Firing);
    let shown: Vec<&str> = firing.map(|a| a.decision.annotations.get("all")).collect();
    assert!(!shown.is_empty() && shown.iter().all(|all| *all == sum_at(newest_ms).to_string()), "{shown:?}");
    drop(view);
    run.stop().unwrap();
    world.ledger()
}

/// The same rules over the same samples at once, by as many workers.
fn backtest(workers: usize) -> Vec<serde_json::Value> {
    let set = bellwether_dataflow::rules::load_text("rules.yml", ASKING).unwrap();
    let compiled = lower::compile(&lower::rule_inputs(&set), &[], &lower::Options::default()).unwrap();
    let to_ms = START_MS + (TICKS - 1) * TICK_MS - LATENESS_MS - 1;
    let all: Vec<_> = (0..TICKS).flat_map(samples).filter(|(_, at_ms, _)| *at_ms <= to_ms).collect();
    let spec = SyntheticSpec {
        first_epoch: 1,
        data_ms: Some((START_MS, to_ms)),
        block_ms: 120_000,
        lateness_ms: None,
        warm_from_ms: compiled.program.warm_from_ms(START_MS, None),
        from_ms: START_MS,
        to_ms,
    };
    let (mut program, mut all) = (Some(Arc::new(compiled.program)), all.into_iter().peekable());
    let epochs = SyntheticBindings::new(spec).iter().map(|span| {
        let mut batch = Vec::new();
        while let Some((labels, timestamp_ms, value)) = all.next_if(|(_, at_ms, _)| *at_ms <= span.upto_ms) {
            batch.push(Sample { labels, timestamp_ms, value: Value::Float(value), start_ms: 0 });
        }
        (span.binding(program.take()), batch)
    });
    let source = VecSource::from_samples(epochs.collect::<Vec<_>>());
    let (output, collected) = Collect::new();
    let config = RunConfig { workers, ..RunConfig::default() };
    run_dataflow(config, move |w, peers| Box::new(source.feed(w, peers)), output, Arc::default()).unwrap();
    let decisions = collected.take().into_iter().flat_map(|(_, out)| out.decisions).map(|placed| placed.decision);
    let pairs =
        |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), json!(v))).collect::<serde_json::Map<_, _>>();
    let line = |d: bellwether_model::Decision| {
        json!({
            "alert": d.alert, "step_ms": d.step_ms, "transition": d.transition.to_string(), "value": d.value,
            "labels": pairs(&d.labels), "annotations": pairs(&d.annotations),
        })
    };
    decisions.map(line).collect()
}

/// What a ledger's lines say, without when an episode began and where.
fn said(ledger: &[String]) -> Vec<serde_json::Value> {
    let line = |text: &String| {
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        let names = ["alert", "step_ms", "transition", "value", "labels", "annotations"];
        names.into_iter().map(|name| (name.to_owned(), all[name].clone())).collect()
    };
    ledger.iter().map(line).map(serde_json::Value::Object).collect()
}

fn sorted(mut all: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    all.sort_by_key(serde_json::Value::to_string);
    all
}

#[test]
fn templates_query_the_step_of_their_alert() {
    let ledger = live(1);
    let all = said(&ledger);
    for alert in ["High", "Sized", "Behind"] {
        assert!(all.iter().any(|d| d["alert"] == alert && d["transition"] == "firing"), "{alert}: {all:#?}");
    }
    let first_ms = all.iter().filter(|d| d["alert"] == "High").filter_map(|d| d["step_ms"].as_i64()).min();
    for d in &all {
        let (step_ms, says) =
            (d["step_ms"].as_i64().unwrap(), |name: &str| d["annotations"][name].as_str().unwrap_or(""));
        let sum = sum_at(step_ms);
        match d["alert"].as_str().unwrap() {
            "High" => {
                assert_eq!((says("all"), says("recorded")), (&*format!("{sum}"), &*format!("j={sum}")), "{d}");
                assert_eq!((says("number"), says("order").split_whitespace().count()), ("2", 4), "{d}");
                let inner =
                    (0..4).map(|k| sum_at((step_ms - START_MS - 10_000 - k * 15_000).max(0) + START_MS + 10_000));
                // Subqueries stand at multiples of their step, which is where the rule's own steps are.
                assert_eq!(says("deep"), inner.fold(0.0, f64::max).to_string(), "{d}");
                for (name, why) in [
                    ("fails", "the query cannot be evaluated at this step"),
                    ("broken", "parse error: unclosed left parenthesis"),
                    ("made", "a live run answers only queries that are written out"),
                ] {
                    let text = says(name);
                    assert!(text.starts_with("<error expanding template: ") && text.contains(why), "{text}");
                }
                // Neither its own alerts of this evaluation are there yet, nor those of a rule behind it.
                if Some(step_ms) == first_ms {
                    assert_eq!(says("others"), "0 0", "{d}");
                }
            }
            "Sized" if d["transition"] == "firing" => {
                assert_eq!(d["labels"]["size"], if sum > 900.0 { "big" } else { "small" }, "{d}");
            }
            "Behind" if d["transition"] == "firing" => {
                let then = sum_at(step_ms - 30_000);
                assert_eq!(says("now"), format!("{then} then, {sum} now, 0"), "{d}");
            }
            _ => {}
        }
    }
    assert_eq!(live(3), ledger);
    for workers in [1, 2] {
        let expected = sorted(all.clone());
        let got = sorted(backtest(workers));
        let missing: Vec<_> = expected.iter().filter(|d| !got.contains(d)).collect();
        assert!(got == expected, "{workers} workers: missing {missing:#?} of {} in {}", expected.len(), got.len());
    }
}

#[test]
fn restarts_and_replays_answer_alike() {
    let expected = live(2);
    let mut world = World::with_rules(5, ASKING);
    world.config.retention_ms = 3_600_000;
    let mut run = world.start(2).unwrap();
    for tick in 0..TICKS {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick));
        assert!(world.settle(&run, tick));
        if tick % 17 == 16 {
            world.crash(run);
            run = world.start(1 + (tick % 3) as usize).unwrap();
            assert!(world.send(&run, tick), "it is sent again after a gap");
            assert!(world.settle(&run, tick));
        }
    }
    run.stop().unwrap();
    assert_eq!(world.ledger(), expected);
    world.replays_alike();
}

//! What rules cost: counted by element and sample, alike on any number of workers.

use super::whole::{RULES, backtest, between, program_of, samples};
use super::*;
use crate::lower::Options;
use bellwether_operators::evaluate::RuleCost;
use std::collections::BTreeMap;

/// What each epoch cost, by rule, and what all rules read in it.
fn costs(rules: &str, workers: usize, mode: Mode, counts_costs: bool) -> Vec<(Vec<RuleCost>, u64)> {
    let (samples, mut program) = (samples(), Some(program_of(rules, &Options::default())));
    let epochs = backtest(30_000).iter();
    let epochs = epochs.map(|e| (e.binding(program.take()), between(&samples, e.after_ms, e.upto_ms)));
    let (output, collected) = Collect::new();
    let config = RunConfig { counts_costs, ..config(workers, mode) };
    run(config, feeds(&VecSource::from_samples(epochs.collect::<Vec<_>>())), output, Arc::default()).unwrap();
    collected.take().into_iter().map(|(_, out)| (out.costs, out.values_read)).collect()
}

const SOME: &str = r#"
groups:
  - name: g
    interval: 30s
    rules:
      - {alert: One, expr: 'load{instance="host-0"} > 200'}
      - {alert: Ten, expr: 'load{instance=~"host-[0-9]"} > 200'}
      - {alert: Window, expr: 'rate(requests_total{instance="host-0"}[2m]) > 200'}
      - {alert: TenWindows, expr: 'rate(requests_total{instance=~"host-[0-9]"}[2m]) > 200'}
      - {alert: Long, expr: 'rate(requests_total{instance="host-0"}[4m]) > 200'}
      - {alert: Histograms, expr: 'histogram_count(rate(lat{instance="host-0"}[2m])) > 200'}
      - {alert: Empty, expr: 'nothing > 200'}
      - {alert: Sum, expr: 'sum(load) > 20000'}
      - {record: 'load:sum', expr: 'sum(load)'}
      - {alert: Recorded, expr: 'load:sum > 20000'}
"#;

#[test]
fn a_rule_costs_what_it_reads() {
    // A sample or the window's, then the comparison and the alert. `Sum` and the record share all but what they do with it.
    let expected = [
        ("Empty", 0),
        ("Histograms", 8 + 3),
        ("Long", 16 + 2),
        ("One", 3),
        ("Recorded", 3),
        ("Sum", 12 + 12 + 2),
        ("Ten", 30),
        ("TenWindows", 100),
        ("Window", 8 + 2),
        ("load:sum", 12 + 12 + 1),
    ];
    let alone: u64 = expected.iter().map(|(_, values)| values).sum();
    for workers in 1..=4 {
        let epochs = costs(SOME, workers, Mode::Threads, true);
        let steps: u64 = epochs.iter().flat_map(|(costs, _)| costs).map(|cost| cost.evaluations).sum();
        assert_eq!(steps, 71 * 10, "{workers} workers");
        // The first epochs warm up, and not all windows are full; the last one has no step of its own.
        let later: Vec<_> = epochs.iter().filter(|(costs, _)| !costs.is_empty()).skip(20).collect();
        assert!(later.len() > 45, "{}", later.len());
        for (costs, all) in later {
            let got: Vec<_> = costs.iter().map(|c| (c.rule.strip_prefix("g/").unwrap(), c.values)).collect();
            assert_eq!(got, expected, "{workers} workers");
            assert!(costs.iter().all(|cost| cost.evaluations == 1), "{costs:?}");
            assert_eq!(*all, alone - 24, "what two rules share counts once");
        }
    }
}

#[test]
fn every_epoch_costs_the_same_on_any_number_of_workers() {
    let expected = costs(RULES, 1, Mode::Threads, true);
    let rules: BTreeMap<&str, u64> =
        expected.iter().flat_map(|(costs, _)| costs).map(|cost| (cost.rule.as_str(), cost.values)).collect();
    assert!(rules.len() == 15 && rules.values().all(|values| *values > 0), "{rules:?}");
    for (workers, mode) in ALL {
        let got = costs(RULES, workers, mode, true);
        let differing = got.iter().zip(&expected).find(|(a, b)| a != b);
        assert!(got.len() == expected.len() && differing.is_none(), "{workers} {mode:?}: {differing:#?}");
    }
}

#[test]
fn nobody_counts_where_nobody_asks() {
    assert!(costs(SOME, 2, Mode::Threads, false).iter().all(|(costs, values)| costs.is_empty() && *values == 0));
}

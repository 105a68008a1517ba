//! What rules cost, as a live run counts it.

use super::*;

/// What each rule has cost after some ticks: evaluations, failures, values.
fn costs(run: &LiveRun) -> Vec<(String, RuleTotals)> {
    let table = run.handle().table();
    let view = run.handle().view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    table.set.rules().map(|(_, g, r)| (r.name.clone(), view.costs.of(&g.name, &r.name))).collect()
}

fn go_on(world: &World, run: &LiveRun, ticks: std::ops::Range<i64>) {
    for tick in ticks {
        world.go_to(run, tick);
        assert!(world.send(run, tick));
        assert!(world.settle(run, tick));
    }
}

#[test]
fn any_number_of_workers_counts_the_same_and_a_restart_begins_again() {
    let mut expected: Option<Vec<(String, RuleTotals)>> = None;
    for workers in 1..=4 {
        let world = World::with_rules(1, &format!("{RULES}  - alert: Fails\n    expr: up + on () up\n"));
        let run = world.start(workers).unwrap();
        go_on(&world, &run, 0..60);
        let got = costs(&run);
        run.stop().unwrap();
        for (rule, totals) in &got {
            assert!((12..=21).contains(&totals.evaluations) && totals.values > 0, "{rule}: {totals:?}");
            assert_eq!(totals.failures > 0, rule == "Fails", "{rule}: {totals:?}");
        }
        assert_eq!(*expected.get_or_insert_with(|| got.clone()), got, "{workers} workers");
        let run = world.start(workers).unwrap();
        assert!(costs(&run).iter().all(|(_, totals)| *totals == RuleTotals::default()), "{:?}", costs(&run));
        // After a gap of ours the watermark waits until the sender is heard of.
        go_on(&world, &run, 60..80);
        let (again, gap) = (costs(&run), 3);
        for ((rule, before), (_, after)) in got.iter().zip(&again) {
            assert!(after.evaluations + gap < before.evaluations, "{rule}: {before:?} {after:?}");
            assert!(after.evaluations > 2, "{rule}: {before:?} {after:?}");
        }
        run.stop().unwrap();
    }
}

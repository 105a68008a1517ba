//! What a worker's store takes in, keeps, and gives up.

use super::*;

fn batch(defs: &[(u32, &str)], samples: &[(u32, i64, f64)]) -> Runs {
    let mut r = Runs::default();
    for (n, name) in defs {
        r.defs.push((*n, Labels::from_pairs([("__name__", name)])));
    }
    for (n, t, v) in samples {
        r.push_sample(*n, *t, *v);
    }
    r
}

#[test]
fn one_series_of_two_links_is_one_slot() {
    let mut s = SeriesStore::default();
    let a = s.admit(0, &batch(&[(0, "up")], &[(0, 10, 1.0)]), i64::MIN);
    let b = s.admit(1, &batch(&[(5, "up")], &[(5, 10, 2.0), (5, 20, 3.0)]), 10);
    assert_eq!((a.appeared.len(), b.appeared.len()), (1, 0));
    assert_eq!((b.conflicts, b.late), (1, 1));
    assert_eq!(s.samples(a.appeared[0]).values, [1.0, 3.0]);
}

#[test]
fn a_retracted_series_comes_back_in_a_new_slot() {
    let mut s = SeriesStore::default();
    let first = s.admit(0, &batch(&[(0, "up")], &[(0, 10, 1.0)]), i64::MIN).appeared;
    assert_eq!(s.prune(11), first);
    let again = s.admit(0, &batch(&[], &[(0, 20, 2.0)]), i64::MIN).appeared;
    assert_ne!(again, first, "the old slot may still be referred to");
    assert!(s.prune(12).is_empty());
    let other = s.admit(0, &batch(&[(1, "down")], &[(1, 20, 2.0)]), i64::MIN).appeared;
    assert_eq!(other, first, "free after the next pruning");
    assert_eq!(s.admit(0, &batch(&[], &[(0, 30, 2.0)]), i64::MIN).appeared, Vec::<Slot>::new());
    assert_eq!(s.samples(again[0]).len(), 2);
}

#[test]
fn histograms_stand_beside_floats_and_keep_a_series_alive() {
    let h = |count| Arc::new(Histogram { count, ..Histogram::default() });
    let mut s = SeriesStore::default();
    let mut runs = batch(&[(0, "up")], &[(0, 10, 1.0), (0, 30, 3.0)]);
    for (t, count) in [(10, 9.0), (20, 2.0), (20, 2.0), (20, 5.0), (40, 4.0)] {
        runs.push_value(0, t, Value::Histogram(h(count)), 0);
    }
    let a = s.admit(0, &runs, i64::MIN);
    assert_eq!((a.samples, a.duplicates, a.conflicts, a.appeared.len()), (7, 1, 2, 1));
    let slot = a.appeared[0];
    assert_eq!(s.admit(0, &batch(&[], &[(0, 40, 1.0), (0, 50, 5.0)]), 45).conflicts, 1, "a histogram was first");
    assert_eq!(s.histograms(slot), [(20, h(2.0)), (40, h(4.0))]);
    assert_eq!(s.samples(slot).values, [1.0, 3.0, 5.0]);
    s.prune_one(slot, 30);
    assert_eq!((s.histograms(slot).len(), s.samples(slot).len()), (1, 2));
    let mut only = batch(&[(1, "down")], &[]);
    only.push_value(1, 60, Value::Histogram(h(1.0)), 0);
    let down = s.admit(0, &only, i64::MIN).appeared[0];
    assert!(!s.prune(60).contains(&down) && !s.is_empty(down));
    assert!(s.prune(61).contains(&down));
}

#[test]
fn a_start_belongs_to_the_sample_that_came_first() {
    let h = Arc::new(Histogram::default());
    let mut s = SeriesStore::default();
    let mut runs = batch(&[(0, "up")], &[(0, 10, 1.0)]);
    for (t, v, start) in [(10, 2.0, 5), (20, 2.0, 15), (20, 2.0, 16), (30, 3.0, 0)] {
        runs.push_value(0, t, Value::Float(v), start);
    }
    runs.push_value(0, 30, Value::Histogram(Arc::clone(&h)), 25);
    runs.push_value(0, 40, Value::Histogram(h), 35);
    let slot = s.admit(0, &runs, i64::MIN).appeared[0];
    assert_eq!(s.beside(slot).starts, [(20, 15), (40, 35)]);
    s.prune_one(slot, 21);
    assert_eq!(s.beside(slot).starts, [(40, 35)]);
}

#[test]
fn what_a_rule_writes_and_what_comes_in_is_one_series() {
    let r = || Labels::from_pairs([("__name__", "r")]);
    let mut s = SeriesStore::default();
    let ingested = s.admit(0, &batch(&[(0, "r")], &[(0, 10, 1.0), (0, 40, 4.0)]), i64::MIN).appeared;
    let (slot, from) = s.add_recorded(r());
    assert_eq!((from, s.samples(ingested[0]).len()), (Some(ingested[0]), 0));
    s.push(slot, 20, 2.0);
    s.push(slot, 40, 9.0);
    assert!(s.admit(1, &batch(&[(7, "r")], &[(7, 30, 3.0)]), i64::MIN).appeared.is_empty());
    assert_eq!(s.samples(slot).values, [1.0, 2.0, 3.0, 4.0], "of one stamp the first stays");
    assert_eq!(s.prune(5), ingested, "the one that had the samples is retracted");
    s.admit(1, &batch(&[], &[(7, 50, 5.0)]), i64::MIN);
    assert_eq!(s.samples(slot).len(), 5);
    s.remove_produced(slot);
    assert_eq!(s.admit(1, &batch(&[], &[(7, 60, 6.0)]), i64::MIN).appeared.len(), 1);
}

#[test]
fn recorded_names_are_not_stored() {
    let mut s = SeriesStore::default();
    s.ignore_names(&["job:up:sum".to_owned()]);
    let a = s.admit(0, &batch(&[(0, "job:up:sum")], &[(0, 10, 1.0)]), i64::MIN);
    assert_eq!((a.ignored, a.appeared.len()), (1, 0));
    s.ignore_names(&[]);
    assert_eq!(s.admit(0, &batch(&[], &[(0, 20, 1.0)]), i64::MIN).appeared.len(), 1);
}

/// A series that is read further back than before: of a stamp that nobody read by then, the second value may still stand there.
#[test]
fn what_is_loaded_takes_the_place_of_what_is_there() {
    let mut s = SeriesStore::default();
    let up = s.admit(0, &batch(&[(0, "up")], &[(0, 20, 2.0), (0, 30, 3.0)]), i64::MIN).appeared[0];
    assert_eq!(s.admit(0, &batch(&[], &[(0, 10, -1.0)]), 30).late, 1);
    let mut all = batch(&[(0, "up"), (1, "new")], &[(0, 10, 1.0), (0, 10, -1.0), (0, 20, 2.0), (0, 30, 3.0)]);
    all.push_sample(1, 10, 5.0);
    let done = s.load(0, &all);
    assert_eq!((done.conflicts, done.appeared.len()), (1, 1));
    assert_eq!(s.samples(up).values, [1.0, 2.0, 3.0]);
    assert_eq!(s.samples(done.appeared[0]).values, [5.0]);
    assert_eq!(s.admit(0, &batch(&[], &[(0, 30, 9.0), (0, 40, 4.0)]), 30).conflicts, 1);
    assert_eq!(s.samples(up).values, [1.0, 2.0, 3.0, 4.0]);
}

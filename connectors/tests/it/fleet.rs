//! The generated fleet: the same as Parquet and as an archive, and of the shape that the rules look for.

use crate::common::*;
use bellwether_connectors::sink::IfExists;
use bellwether_connectors::source::archive::ArchiveOptions;
use bellwether_connectors::source::fleet::*;
use std::collections::BTreeSet;

fn small() -> FleetOptions {
    FleetOptions { hosts: 12, hours: 3.0, incidents_per_host_day: 30.0, seed: 5, ..FleetOptions::default() }
}

#[test]
fn parquet_and_archive_hold_the_same_samples() {
    let dir = tempfile::tempdir().unwrap();
    let (parquet, archive) = (dir.path().join("f.parquet"), dir.path().join("f.archive"));
    let a = write_parquet(&small(), &parquet, IfExists::Refuse, &mut |_| {}).unwrap();
    let b = write_archive(&small(), &archive, ArchiveOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((a, a.series), (b, 12 * 22));
    assert!(a.samples < small().samples_at_most() && a.samples > small().samples_at_most() * 9 / 10);
    let read = |path| {
        let opened = open_one(path).unwrap();
        assert!(opened.notes.is_empty());
        sorted(drain(opened.sources(2), opened.span.unwrap().0, 1_800_000))
    };
    let rows = read(&parquet);
    assert_eq!(rows, read(&archive));
    assert_eq!(rows, sorted(read_naively(&parquet)));
    let names: BTreeSet<_> = rows.iter().map(|r| r.0.metric_name()).collect();
    assert_eq!(names.len(), 9);
    let again = dir.path().join("again.parquet");
    write_parquet(&small(), &again, IfExists::Refuse, &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(&parquet).unwrap(), std::fs::read(&again).unwrap());
}

#[test]
fn incidents_show_in_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.parquet");
    write_parquet(&small(), &path, IfExists::Refuse, &mut |_| {}).unwrap();
    let rows = read_naively(&path);
    let incidents = small().incidents();
    assert!((20..80).contains(&incidents.len()), "{}", incidents.len());
    let kinds: BTreeSet<_> = incidents.iter().map(|i| i.kind.name()).collect();
    assert_eq!(kinds.len(), 6);
    for incident in incidents.iter().filter(|i| i.kind == IncidentKind::Down) {
        let during =
            |r: &&Row| r.0.get("instance") == incident.instance && (incident.start_ms..=incident.end_ms).contains(&r.1);
        assert!(rows.iter().filter(during).all(|r| r.0.metric_name() == "up" && f64::from_bits(r.2) == 0.0));
    }
    let list = dir.path().join("i.csv");
    write_incidents(&incidents, &list, IfExists::Refuse).unwrap();
    let text = std::fs::read_to_string(&list).unwrap();
    assert_eq!(text.lines().next(), Some("kind,instance,start_ms,end_ms"));
    assert_eq!(text.lines().count(), incidents.len() + 1);
}

#[test]
fn nothing_is_a_fleet_too() {
    let dir = tempfile::tempdir().unwrap();
    for (i, (hosts, hours)) in [(0, 1.0), (2, 0.0)].into_iter().enumerate() {
        let fleet = FleetOptions { hosts, hours, ..FleetOptions::default() };
        let path = dir.path().join(format!("{i}.parquet"));
        let report = write_parquet(&fleet, &path, IfExists::Refuse, &mut |_| {}).unwrap();
        assert_eq!(report.samples, 0);
        assert_eq!(open_one(&path).unwrap().span, None);
    }
}

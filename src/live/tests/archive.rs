//! Runs that are disturbed and keep an archive whose parts are merged: what it holds replays to what the run decided.

use super::*;
use bellwether_connectors::source::archive::Rolled;
use std::sync::atomic::Ordering;

const SPAN_MS: i64 = 30_000;
const COMPACT_MS: i64 = 4 * SPAN_MS;

/// A world whose folder is one of the machine's as well: the archive is in there, everything else on the simulated disk.
pub(in crate::live) fn world(seed: u64) -> (World, tempfile::TempDir) {
    let (mut world, folder) = (World::new(seed), tempfile::tempdir().unwrap());
    world.config.folder = folder.path().to_owned();
    let archive = ArchiveSpec::new(&folder.path().join("archive"));
    world.config.archive = Some(ArchiveSpec { span_ms: SPAN_MS, compact_ms: COMPACT_MS, ..archive });
    (world, folder)
}

/// Parts that were merged: those of more than one span.
fn merged(world: &World) -> usize {
    let rolled = Rolled::read(&world.config.folder.join("archive")).unwrap().unwrap();
    assert!(rolled.parts.windows(2).all(|p| p[1].from_epoch == p[0].to_epoch + 1), "{rolled:#?}");
    let before: Vec<i64> = rolled.parts.iter().map(|p| p.before_ms).collect();
    before.windows(2).filter(|w| w[1] - w[0] > SPAN_MS).count()
}

#[test]
fn a_run_that_crashes_while_parts_are_merged_replays_alike() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let first = number("BELLWETHER_SEED").unwrap_or(0);
    let (seeds, mut all, mut from_archive) = (number("BELLWETHER_ARCHIVES").unwrap_or(12), 0, 0);
    for seed in first..first + seeds {
        let (world, _folder) = world(seed);
        let ends = lives(&world, seed);
        let run = world.start(1).unwrap();
        let begin = Instant::now();
        while merged(&world) == 0 {
            assert!(begin.elapsed() < Duration::from_secs(60), "seed {seed}, {ends:?}: nothing is merged");
            assert!(run.ended(Duration::from_millis(20)).is_none());
        }
        let failures = run.handle().archive().merge_failures.load(Ordering::Relaxed);
        assert_eq!((failures, run.handle().archive().trouble()), (0, None), "seed {seed}");
        run.stop().unwrap();
        let log = world.disk.list(&world.config.folder.join("log")).unwrap();
        from_archive += u64::from(!log.contains(&"0000000000000001.seg".to_owned()));
        world.replays_alike();
        all += merged(&world);
    }
    println!("{all} merged parts in {seeds} archives, {from_archive} replays from the archive");
    assert!(from_archive * 2 > seeds, "{from_archive} logs of {seeds} do not go back to their beginning");
}

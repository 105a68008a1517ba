//! Nothing that was acknowledged is lost, whatever the disk does; and what is lost by damage is said.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::disk::{Disk, RealDisk, fault::FaultDisk};
use crate::source::intake::{Dictionary, Rows};
use bellwether_model::Labels;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

const FOLDER: &str = "log";

fn labels(i: u32) -> Labels {
    Labels::from_pairs([("__name__", "m".to_owned()), ("i", i.to_string())])
}

fn rows(dictionary: &Dictionary, from: u32, n: u32, stamp_ms: i64) -> Rows {
    let mut rows = Rows::default();
    for i in from..from + n {
        rows.push(dictionary.define(&labels(i)).0, stamp_ms, f64::from(i));
    }
    rows
}

fn open(disk: &Arc<dyn Disk>, spec: LogSpec) -> Result<(Log, Opened, Dictionary), LogError> {
    let dictionary = Dictionary::new("");
    let (log, opened) = Log::open(disk, &PathBuf::from(FOLDER), spec, &dictionary)?;
    Ok((log, opened, dictionary))
}

/// Every sample by labels, in log order, and the epochs.
fn all(log: &Log, dictionary: &Dictionary) -> (Vec<(String, i64, f64)>, Vec<u64>) {
    let (mut samples, mut epochs, mut reader) = (Vec::new(), Vec::new(), log.reader(|_| true));
    while let Some(Frame { rows, bind }) = reader.read().unwrap() {
        for ((series, stamp), value) in rows.series.iter().zip(&rows.stamps).zip(&rows.values) {
            samples.push((dictionary.labels(*series).expect("a series of the log").to_string(), *stamp, *value));
        }
        epochs.extend(bind.map(|b| b.epoch));
    }
    (samples, epochs)
}

#[test]
fn a_log_is_found_again_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let at = folder.path().join("log");
    let spec = LogSpec { segment_bytes: 250 };
    let dictionary = Dictionary::new("");
    let (mut log, opened) = Log::open(&disk, &at, spec, &dictionary).unwrap();
    assert_eq!(opened, Opened { torn_bytes: 0, last_epoch: 0, unbound_frames: 0 });
    for epoch in 1..=20u64 {
        let rows = rows(&dictionary, epoch as u32, 3, epoch as i64 * 1_000);
        let bind = epoch.is_multiple_of(2).then(|| Bind { epoch: epoch / 2, bytes: vec![epoch as u8] });
        log.commit(rows, bind, &dictionary).unwrap();
    }
    let (samples, epochs) = all(&log, &dictionary);
    assert_eq!((samples.len(), epochs), (60, (1..=10).collect()));
    assert!(log.segments().len() > 3, "{}", log.segments().len());
    drop(log);
    let again = Dictionary::new("");
    let (mut log, opened) = Log::open(&disk, &at, spec, &again).unwrap();
    assert_eq!((opened.torn_bytes, opened.last_epoch, opened.unbound_frames), (0, 10, 0));
    assert_eq!(all(&log, &again).0, samples);
    // What nobody needs goes, and only that.
    let before = log.segments().len();
    assert_eq!(log.collect(10, 1_000).unwrap(), 0);
    assert_eq!(log.collect(0, i64::MAX).unwrap(), 0);
    let gone = log.collect(5, i64::MAX).unwrap();
    assert!(gone > 0 && gone < before);
    assert!(log.segments()[0].last_epoch > 5);
    assert_eq!(log.collect(u64::MAX, i64::MAX).unwrap(), before - gone - 1, "the last one stays");
}

#[test]
fn damage_in_the_middle_is_an_error_that_says_where() {
    let disk = FaultDisk::new(1);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (mut log, _, dictionary) = open(&shared, LogSpec::default()).unwrap();
    for epoch in 1..=5 {
        log.commit(rows(&dictionary, 0, 5, 1), Some(Bind { epoch, bytes: Vec::new() }), &dictionary).unwrap();
    }
    let path = log.segments()[0].path.clone();
    drop(log);
    disk.flip(&path, 200);
    let text = open(&shared, LogSpec::default()).err().unwrap().to_string();
    assert!(text.contains("0000000000000001.seg is damaged at byte") && text.contains("Restore"), "{text}");
    disk.flip(&path, 200);
    assert!(open(&shared, LogSpec::default()).is_ok());
    disk.flip(&path, 5);
    let text = open(&shared, LogSpec::default()).err().unwrap().to_string();
    assert!(text.contains("damaged at byte 0"), "{text}");
}

#[test]
fn another_version_is_named() {
    let disk: Arc<dyn Disk> = Arc::new(FaultDisk::new(1));
    let mut bytes = b"BWLG\x09\0\0\0".to_vec();
    bytes.extend_from_slice(&bellwether_model::hash64(&[&bytes]).to_le_bytes());
    disk.create(&PathBuf::from("log/0000000000000001.seg")).unwrap().append(&bytes).unwrap();
    let text = open(&disk, LogSpec::default()).err().unwrap().to_string();
    assert!(text.contains("has format version 9, this build reads 1"), "{text}");
}

#[test]
fn a_missing_segment_is_an_error() {
    let disk: Arc<dyn Disk> = Arc::new(FaultDisk::new(1));
    let spec = LogSpec { segment_bytes: 100 };
    let (mut log, _, dictionary) = open(&disk, spec).unwrap();
    for epoch in 1..=5 {
        log.commit(rows(&dictionary, 0, 5, 1), Some(Bind { epoch, bytes: Vec::new() }), &dictionary).unwrap();
    }
    let path = log.segments()[2].path.clone();
    drop(log);
    disk.remove(&path).unwrap();
    assert!(matches!(open(&disk, spec), Err(LogError::Missing { expected: 3, .. })));
}

#[test]
fn after_a_failed_sync_nothing_more_is_taken() {
    let disk = FaultDisk::new(3);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (mut log, _, dictionary) = open(&shared, LogSpec::default()).unwrap();
    log.commit(rows(&dictionary, 0, 1, 1), None, &dictionary).unwrap();
    disk.fail_after(1, true);
    let error = log.commit(rows(&dictionary, 0, 1, 2), None, &dictionary).unwrap_err();
    assert!(error.to_string().contains("syncing failed"), "{error}");
    disk.crash();
    assert!(matches!(log.commit(rows(&dictionary, 0, 1, 3), None, &dictionary), Err(LogError::Broken)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_was_acknowledged_survives(
        seed in any::<u64>(),
        lives in prop::collection::vec((prop::collection::vec((0u32..30, 0u32..6, any::<bool>()), 1..12), 0u64..40, any::<bool>()), 1..6),
        segment_bytes in 50u64..800,
    ) {
        let disk = FaultDisk::new(seed);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let spec = LogSpec { segment_bytes };
        let (mut acknowledged, mut epochs): (Vec<(String, i64, f64)>, Vec<u64>) = Default::default();
        for (commits, fails_in, full) in lives {
            disk.fail_after(fails_in, full);
            if let Ok((mut log, opened, dictionary)) = open(&shared, spec) {
                // What is there: everything that was acknowledged, and at most the commit that was not.
                let (found, bound) = all(&log, &dictionary);
                prop_assert!(found.starts_with(&acknowledged) && found.len() <= acknowledged.len() + 6);
                prop_assert!(bound.starts_with(&epochs) && bound.len() <= epochs.len() + 1);
                prop_assert_eq!(opened.last_epoch, bound.last().copied().unwrap_or(0));
                (acknowledged, epochs) = (found, bound);
                for (stamp, (from, n, binds)) in commits.into_iter().enumerate() {
                    let next = epochs.last().copied().unwrap_or(0) + 1;
                    let bind = binds.then(|| Bind { epoch: next, bytes: vec![1, 2] });
                    let rows = rows(&dictionary, from, n, stamp as i64);
                    if log.commit(rows, bind, &dictionary).is_err() {
                        break;
                    }
                    acknowledged.extend((from..from + n).map(|i| (labels(i).to_string(), stamp as i64, f64::from(i))));
                    if binds {
                        epochs.push(next);
                    }
                }
            }
            disk.crash();
        }
        let (log, _, dictionary) = open(&shared, spec).unwrap();
        let (found, bound) = all(&log, &dictionary);
        prop_assert!(found.starts_with(&acknowledged) && bound.starts_with(&epochs));
    }
}

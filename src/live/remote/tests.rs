//! The protocol over a bucket that loses answers: who leads, what is committed, what is collected.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::bucket::Bucket;
use super::leader::{Candidate, Leader, Parts};
use super::*;
use crate::live::book::Book;
use crate::live::clock::ManualClock;
use crate::live::error::LiveError;
use crate::live::rules::RuleTables;
use crate::live::store::{LedgerMark, Manifest, Store};
use bellwether_connectors::disk::Disk;
use bellwether_connectors::disk::fault::FaultDisk;
use bellwether_connectors::objects::memory::{Fault, MemoryObjects, Op};
use bellwether_dataflow::{lower, promql};
use std::path::Path;
use std::sync::mpsc::channel;

fn manifest(epoch: u64, generation: u64) -> Manifest {
    Manifest {
        format: crate::live::store::FORMAT,
        epoch,
        generation,
        watermark_ms: 0,
        wall_ms: 1_000 * epoch as i64,
        from_ms: 0,
        rules: 7,
        reads_from_ms: 0,
        checkpoint: String::new(),
        ledger: LedgerMark::default(),
        sources: Vec::new(),
        elected: Vec::new(),
        book: Book::default(),
        build: "a build".to_owned(),
        lost: false,
        log_from_ms: None,
    }
}

fn parts(epoch: u64) -> Parts {
    Parts { manifest: manifest(epoch, 1), rules: b"rules".to_vec(), kept: format!("kept {epoch}").into_bytes() }
}

fn candidate(objects: &MemoryObjects, generation: u64) -> Candidate {
    Candidate::new(Bucket(Arc::new(objects.clone())), generation, 5_000)
}

fn lead(objects: &MemoryObjects, generation: u64) -> Leader {
    candidate(objects, generation).lead(None).unwrap().0
}

fn commit(leader: &mut Leader, epoch: u64) {
    leader.commit(parts(epoch)).unwrap();
    leader.collect().unwrap();
}

/// What a new machine would find: (epoch, generation, kept state).
fn newest(objects: &MemoryObjects) -> (u64, u64, String) {
    let bucket = Bucket(Arc::new(objects.clone()));
    let stub = bucket.newest_stub().unwrap().unwrap();
    let [_, rules, kept] = bucket.parts(&stub).unwrap();
    assert_eq!(rules, b"rules");
    (stub.epoch, stub.generation, String::from_utf8(kept).unwrap())
}

fn count(objects: &MemoryObjects, folder: &str) -> usize {
    objects.keys().iter().filter(|key| key.starts_with(folder)).count()
}

#[test]
fn the_newest_is_found_and_files_go_and_manifests_stay() {
    let objects = MemoryObjects::default();
    let mut leader = lead(&objects, 1);
    for epoch in 1..=20 {
        let before = objects.operations();
        commit(&mut leader, epoch);
        // Generation (listed and read), file, manifest, what there is to collect, one file removed: whatever came before.
        assert!(objects.operations() - before <= 6, "epoch {epoch}");
        assert_eq!(newest(&objects), (epoch, 1, format!("kept {epoch}")));
    }
    assert_eq!((count(&objects, "manifest/"), count(&objects, "data/"), count(&objects, "gen/")), (20, 2, 1));
    // A restart goes on with the next number and collects what the one before left.
    let mut leader = lead(&objects, 2);
    commit(&mut leader, 21);
    assert_eq!((newest(&objects).0, count(&objects, "manifest/"), count(&objects, "data/")), (21, 21, 2));
}

#[test]
fn what_was_put_and_not_answered_is_found_to_be_ours() {
    for op in [Op::Put, Op::PutIfAbsent, Op::Get, Op::List, Op::Delete] {
        for fault in [Fault::AnswerLost, Fault::NotDone, Fault::Conflict] {
            let objects = MemoryObjects::default();
            let candidate = candidate(&objects, 1);
            objects.fail_next(op, fault);
            let mut leader = match candidate.lead(None) {
                Ok((leader, _)) => leader,
                // The same one comes again, with the same nonce.
                Err(LiveError::Objects(_)) => candidate.lead(None).unwrap().0,
                Err(error) => panic!("{op:?} {fault:?}: {error}"),
            };
            for epoch in 1..=4 {
                objects.fail_next(op, fault);
                // What was said before may be waiting too.
                while let Err(error) = leader.commit(parts(epoch)) {
                    assert!(matches!(error, LiveError::Objects(_)), "{op:?} {fault:?}: {error}");
                }
                let _ = leader.collect();
                objects.fix();
                assert_eq!(newest(&objects).0, epoch, "{op:?} {fault:?}");
            }
            assert_eq!(count(&objects, "gen/"), 1);
            // An upload that failed before its manifest leaves a file, which the next one removes.
            commit(&mut leader, 9);
            assert_eq!(count(&objects, "data/"), 2, "{op:?} {fault:?}");
        }
    }
}

#[test]
fn a_conflict_that_does_not_end_is_told() {
    let objects = MemoryObjects::default();
    (0..5).for_each(|_| objects.fail_next(Op::PutIfAbsent, Fault::Conflict));
    let error = candidate(&objects, 1).lead(None).err().unwrap().to_string();
    assert!(error.contains("is said to be there and is not"), "{error}");
}

#[test]
fn one_of_two_with_the_same_generation_leads() {
    let objects = MemoryObjects::default();
    drop(lead(&objects, 4));
    let error = candidate(&objects, 4).lead(None).err().unwrap();
    assert!(matches!(error, LiveError::Overtaken { ours: 4, theirs: 4, .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("memory: generation 4 has taken over at 1970-01-01T00:00:05"), "{text}");
}

#[test]
fn a_stale_leader_is_told_and_what_it_commits_meanwhile_is_passed_over() {
    let objects = MemoryObjects::default();
    let mut stale = lead(&objects, 1);
    stale.commit(parts(1)).unwrap();
    let mut newer = lead(&objects, 2);
    let error = stale.commit(parts(2)).err().unwrap();
    assert!(matches!(error, LiveError::Overtaken { ours: 1, theirs: 2, .. }), "{error}");
    assert!(matches!(stale.check(), Err(LiveError::Overtaken { .. })));
    newer.commit(parts(2)).unwrap();
    // It looked before the newer one came, and puts its manifest after.
    let objects = MemoryObjects::default();
    let mut stale = lead(&objects, 1);
    stale.commit(parts(1)).unwrap();
    let mut newer = lead(&objects, 2);
    let hidden = objects.hide("gen/", 1);
    stale.commit(parts(2)).unwrap();
    objects.show(hidden);
    newer.commit(parts(7)).unwrap();
    assert_eq!(newest(&objects), (7, 2, "kept 7".to_owned()));
    // And the other way about: the newer one is there already.
    let hidden = objects.hide("gen/", 1);
    assert!(matches!(stale.commit(parts(3)), Err(LiveError::Overtaken { ours: 1, theirs: 2, .. })));
    objects.show(hidden);
    let under_way = format!("data/{:016x}-{:016x}-x", 8, 2);
    objects.put(&under_way, Vec::new()).unwrap();
    stale.collect().unwrap();
    assert!(objects.keys().contains(&under_way));
    // What the stale one has put does not stay, and what the newer one has, it cannot remove.
    commit(&mut newer, 8);
    assert_eq!((newest(&objects).0, count(&objects, "data/")), (8, 2));
}

#[test]
fn a_folder_that_is_an_older_copy_is_found() {
    let objects = MemoryObjects::default();
    let mut leader = lead(&objects, 3);
    leader.commit(parts(50)).unwrap();
    let behind = |own, epoch, generation| candidate(&objects, own).lead(Some(&manifest(epoch, generation))).err();
    let error = behind(7, 49, 3).unwrap().to_string();
    assert!(error.contains("epoch 50") && error.contains("of epoch 49"), "{error}");
    assert!(behind(8, 50, 3).is_none());
    // A folder that was filled by a later generation has what a stale leader may still commit behind it.
    assert!(behind(9, 20, 4).is_none());
}

#[test]
fn a_file_that_was_changed_is_not_taken() {
    let objects = MemoryObjects::default();
    lead(&objects, 1).commit(parts(1)).unwrap();
    let bucket = Bucket(Arc::new(objects.clone()));
    let stub = bucket.newest_stub().unwrap().unwrap();
    objects.put(&stub.data, b"something else".to_vec()).unwrap();
    assert!(bucket.parts(&stub).unwrap_err().to_string().contains("is not what was written"));
    objects.delete(&stub.data).unwrap();
    assert!(bucket.parts(&stub).unwrap_err().to_string().contains("is not there"));
}

/// Uploads from a folder with checkpoints of these epochs.
struct Place {
    store: Store,
    uploader: Uploader,
    stats: Arc<RemoteStats>,
}

fn place(objects: &MemoryObjects, reached: bool) -> Place {
    let disk: Arc<dyn Disk> = Arc::new(FaultDisk::new(1));
    let store = Store::new(disk.clone(), Path::new("s")).unwrap();
    let options = (lower::Options::default(), promql::Options::default());
    let tables = RuleTables::new(disk, Path::new("s/rules"), options.0, options.1);
    tables.put(7, b"rules").unwrap();
    let stats = Arc::<RemoteStats>::default();
    let candidate = candidate(objects, 1);
    let leader = reached.then(|| candidate.lead(None).unwrap().0);
    let clock = Arc::new(ManualClock::at(0));
    let of = (store.clone(), tables);
    let uploader = Uploader::new(60_000, candidate, leader, stats.clone(), of, clock, channel().1);
    Place { store, uploader, stats }
}

impl Place {
    fn checkpoint(&mut self, epoch: u64) {
        self.store.put(&mut manifest(epoch, 1), format!("kept {epoch}").as_bytes()).unwrap();
        self.uploader.hear();
    }
}

#[test]
fn the_newest_checkpoint_goes_once_an_interval() {
    let objects = MemoryObjects::default();
    let mut p = place(&objects, true);
    p.uploader.look(0).unwrap();
    assert_eq!((p.stats.last(), p.stats.trouble()), (None, None));
    // The first one does not wait.
    p.checkpoint(10);
    p.uploader.look(1_000).unwrap();
    assert_eq!(newest(&objects).0, 10);
    let news = p.stats.last().unwrap();
    assert_eq!((news.epoch, news.wall_ms), (10, 10_000));
    for (epoch, now_ms) in [(20, 11_000), (30, 21_000)] {
        p.checkpoint(epoch);
        let before = objects.operations();
        p.uploader.look(now_ms).unwrap();
        assert_eq!(objects.operations(), before);
        assert_eq!(newest(&objects).0, 10);
    }
    p.uploader.look(61_000).unwrap();
    assert_eq!((newest(&objects).0, count(&objects, "manifest/")), (30, 2));
    // Nothing new: one look an interval whether it still leads.
    let before = objects.operations();
    (61..181).for_each(|s| p.uploader.look(s * 1_000).unwrap());
    assert!((1..=6).contains(&(objects.operations() - before)), "{}", objects.operations() - before);
    drop(lead(&objects, 2));
    let ended = (181..300).find_map(|s| p.uploader.look(s * 1_000).err());
    assert!(matches!(ended, Some(LiveError::Overtaken { theirs: 2, .. })));
}

#[test]
fn a_bucket_that_is_away_is_told_and_asked_again() {
    let objects = MemoryObjects::default();
    objects.set_down(true);
    // It was not there at the start either.
    let mut p = place(&objects, false);
    p.checkpoint(10);
    (0..30).for_each(|s| p.uploader.look(s * 1_000).unwrap());
    let failures = || p.stats.failures.load(Ordering::Relaxed);
    assert!((3..=4).contains(&failures()), "{}", failures());
    assert!(p.stats.trouble().unwrap().contains("a test says so"));
    objects.set_down(false);
    (30..41).for_each(|s| p.uploader.look(s * 1_000).unwrap());
    assert_eq!((newest(&objects).0, p.stats.trouble()), (10, None));
    // What cannot be removed does not make the same checkpoint come again.
    for epoch in [20, 30, 40] {
        objects.fail_next(Op::Delete, Fault::NotDone);
        p.checkpoint(epoch);
        p.uploader.look(i64::from(epoch as u32) * 10_000).unwrap();
    }
    assert!(p.stats.trouble().is_some());
    assert_eq!((newest(&objects).0, count(&objects, "manifest/")), (40, 4));
}

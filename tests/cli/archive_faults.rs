//! An archive whose disk says no: the run goes on, the log keeps what the archive lacks, and once there is room all of it is there.
//!
//! # Limits
//! A full disk is a small file system of its own, which only root can have: without it these tests say that they were skipped.
#![cfg(target_os = "linux")]

use super::archive::{START_MS, TICK_MS, TICKS, World};
use super::merged::{COMPACT_MS, is_merged, window};
use bellwether::live::LiveRun;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;

/// A file system in memory, as long as this value is there.
struct Small(PathBuf);

impl Small {
    /// Mounts one; `None`, with a word about it, where that is not possible.
    fn mount(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: a file system of one's own can be had by root only");
        None
    }

    fn remount(&self, options: &str) {
        // Not while a file is open that is being written.
        let mounted = || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).output();
            done.unwrap().status.success()
        };
        assert!((0..500).any(|_| mounted()), "it cannot be mounted again");
    }

    /// Takes all room but some kibibytes.
    fn fill(&self, kib: u64) {
        let filler = self.0.join("filler");
        std::fs::write(&filler, b"").unwrap();
        let file = std::fs::File::options().append(true).open(&filler).unwrap();
        let mut file = std::io::BufWriter::with_capacity(1024, file);
        while std::io::Write::write_all(&mut file, &[7; 1024]).is_ok() {}
        drop(file);
        let length = std::fs::metadata(&filler).unwrap().len();
        std::fs::File::options().write(true).open(&filler).unwrap().set_len(length.saturating_sub(kib << 10)).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl World {
    fn failures(run: &LiveRun) -> u64 {
        run.handle().archive().failures.load(Ordering::Relaxed)
    }

    fn merge_failures(run: &LiveRun) -> u64 {
        run.handle().archive().merge_failures.load(Ordering::Relaxed)
    }

    /// Ends a run, whose archive then has to have everything, and give it.
    fn is_whole(&mut self, run: LiveRun) {
        let view = run.handle().view();
        run.stop().unwrap();
        self.hash = view.lock().unwrap().rolling_hash;
        let rolled = self.rolled();
        assert!(rolled.parts[0].from_epoch == 1 && rolled.cut.unwrap().before_ms > START_MS + (TICKS - 20) * TICK_MS);
        assert!(rolled.parts.windows(2).all(|p| p[1].from_epoch == p[0].to_epoch + 1), "{rolled:#?}");
        self.replays_alike();
    }
}

#[test]
fn a_part_that_the_disk_has_no_room_for_is_written_once_there_is() {
    // Bytes run out, files do, and then nothing may be written at all.
    for (options, kib) in [("size=2m", 4), ("size=16m,nr_inodes=600", 16 << 10), ("size=16m", 0)] {
        let mut world = World::new(true);
        let Some(disk) = Small::mount(&world.archive(), options) else { return };
        let run = world.start(1);
        world.live(&run, 0..TICKS / 5);
        world.wait(&run, "no part is written", || world.archive().join("archive.json").exists());
        let before = world.rolled();
        match kib {
            0 => disk.remount("ro"),
            kib if options.contains("inodes") => {
                let more = (0..).take_while(|i| std::fs::write(disk.0.join(format!("filler{i}")), b"").is_ok()).count();
                assert!(more > 0 && kib > 0);
            }
            kib => disk.fill(kib),
        }
        world.live(&run, TICKS / 5..TICKS / 2);
        world.wait(&run, "nothing fails", || World::failures(&run) > 1);
        let why = run.handle().archive().trouble().unwrap();
        assert!(why.contains("space") || why.contains("Read-only"), "{why}");
        // Nothing is named that is not there, and the log keeps what is not.
        let resume = world.rolled().cut.unwrap().resume_frame;
        assert!(resume >= before.cut.unwrap().resume_frame);
        let names = std::fs::read_dir(world.place.path("state/log")).unwrap().flatten();
        let first =
            names.filter_map(|e| u64::from_str_radix(e.file_name().to_str()?.strip_suffix(".seg")?, 16).ok()).min();
        assert!(first.unwrap() <= resume, "the log begins with {first:?}, the archive lacks {resume}");
        // It dies meanwhile, and the disk is as full when it comes back.
        run.abandon();
        let run = world.start(2);
        world.live(&run, TICKS / 2..TICKS / 2 + 20);
        world.wait(&run, "nothing fails after a restart", || World::failures(&run) > 0);
        match kib {
            0 => disk.remount("rw"),
            _ if options.contains("inodes") => {
                let files = std::fs::read_dir(&disk.0).unwrap().flatten().map(|e| e.path()).filter(|p| p.is_file());
                files.filter(|p| p.extension().is_none()).for_each(|path| std::fs::remove_file(path).unwrap());
            }
            _ => disk.free(),
        }
        world.wait(&run, "it goes on failing", || run.handle().archive().trouble().is_none());
        world.live(&run, TICKS / 2 + 20..TICKS);
        world.is_whole(run);
    }
}

#[test]
fn parts_that_there_is_no_room_to_merge_stay_until_there_is() {
    let mut world = World::new(true);
    let Some(disk) = Small::mount(&world.archive(), "size=8m") else { return };
    let before = world.whole();
    // Room for what is written by the way, not for four parts once more.
    disk.fill(64);
    world.compact_ms = COMPACT_MS;
    let run = world.start(1);
    world.wait(&run, "nothing fails", || World::merge_failures(&run) > 1);
    let why = run.handle().archive().merge_trouble().unwrap();
    assert!(why.contains("bytes, and") && why.contains("are free"), "{why}");
    assert_eq!((World::failures(&run), run.handle().archive().trouble()), (0, None), "parts are written as before");
    assert_eq!((world.rolled().parts, world.folders()), (before.parts.clone(), before.parts.len()));
    disk.free();
    world.wait(&run, "parts are not merged", || is_merged(&world.rolled(), None));
    world.wait(&run, "trouble stays", || run.handle().archive().merge_trouble().is_none());
    world.is_whole(run);
}

#[test]
fn a_damaged_part_stays_as_it_is_and_others_are_merged() {
    let mut world = World::new(true);
    let before = world.whole();
    // The second window that is over.
    let first = before.parts.iter().map(window).min().unwrap();
    let damaged = before.parts.iter().find(|p| window(p) == first + 1).unwrap();
    let path = damaged.folder(&world.archive()).join("series.parquet");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    world.compact_ms = COMPACT_MS;
    let run = world.start(1);
    world.wait(&run, "others are not merged", || is_merged(&world.rolled(), Some(first + 1)));
    world.wait(&run, "nothing fails", || World::merge_failures(&run) > 0);
    let why = run.handle().archive().merge_trouble().unwrap();
    assert!(why.contains("series.parquet") && why.contains("damaged"), "{why}");
    assert!(world.rolled().parts.contains(damaged));
    let answer = world.place.run(&["backtest", "--replay", "state", "--out", "broken.jsonl"]);
    assert!(answer.code != 0 && answer.err.contains("series.parquet"), "{} {}", answer.out, answer.err);
    // Brought back from a copy.
    std::fs::write(&path, whole).unwrap();
    world.wait(&run, "it is not merged", || is_merged(&world.rolled(), None));
    world.wait(&run, "trouble stays", || run.handle().archive().merge_trouble().is_none());
    assert_eq!(World::failures(&run), 0);
    world.is_whole(run);
}

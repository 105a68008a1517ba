//! Parts of the archive that are merged beside a live run: what they gave is given still, whoever reads meanwhile.

use super::archive::{SPAN_MS, START_MS, TICK_MS, TICKS, World};
use bellwether::live::LiveRun;
use bellwether::live::query::{Data, Queries, Query};
use bellwether_connectors::source::SampleSource;
use bellwether_connectors::source::archive::{Part, Rolled, RolledArchive, RolledSource};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Four spans.
pub const COMPACT_MS: i64 = 4 * SPAN_MS;

pub fn window(part: &Part) -> i64 {
    (part.before_ms - 1).div_euclid(COMPACT_MS)
}

/// Whether every window that is over is one part, but for this one.
pub fn is_merged(rolled: &Rolled, but: Option<i64>) -> bool {
    let open = rolled.parts.last().map(window);
    let is_closed = |part: &&Part| Some(window(part)) != open && but != Some(window(part));
    let closed: Vec<i64> = rolled.parts.iter().filter(is_closed).map(window).collect();
    !closed.is_empty() && closed.windows(2).all(|w| w[0] < w[1])
}

impl World {
    pub fn rolled(&self) -> Rolled {
        Rolled::read(&self.archive()).unwrap().unwrap()
    }

    /// Folders of parts, whoever names them.
    pub fn folders(&self) -> usize {
        std::fs::read_dir(self.place.path("state/archive/parts")).unwrap().count()
    }

    /// Waits until something is so beside a run.
    pub fn wait(&self, run: &LiveRun, what: &str, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(run.ended(Duration::from_millis(20)).is_none(), "the run has ended");
            let why = (run.handle().archive().trouble(), run.handle().archive().merge_trouble());
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {why:?}, {:#?}", self.rolled());
        }
    }

    /// What a backtest over the archive decides, up to a stamp.
    pub fn backtest(&self, out: &str, to_ms: i64) -> Vec<String> {
        let (from, to) = ((START_MS / 1_000).to_string(), (to_ms / 1_000).to_string());
        let rules = self.place.path("rules.yml").display().to_string();
        let data = ["backtest", "--rules", &rules, "--data", "state/archive", "--out", out];
        let answer = self.place.run(&[&data[..], &["--from", &from, "--to", &to]].concat());
        assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
        self.decisions(out)
    }

    /// What queries over all that is retained answer.
    fn answers(&self, run: &LiveRun) -> Vec<Data> {
        let queries = Queries::new(run.handle());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let end_ms = START_MS + (TICKS - 1) * TICK_MS;
        let texts = ["load[20m]", "lag[20m]", "size[20m]", "sum(avg_over_time(lag[15m]))"];
        texts.map(|text| runtime.block_on(queries.answer(Query::at(text, end_ms))).unwrap().data).into()
    }
}

#[test]
fn parts_that_are_merged_give_what_they_gave() {
    let mut world = World::new(true);
    let before = world.whole();
    let (samples, to_ms) = (world.archived(&before), before.cut.unwrap().before_ms - 40 * TICK_MS);
    let decided = world.backtest("before.jsonl", to_ms);
    world.replays_alike();
    let run = world.start(1);
    let answers = world.answers(&run);
    run.abandon();
    // Somebody is in the middle of the archive when it is merged under him.
    let held = Arc::new(RolledArchive::open(&world.archive()).unwrap().unwrap());
    let mut source = RolledSource::of(held, 0, 1, None);
    let mut batches = Vec::new();
    source.read_upto(START_MS + 3 * SPAN_MS / 2, &mut batches).unwrap();
    world.compact_ms = COMPACT_MS;
    let run = world.start(2);
    world.wait(&run, "a first group is not merged", || world.rolled().parts.len() < before.parts.len());
    // What he reads stays, and only this: no more is merged meanwhile.
    let beside = world.folders();
    assert!(source.read_upto(i64::MAX, &mut batches).unwrap());
    assert_eq!(batches.iter().map(|runs| runs.samples()).sum::<usize>(), samples.len());
    assert!(beside > before.parts.len(), "{beside} folders, {} parts", before.parts.len());
    drop(source);
    world.wait(&run, "windows that are over are not merged", || is_merged(&world.rolled(), None));
    world.wait(&run, "parts that were merged stay", || world.folders() == world.rolled().parts.len());
    let stats = run.handle();
    let merged = stats.archive().merged.load(Ordering::Relaxed);
    assert_eq!(stats.archive().parts.load(Ordering::Relaxed), world.rolled().parts.len() as u64);
    assert_eq!(world.answers(&run), answers);
    let view = run.handle().view();
    run.stop().unwrap();
    world.hash = view.lock().unwrap().rolling_hash;
    let after = world.rolled();
    assert!(after.parts.len() + 6 <= before.parts.len() && merged >= 8, "{merged} merged: {after:#?}");
    assert!(after.parts.windows(2).all(|p| p[1].from_epoch == p[0].to_epoch + 1), "{after:#?}");
    assert!(world.archived(&after) == samples && after.samples() == before.samples());
    assert_eq!(world.backtest("after.jsonl", to_ms), decided);
    world.replays_alike();
}

//! Numbers for series, so that a sample is 20 bytes from socket to window and a label set is parsed once.
//!
//! # Semantics
//! A number stands for one label set for as long as the process runs. Senders write one label set in more than one way
//! (its order, its symbols), so there are two ways in: [`Dictionary::find`] by a hash of the bytes as they came, which costs
//! one look-up, and [`Dictionary::define`] by the labels themselves.
//!
//! # State
//! 64 maps behind locks of their own, so that handlers do not wait for each other; the labels by number. Ways to write a
//! label set are remembered up to a multiple of the series: a sender that shuffles its labels is slow, not costly.

use super::Metadata;
use bellwether_model::Labels;
use hashbrown::HashTable;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const SHARDS: usize = 64;

/// Ways to write a label set that are remembered, for each series known: two protocols, and senders that differ.
const WAYS_A_SERIES: usize = 8;

/// Ways that are remembered in any case.
const WAYS: usize = 1 << 16;

/// Hash to number.
type Map = HashTable<(u128, u32)>;

/// Series by number and by hash, and what is said of their metrics; shared by everybody who decodes.
#[derive(Debug)]
pub struct Dictionary {
    tenant: String,
    /// By a hash of the bytes of one way to write a label set.
    raw: Vec<RwLock<Map>>,
    /// By the label set's own hash.
    canonical: Vec<RwLock<Map>>,
    labels: RwLock<Vec<Labels>>,
    /// Entries of `raw`.
    ways: AtomicUsize,
    metadata: Metadata,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn get(map: &Map, hash: u128) -> Option<u32> {
    map.find(hash as u64, |(h, _)| *h == hash).map(|(_, number)| *number)
}

fn put(map: &mut Map, hash: u128, number: u32) {
    map.insert_unique(hash as u64, (hash, number), |(h, _)| *h as u64);
}

fn shard(maps: &[RwLock<Map>], hash: u128) -> &RwLock<Map> {
    &maps[(hash >> 64) as usize % SHARDS]
}

impl Dictionary {
    /// An empty dictionary of a tenant's series.
    pub fn new(tenant: &str) -> Self {
        let maps = || (0..SHARDS).map(|_| RwLock::default()).collect();
        Self {
            tenant: tenant.to_owned(),
            raw: maps(),
            canonical: maps(),
            labels: RwLock::default(),
            ways: AtomicUsize::new(0),
            metadata: Metadata::default(),
        }
    }

    /// The number of what was written in these bytes before; `raw` is a 128-bit hash of them.
    pub fn find(&self, raw: u128) -> Option<u32> {
        get(&read(shard(&self.raw, raw)), raw)
    }

    /// The number of a label set, and whether it is new.
    pub fn define(&self, labels: &Labels) -> (u32, bool) {
        let hash = labels.hash(&self.tenant);
        let map = shard(&self.canonical, hash);
        if let Some(number) = get(&read(map), hash) {
            return (number, false);
        }
        let mut map = write(map);
        if let Some(number) = get(&map, hash) {
            return (number, false);
        }
        let mut all = write(&self.labels);
        let number = all.len() as u32;
        all.push(labels.clone());
        put(&mut map, hash, number);
        (number, true)
    }

    /// Notes the numbers of a batch's series: `numbers` has them by the numbers that they have in their source.
    pub fn define_all(&self, defs: &[(u32, Labels)], numbers: &mut Vec<u32>) {
        for (of_source, labels) in defs {
            let at = *of_source as usize;
            numbers.resize(numbers.len().max(at + 1), 0);
            numbers[at] = self.define(labels).0;
        }
    }

    /// The number of a label set; `None` where it is new and there are `most` series already, about.
    pub fn define_below(&self, labels: &Labels, most: usize) -> Option<u32> {
        if self.len() < most {
            return Some(self.define(labels).0);
        }
        let hash = labels.hash(&self.tenant);
        get(&read(shard(&self.canonical, hash)), hash)
    }

    /// From now on these bytes mean this series, unless its labels are written in too many ways.
    pub fn remember(&self, raw: u128, number: u32) {
        if self.ways.load(Ordering::Relaxed) >= WAYS + self.len() * WAYS_A_SERIES {
            return;
        }
        let mut map = write(shard(&self.raw, raw));
        if get(&map, raw).is_none() {
            put(&mut map, raw, number);
            self.ways.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The labels of a number that this dictionary gave.
    pub fn labels(&self, number: u32) -> Option<Labels> {
        read(&self.labels).get(number as usize).cloned()
    }

    /// Calls `visit` for every series known, by number. Those who define new ones need not wait for the end of it.
    pub fn for_each(&self, mut visit: impl FnMut(u32, &Labels)) {
        let mut at = 0;
        loop {
            let all = read(&self.labels);
            let upto = all.len().min(at + 4_096);
            (at..upto).for_each(|number| visit(number as u32, &all[number]));
            if upto == at {
                return;
            }
            at = upto;
        }
    }

    /// What is said of metrics.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Series known.
    pub fn len(&self) -> usize {
        read(&self.labels).len()
    }

    /// Whether no series is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_set_has_one_number_however_it_is_written() {
        let dictionary = Dictionary::new("");
        let (up, down) = (Labels::from_pairs([("__name__", "up")]), Labels::from_pairs([("__name__", "down")]));
        assert_eq!(dictionary.define(&up), (0, true));
        assert_eq!(dictionary.define(&down), (1, true));
        assert_eq!(dictionary.define(&up), (0, false));
        assert_eq!(dictionary.find(77), None);
        dictionary.remember(77, 1);
        dictionary.remember(78, 1);
        assert_eq!((dictionary.find(77), dictionary.find(78)), (Some(1), Some(1)));
        assert_eq!(dictionary.labels(1), Some(down));
        assert_eq!(dictionary.labels(2), None);
        assert_eq!(dictionary.len(), 2);
    }

    #[test]
    fn ways_to_write_a_label_set_are_bounded() {
        let dictionary = Dictionary::new("");
        let (number, _) = dictionary.define(&Labels::from_pairs([("__name__", "up")]));
        let most = WAYS + WAYS_A_SERIES;
        (0..most as u128 + 10).for_each(|raw| dictionary.remember(raw, number));
        assert_eq!(dictionary.find(most as u128 - 1), Some(number));
        assert_eq!(dictionary.find(most as u128), None);
    }

    #[test]
    fn threads_agree_on_numbers() {
        let dictionary = Dictionary::new("");
        let labels = |i: u32| Labels::from_pairs([("__name__", format!("m{i}"))]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|i| assert!(dictionary.define(&labels(i)).0 < 500)));
            }
        });
        assert_eq!(dictionary.len(), 500);
        let mut seen = Vec::new();
        dictionary.for_each(|number, labels| seen.push((number, labels.clone())));
        assert!(seen.len() == 500 && seen.iter().all(|(n, l)| dictionary.labels(*n).as_ref() == Some(l)));
        let numbers: std::collections::BTreeSet<u32> = (0..500).map(|i| dictionary.define(&labels(i)).0).collect();
        assert_eq!(numbers.len(), 500);
        assert!((0..500).all(|i| dictionary.labels(dictionary.define(&labels(i)).0) == Some(labels(i))));
    }
}

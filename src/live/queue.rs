//! Epochs on their way to the workers.
//!
//! # Semantics
//! Every worker gets every epoch, in order. An epoch is bound and durable before it is put here. There is room while few
//! epochs are between here and the ledger: that is the valve, for timely's queues know no bound. It counts epochs, not
//! deliveries: an Alertmanager that is away does not close it.

use bellwether_connectors::source::intake::Rows;
use bellwether_dataflow::time::Binding;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// An epoch with its samples, in log order.
#[derive(Debug)]
pub struct Epoch {
    /// As the dataflow reads it.
    pub binding: Binding,
    /// Of series that the program is the first to read: what came before this epoch, by series and stamp.
    pub history: Vec<Rows>,
    /// Rows, commit by commit.
    pub rows: Vec<Rows>,
}

impl Epoch {
    /// An epoch whose program reads nothing new.
    pub fn new(binding: Binding, rows: Vec<Rows>) -> Self {
        Self { binding, history: Vec::new(), rows }
    }

    /// Bytes of its rows.
    pub fn bytes(&self) -> usize {
        self.history.iter().chain(&self.rows).map(Rows::bytes).sum()
    }
}

/// What a worker finds.
#[derive(Clone, Debug)]
pub enum Taken {
    /// The next epoch.
    Epoch(Arc<Epoch>),
    /// Nothing yet.
    Nothing,
    /// Nothing more.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Epoch>>,
    /// Number of the first waiting epoch, counted from the first that was put here.
    first: u64,
    /// What each worker takes next.
    cursors: Vec<u64>,
    threads: Vec<Option<Thread>>,
    closed: bool,
}

/// The queue; cloning shares it.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    room: Condvar,
    most: u64,
    /// Of rows that some worker has not taken.
    bytes: AtomicUsize,
    /// Epochs put here, and of those evaluated how many the ledger has on disk.
    put: AtomicU64,
    durable: AtomicU64,
}

impl Queue {
    /// A queue to some workers that holds at most `most` epochs between its entry and the ledger.
    pub fn new(workers: usize, most: u64) -> Self {
        let state = State { cursors: vec![0; workers], threads: vec![None; workers], ..State::default() };
        let (put, durable) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            room: Condvar::new(),
            most: most.max(1),
            bytes: AtomicUsize::new(0),
            put,
            durable,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another epoch may be put here.
    pub fn has_room(&self) -> bool {
        self.depth() < self.0.most
    }

    /// Bytes of rows that some worker has not taken.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Epochs between entry and ledger.
    pub fn depth(&self) -> u64 {
        self.0.put.load(Ordering::SeqCst).saturating_sub(self.0.durable.load(Ordering::SeqCst))
    }

    /// Puts an epoch here; it is on disk.
    pub fn put(&self, epoch: impl Into<Arc<Epoch>>) {
        self.add(&mut self.state(), epoch.into());
    }

    fn add(&self, state: &mut State, epoch: Arc<Epoch>) {
        self.0.bytes.fetch_add(epoch.bytes(), Ordering::Relaxed);
        if !epoch.binding.load_only {
            // What only loads gives nothing, so nobody would say that it is durable.
            self.0.put.fetch_add(1, Ordering::SeqCst);
        }
        state.waiting.push_back(epoch);
        state.threads.iter().flatten().for_each(Thread::unpark);
    }

    /// The same, after waiting for room; `false` if the queue was closed meanwhile.
    pub fn put_when_there_is_room(&self, epoch: Epoch) -> bool {
        let mut state = self.state();
        while !self.has_room() && !state.closed {
            let waited = self.0.room.wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        // With the same lock held: what is put behind the close some workers would take, and others not.
        if !state.closed {
            self.add(&mut state, epoch.into());
        }
        !state.closed
    }

    /// The next epoch of a worker; to be called on its thread, which is unparked when there is more.
    pub fn take(&self, worker: usize) -> Taken {
        let mut state = self.state();
        let at = state.cursors[worker].saturating_sub(state.first) as usize;
        let Some(epoch) = state.waiting.get(at).cloned() else {
            state.threads[worker].get_or_insert_with(std::thread::current);
            return if state.closed { Taken::Closed } else { Taken::Nothing };
        };
        state.cursors[worker] += 1;
        let least = state.cursors.iter().copied().min().unwrap_or(0);
        while state.first < least
            && let Some(done) = state.waiting.pop_front()
        {
            self.0.bytes.fetch_sub(done.bytes(), Ordering::Relaxed);
            state.first += 1;
        }
        Taken::Epoch(epoch)
    }

    /// What the dataflow gave for one more epoch is on disk, or it was an epoch that gives nothing.
    pub fn durable(&self) {
        self.0.durable.fetch_add(1, Ordering::SeqCst);
        drop(self.state());
        self.0.room.notify_all();
    }

    /// Nothing more comes; what is here is still taken.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.threads.iter().flatten().for_each(Thread::unpark);
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_dataflow::time::EpochTimes;

    fn epoch(epoch: u64) -> Epoch {
        let times =
            EpochTimes { epoch, watermark_ms: 0, warm_from_ms: 0, from_ms: 0, to_ms: 0, history_ms: 0, lost: false };
        Epoch::new(Binding::new(times, None), Vec::new())
    }

    fn taken(queue: &Queue, worker: usize) -> Option<u64> {
        match queue.take(worker) {
            Taken::Epoch(e) => Some(e.binding.epoch()),
            Taken::Nothing | Taken::Closed => None,
        }
    }

    #[test]
    fn every_worker_gets_every_epoch_in_order() {
        let queue = Queue::new(2, 2);
        queue.put(epoch(1));
        queue.put(epoch(2));
        assert!(!queue.has_room());
        assert_eq!([taken(&queue, 0), taken(&queue, 0), taken(&queue, 0)], [Some(1), Some(2), None]);
        assert_eq!(taken(&queue, 1), Some(1));
        queue.durable();
        assert!(queue.has_room());
        assert!(queue.put_when_there_is_room(epoch(3)));
        queue.close();
        assert!(!queue.put_when_there_is_room(epoch(4)));
        assert_eq!([taken(&queue, 1), taken(&queue, 1), taken(&queue, 1)], [Some(2), Some(3), None]);
        assert!(matches!(queue.take(1), Taken::Closed));
        assert_eq!(taken(&queue, 0), Some(3));
    }
}

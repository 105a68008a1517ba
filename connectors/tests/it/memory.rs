//! An intake that keeps rows in memory, and answers as it is told to.

use bellwether_connectors::source::intake::{Dictionary, Intake, IntakeError, Rows};
use std::sync::Mutex;
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<(), IntakeError>>;

/// What becomes of rows.
#[derive(Default)]
pub enum Mode {
    /// They are on disk at once.
    #[default]
    Durable,
    /// Nobody answers, until [`Memory::release`].
    Held,
    /// They are not taken.
    Refuse(IntakeError),
    /// They are taken and lost.
    Fail(IntakeError),
    /// The log goes away without a word.
    Vanish,
}

/// Rows of all requests, and how the next ones are answered.
pub struct Memory {
    dictionary: Dictionary,
    now_ms: i64,
    rows: Mutex<Rows>,
    mode: Mutex<Mode>,
    held: Mutex<Vec<Answer>>,
    source: Mutex<String>,
}

impl Memory {
    pub fn new(now_ms: i64) -> Self {
        let dictionary = Dictionary::new("");
        let (rows, mode, held, source) = Default::default();
        Self { dictionary, now_ms, rows, mode, held, source }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Everything taken so far, which is forgotten.
    pub fn take(&self) -> Rows {
        std::mem::take(&mut self.rows.lock().unwrap())
    }

    /// Labels, stamp and value of each float taken so far, which are forgotten.
    pub fn floats(&self) -> Vec<(String, i64, f64)> {
        let rows = self.take();
        let labels = |number| self.dictionary.labels(number).unwrap().to_string();
        (0..rows.series.len()).map(|i| (labels(rows.series[i]), rows.stamps[i], rows.values[i])).collect()
    }

    /// Who sent last.
    pub fn source(&self) -> String {
        self.source.lock().unwrap().clone()
    }

    /// Requests that wait for an answer.
    pub fn waiting(&self) -> usize {
        self.held.lock().unwrap().len()
    }

    /// Answers all that wait.
    pub fn release(&self) {
        self.held.lock().unwrap().drain(..).for_each(|answer| answer.send(Ok(())).unwrap());
    }
}

impl Intake for Memory {
    fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn append(&self, source: &str, mut rows: Rows) -> Result<oneshot::Receiver<Result<(), IntakeError>>, IntakeError> {
        let (answer, answered) = oneshot::channel();
        *self.source.lock().unwrap() = source.to_owned();
        match &*self.mode.lock().unwrap() {
            Mode::Refuse(error) => return Err(error.clone()),
            Mode::Fail(error) => answer.send(Err(error.clone())).unwrap(),
            Mode::Vanish => drop(answer),
            Mode::Held => {
                self.held.lock().unwrap().push(answer);
                self.rows.lock().unwrap().append(&mut rows);
            }
            Mode::Durable => {
                self.rows.lock().unwrap().append(&mut rows);
                answer.send(Ok(())).unwrap();
            }
        }
        Ok(answered)
    }
}

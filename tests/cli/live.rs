//! A live run as a process: starts, takes requests, is asked to stop.

use super::run::{Answer, Place};
use bellwether_test_support::http::http;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A live run; killed when it is dropped.
pub struct Live {
    child: Child,
    port: u16,
    said: String,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Live {
    /// `bellwether run` with arguments, at a free port, once it listens.
    pub fn start(place: &Place, args: &[&str]) -> Self {
        let args = [&["run", "--listen", "127.0.0.1:0"], args].concat();
        let mut child = place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stderr, mut said) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        let port = loop {
            let before = said.len();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended: {said}");
            if let Some((_, address)) = said[before..].split_once("listening at ") {
                let address = address.trim().split(['"', ' ']).next().unwrap();
                break address.rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        Self { child, port, said, stderr }
    }

    /// A request; the status and what follows the headers.
    pub fn http(&self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        http(self.port, head, headers, body).unwrap()
    }

    /// Asks until an answer is as wanted.
    pub fn until(&self, head: &str, headers: &[(&str, &str)], wanted: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let (_, body) = self.http(head, headers, b"");
            if wanted(&body) {
                return body;
            }
            assert!(begin.elapsed() < PATIENCE, "{head} goes on saying {body}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends the signal that asks it to stop.
    pub fn signal(&self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
    }

    /// Reads what it says, until a text was among it.
    pub fn reads(mut self, wanted: &str) -> Self {
        while !self.said.contains(wanted) {
            assert!(self.stderr.read_line(&mut self.said).unwrap() > 0, "it ended: {}", self.said);
        }
        self
    }

    /// Asks it to stop; what it answered in its life.
    pub fn stop(mut self) -> Answer {
        self.signal();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Answer { code, out: String::new(), err: std::mem::take(&mut self.said) }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

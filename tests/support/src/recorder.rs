//! An HTTP server that writes down what it is sent, and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The status that it was answered with.
    pub status: u16,
}

/// Says how the n-th request is answered, from 0: status, and more lines of the head.
type Answer = Box<dyn Fn(usize) -> (u16, String) + Send>;

#[derive(Default)]
struct State {
    requests: Vec<Recorded>,
    answer: Option<Answer>,
}

/// The server; it ends with the process.
#[derive(Clone)]
pub struct Recorder {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Recorder {
    /// Listens on loopback; answers 204.
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let recorder = Self { port: listener.local_addr()?.port(), state: Arc::default() };
        let of_thread = recorder.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let recorder = of_thread.clone();
                std::thread::spawn(move || recorder.serve(stream));
            }
        });
        Ok(recorder)
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on requests are answered so; they are counted over the server's life.
    pub fn answers(&self, answer: impl Fn(usize) -> (u16, String) + Send + 'static) {
        self.lock().answer = Some(Box::new(answer));
    }

    /// Everything that came.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(mut out) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read(&mut reader) {
            let mut state = self.lock();
            let n = state.requests.len();
            let (status, more) = state.answer.as_ref().map_or((204, String::new()), |answer| answer(n));
            request.status = status;
            state.requests.push(request);
            drop(state);
            let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: 4\r\n{more}\r\nsaid");
            let text = if status == 204 { "HTTP/1.1 204 Said\r\n\r\n".to_owned() } else { text };
            if out.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Recorded> {
    let mut request = Recorded::default();
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

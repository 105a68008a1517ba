//! Benchmarks of the engine, each row against its baseline measured in the same run.
//!
//! `bellwether-bench cost` compares the engine with a hand-written loop without a dataflow on one range rule;
//! `bellwether-bench memory` gives bytes a series of one `[5m]` window at 15 s; `bellwether-bench operators` prints the
//! number of timely operators with 20 rules and with 2,000; `bellwether-bench codecs` compares what travels between
//! processes; `bellwether-bench decode` reads remote-write; `bellwether-bench live [SECONDS]` loads a live run by it,
//! `soak [SECONDS]` loads one run for ten minutes with a burst, `log [SECONDS]` reads again what a run logged; `bellwether-bench
//! histograms` tells what a rule of floats pays for native histograms elsewhere in the program.
//! `scripts/bench` runs them all, and whole backtests.

mod codec;
mod cost;
mod decode;
mod engine;
mod input;
mod live;
mod memory;
mod table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let number = std::env::args().nth(2).and_then(|s| s.parse().ok());
    let outcome =
        match std::env::args().nth(1).as_deref() {
            Some("cost") => table::cost(number),
            Some("memory") => memory::memory(number.unwrap_or(200_000)),
            Some("operators") => table::operators(),
            Some("codecs") => codec::codecs(),
            Some("decode") => decode::decode(),
            Some("live") => live::live(number),
            Some("soak") => live::soak(number),
            Some("log") => live::log(number),
            Some("histograms") => table::histograms(),
            _ => Err("say what to measure: cost, histograms, memory, operators, codecs, decode, live, soak or log"
                .to_owned()),
        };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bellwether-bench: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}

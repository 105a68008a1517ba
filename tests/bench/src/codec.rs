//! Codecs of what travels between processes: bytes a sample, time to encode and to decode one.
//!
//! # Semantics
//! A batch as `window` gets it, once with runs of one sample (a scrape, the worst case) and once with runs of a window.
//! bincode over rows is timely's default. abomonation is measured where the feature `codec-abomonation` is on, as
//! `scripts/bench` has it. Decoding includes a scan of the values, because a codec may put work off until then.

use crate::table::fastest;
use bellwether_model::Runs;
use bellwether_operators::exchange::{RunBatch, raw};
use std::hint::black_box;

/// Samples of a batch.
const SAMPLES: usize = 16_384;

/// Batches a measurement.
const BATCHES: usize = 400;

/// (series, stamp ms, value), as a row-wise container holds it.
type Rows = Vec<(u32, i64, f64)>;

fn batch(samples_a_run: usize) -> RunBatch {
    let mut runs = Runs::default();
    for i in 0..SAMPLES {
        runs.push_sample((i / samples_a_run) as u32, 1_700_000_000_000 + i as i64 * 15_000, i as f64 * 0.37);
    }
    RunBatch::new(0, runs)
}

fn rows(batch: &RunBatch) -> Rows {
    let of_run = |run: bellwether_model::Run<'_>| {
        let samples = run.stamps.iter().zip(run.values);
        samples.map(|(t, v)| (run.series, *t, *v)).collect::<Rows>()
    };
    batch.runs.iter().flat_map(of_run).collect()
}

/// Prints a row: `encode` fills a buffer, `decode` reads it and gives the sum of the values.
fn measure(
    name: &str,
    sum: f64,
    encode: impl Fn(&mut Vec<u8>) -> Result<(), String>,
    decode: impl Fn(&[u8]) -> Option<f64>,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    encode(&mut bytes)?;
    if decode(&bytes) != Some(sum) {
        return Err(format!("{name} does not give back what it was given"));
    }
    let ns = |s: f64| s * 1e9 / (BATCHES * SAMPLES) as f64;
    let mut buffer = Vec::with_capacity(bytes.len());
    let encoding = fastest(|| {
        for _ in 0..BATCHES {
            buffer.clear();
            encode(black_box(&mut buffer))?;
        }
        Ok(())
    })?;
    let decoding = fastest(|| {
        for _ in 0..BATCHES {
            black_box(decode(black_box(&bytes)));
        }
        Ok(())
    })?;
    let size = bytes.len() as f64 / SAMPLES as f64;
    println!("{name:<22}  {size:>14.1}  {:>10.2}  {:>10.2}", ns(encoding), ns(decoding));
    Ok(())
}

/// All codecs on batches of both shapes.
pub fn codecs() -> Result<(), String> {
    println!("batches of {SAMPLES} samples     bytes a sample  encode, ns  decode, ns");
    for samples_a_run in [1, 20] {
        println!("runs of {samples_a_run}");
        let batch = batch(samples_a_run);
        let sum: f64 = batch.runs.values.iter().sum();
        let total = |b: RunBatch| b.runs.values.iter().sum();
        let io = |e: std::io::Error| e.to_string();
        measure(
            "  raw columns",
            sum,
            |bytes| raw::encode(black_box(&batch), bytes).map_err(io),
            |bytes| raw::decode(bytes).map(total),
        )?;
        #[cfg(feature = "codec-abomonation")]
        measure(
            "  abomonation",
            sum,
            |bytes| bellwether_operators::exchange::abomonated::encode(black_box(&batch), bytes).map_err(io),
            |bytes| bellwether_operators::exchange::abomonated::decode(bytes).map(total),
        )?;
        let rows = rows(&batch);
        measure(
            "  bincode of rows",
            sum,
            |bytes| bincode::serialize_into(bytes, black_box(&rows)).map_err(|e| e.to_string()),
            |bytes| bincode::deserialize::<Rows>(bytes).ok().map(|rows| rows.iter().map(|r| r.2).sum()),
        )?;
    }
    Ok(())
}

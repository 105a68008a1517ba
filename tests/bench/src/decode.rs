//! Decoding of remote-write: samples a second of one thread, from bytes as they come to rows.
//!
//! # Semantics
//! Requests of 2,000 series with 10 labels and one sample each, as Prometheus sends them; the dictionary knows all series,
//! as it does a minute after a start. prost reads the same messages where this crate's tests compare both; here the
//! baseline is what must be done in any case: uncompressing.

use crate::table::fastest;
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::intake::{Batch, Dictionary, WriteLimits};
use bellwether_connectors::source::remote_write::{Version, decode as decode_message, uncompress};
use bellwether_model::{Labels, Sample};
use std::hint::black_box;

/// Series of a request, and requests: 200 k series.
pub const SERIES: usize = 2_000;
pub const REQUESTS: usize = 100;

const NOW_MS: i64 = 1_700_000_000_000;

/// A series as a scrape of a cluster's pods has it: about 300 bytes of labels.
pub fn sample(n: usize) -> Sample {
    let labels = Labels::from_pairs([
        ("__name__", format!("container_network_receive_bytes_{}_total", n % 50)),
        ("cluster", "production-eu-west-1".to_owned()),
        ("container", format!("container-{}", n % 7)),
        ("endpoint", "https-metrics".to_owned()),
        ("instance", format!("10.{}.{}.{}:10250", n % 4, n / 256 % 256, n % 256)),
        ("job", "kubelet".to_owned()),
        ("metrics_path", "/metrics/cadvisor".to_owned()),
        ("namespace", format!("team-{}", n % 30)),
        ("node", format!("ip-10-{}-{}.internal", n % 4, n / 256 % 256)),
        ("pod", format!("checkout-service-{:08x}-{:05x}", n / 10 * 2_654_435_761 % (1 << 32), n)),
    ]);
    Sample::float(labels, NOW_MS - (n % 1_000) as i64, n as f64 * 1.37)
}

/// Prints a row for 1.0 and one for 2.0.
pub fn decode() -> Result<(), String> {
    println!(
        "{REQUESTS} requests of {SERIES} series, 10 labels, one sample each: million samples a second of one thread"
    );
    println!("{:<17}  {:>8}  {:>10}  {:>6}  {:>5}", "", "B/sample", "uncompress", "decode", "both");
    for (name, version) in [("remote-write 1.0", Version::One), ("remote-write 2.0", Version::Two)] {
        let request = |r: usize| message(version, &(0..SERIES).map(|s| sample(r * SERIES + s)).collect::<Vec<_>>());
        let messages: Vec<Vec<u8>> = (0..REQUESTS).map(request).collect();
        let bodies = messages.iter().map(|m| compress(m).ok_or("a message is too large".to_owned()));
        let bodies = bodies.collect::<Result<Vec<Vec<u8>>, String>>()?;
        let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
        let uncompress = |body: &[u8]| uncompress(body, limits.decoded_bytes).map_err(|e| e.to_string());
        let rows = |message: &[u8]| {
            let batch = Batch::new(&dictionary, &limits, NOW_MS);
            let (rows, report) = decode_message(version, message, batch).map_err(|e| e.to_string())?;
            let whole = rows.len() == SERIES && report.first().is_none();
            black_box(&rows);
            if whole { Ok(()) } else { Err(report.to_string()) }
        };
        messages.iter().try_for_each(|m| rows(m))?;
        let uncompressing = fastest(|| bodies.iter().try_for_each(|b| uncompress(black_box(b)).map(drop)))?;
        let decoding = fastest(|| messages.iter().try_for_each(|m| rows(black_box(m))))?;
        let both = fastest(|| bodies.iter().try_for_each(|b| rows(&uncompress(black_box(b))?)))?;
        let rate = |s: f64| (REQUESTS * SERIES) as f64 / s / 1e6;
        let bytes = bodies.iter().map(Vec::len).sum::<usize>() as f64 / (REQUESTS * SERIES) as f64;
        println!(
            "{name:<17}  {bytes:>8.1}  {:>10.2}  {:>6.2}  {:>5.2}",
            rate(uncompressing),
            rate(decoding),
            rate(both)
        );
    }
    Ok(())
}

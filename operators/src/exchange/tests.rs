//! Every codec of a batch must give back what it was given, say its length right and keep to 8 bytes.

#![allow(clippy::unwrap_used)]

use super::{RunBatch, raw};
use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels, Run, Runs, Value, stale_nan};
use proptest::prelude::*;
use timely::bytes::arc::BytesMut;
use timely::dataflow::channels::ContainerBytes;

fn batch() -> impl Strategy<Value = RunBatch> {
    let def = (any::<u32>(), prop::collection::btree_map("[a-z_]{1,9}", "\\PC{1,40}", 0..4));
    let run = (any::<u32>(), prop::collection::vec((any::<i64>(), any::<u64>()), 0..9), 0i64..3);
    let histogram = (any::<u32>(), any::<i64>(), any::<i32>(), prop::collection::vec(any::<f64>(), 0..5));
    let (defs, runs) = (prop::collection::vec(def, 0..5), prop::collection::vec(run, 0..9));
    (any::<u32>(), any::<u64>(), defs, runs, prop::collection::vec(histogram, 0..4)).prop_map(
        |(link, seq, defs, list, histograms)| {
            let mut runs = Runs { seq, ..Runs::default() };
            runs.defs = defs.into_iter().map(|(n, pairs)| (n, Labels::from_pairs(pairs))).collect();
            for (series, samples, start) in list {
                let (stamps, values): (Vec<_>, Vec<_>) =
                    samples.into_iter().map(|(t, v)| (t, f64::from_bits(v))).unzip();
                let starts: Vec<i64> = stamps.iter().filter(|_| start > 0).map(|t| t.wrapping_sub(start)).collect();
                runs.push_run(Run { series, stamps: &stamps, values: &values, starts: &starts });
            }
            for (series, stamp, first, counts) in histograms {
                let h = Histogram { positive: Buckets::from_run(first, &counts), ..Histogram::default() };
                runs.push_value(series, stamp, Value::Histogram(h.into()), stamp.wrapping_sub(1));
            }
            RunBatch::new(link, runs)
        },
    )
}

/// NaNs differ from themselves, so values are compared by their bits.
fn same(a: &RunBatch, b: &RunBatch) -> bool {
    let bits = |r: &RunBatch| r.runs.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let rest = |r: &RunBatch| RunBatch { runs: Runs { values: Vec::new(), ..r.runs.clone() }, ..r.clone() };
    bits(a) == bits(b) && rest(a) == rest(b)
}

fn through(batch: &RunBatch) -> RunBatch {
    let mut bytes = Vec::new();
    batch.into_bytes(&mut bytes);
    assert_eq!((bytes.len(), bytes.len() % 8), (batch.length_in_bytes(), 0));
    RunBatch::from_bytes(BytesMut::from(bytes).freeze())
}

proptest! {
    #[test]
    fn the_codec_in_force_gives_back_what_it_was_given(batch in batch()) {
        prop_assert!(same(&through(&batch), &batch));
    }

    #[test]
    fn raw_columns_give_back_what_they_were_given(batch in batch()) {
        let mut bytes = Vec::new();
        raw::encode(&batch, &mut bytes).unwrap();
        prop_assert_eq!((bytes.len(), bytes.len() % 8), (raw::length(&batch), 0));
        prop_assert!(same(&raw::decode(&bytes).unwrap(), &batch));
    }

    #[test]
    fn damaged_raw_columns_are_refused_or_well_formed(batch in batch(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        raw::encode(&batch, &mut bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        if let Some(batch) = raw::decode(&bytes) {
            let of_runs = batch.runs.iter().map(|r| r.stamps.len()).sum::<usize>();
            prop_assert_eq!(of_runs + batch.runs.histograms.len(), batch.runs.samples());
        }
        prop_assert!(raw::decode(&bytes[..at]).is_none());
    }
}

#[test]
fn a_stale_marker_keeps_its_bits() {
    let mut batch = RunBatch::default();
    batch.runs.push(1, &[5], &[stale_nan()]);
    assert!(same(&through(&batch), &batch));
    assert!(same(&through(&RunBatch::default()), &RunBatch::default()));
}

#[test]
fn a_long_column_crosses_the_chunks() {
    let mut batch = RunBatch::new(3, Runs { seq: 9, ..Runs::default() });
    for i in 0..1700 {
        batch.runs.push_sample(i / 7, i64::from(i), f64::from(i));
    }
    assert_eq!(through(&batch), batch);
}

#[test]
fn bytes_that_are_no_batch_say_so() {
    for bytes in [&b""[..], b"none", &[0xff; 80]] {
        let batch = RunBatch::from_bytes(BytesMut::from(bytes.to_vec()).freeze());
        assert_eq!((batch.unreadable_bytes, batch.runs.samples()), (bytes.len().max(1), 0));
    }
}

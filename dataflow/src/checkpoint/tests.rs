//! A checkpoint is read back whole or refused with a reason.

#![allow(clippy::unwrap_used)]

use super::*;
use bellwether_model::{Histogram, Labels};
use bellwether_operators::evaluate::{Kept, KeptRing, KeptSamples};
use bellwether_operators::program::Grid;
use std::sync::Arc;

fn checkpoint() -> Checkpoint {
    let histogram = Arc::new(Histogram { count: 2.0, sum: f64::NAN, ..Histogram::default() });
    let samples =
        KeptSamples { floats: vec![(60, 1.5f64.to_bits())], histograms: vec![(70, histogram)], starts: vec![(60, 10)] };
    let ring = KeptRing { of: 7, labels: Labels::from_pairs([("job", "api")]), samples };
    let grid = Grid { warm: true, ..Grid::of_run(60, 0) };
    let (entries, done) = (vec![(3, Kept::Ring(ring))], vec![(grid, 60)]);
    let kept = KeptState { entries, done, reads_from_ms: 0, ..KeptState::default() };
    Checkpoint::new(9, 61, vec![kept, KeptState::default()], "t", &["instance".to_owned()])
}

#[test]
fn what_was_written_is_read() {
    let bytes = checkpoint().to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes), Ok(checkpoint()));
}

#[test]
fn anything_else_is_refused() {
    let bytes = checkpoint().to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(b"PAR1 and so on"), Err(CheckpointError::Foreign));
    assert_eq!(Checkpoint::from_bytes(b""), Err(CheckpointError::Foreign));
    for end in 4..bytes.len() {
        let error = Checkpoint::from_bytes(&bytes[..end]).unwrap_err();
        assert!(matches!(error, CheckpointError::Length { .. }), "{end}: {error}");
    }
    for at in 32..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(Checkpoint::from_bytes(&damaged), Err(CheckpointError::Damaged));
    }
    let mut newer = bytes;
    newer[4] = 99;
    assert_eq!(Checkpoint::from_bytes(&newer), Err(CheckpointError::FormatVersion { found: 99 }));
    let old = Checkpoint { hash_version: 0, ..checkpoint() };
    assert_eq!(Checkpoint::from_bytes(&old.to_bytes().unwrap()), Err(CheckpointError::HashVersion { found: 0 }));
}

#[test]
fn state_of_other_shards_is_refused() {
    assert_eq!(checkpoint().check_placement("t", &["instance".to_owned()]), Ok(()));
    let error = checkpoint().check_placement("t", &["job".to_owned()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the checkpoint was written for tenant "t" by (instance), the configuration says tenant "t" by (job)"#
    );
}

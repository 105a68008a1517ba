//! `topk` and `bottomk`.
//!
//! # Semantics
//! As Prometheus keeps them: a heap with the weakest element on top, an element replaces it only if it is truly
//! stronger, so that of equal elements the heap decides. NaN is weaker than any number for both.

use crate::value::{Element, Fault, fail};
use std::cmp::Ordering;

/// The number of elements to keep; `None` keeps nothing.
pub fn limit(k: f64) -> Result<Option<usize>, Fault> {
    if k.is_nan() {
        return fail("Parameter value is NaN");
    }
    if k >= i64::MAX as f64 {
        return fail(format!("Scalar value {k} overflows int64"));
    }
    Ok((k >= 1.0).then_some(k as usize))
}

/// Whether `a` is weaker than `b`.
fn weaker(a: f64, b: f64, largest: bool) -> bool {
    if a.is_nan() {
        return true;
    }
    if largest { a < b } else { a > b }
}

/// An element and its value.
type Ranked = (f64, Element);

/// The k strongest elements, the strongest first; histograms take no part.
pub fn top(elements: Vec<Element>, k: usize, largest: bool) -> Vec<Element> {
    let mut heap: Vec<Ranked> = Vec::new();
    for e in elements.into_iter().filter_map(|e| Some((e.float()?, e))) {
        if heap.len() < k {
            heap.push(e);
            sift_up(&mut heap, largest);
        } else if replaces(heap[0].0, e.0, largest) {
            heap[0] = e;
            sift_down(&mut heap, largest);
        }
    }
    heap.sort_by(|(a, _), (b, _)| {
        let nan = a.is_nan().cmp(&b.is_nan());
        nan.then(if largest { b.total_cmp(a) } else { a.total_cmp(b) })
    });
    heap.into_iter().map(|(_, e)| e).collect()
}

/// The same, but of equal elements those of the lowest labels.
pub fn top_by_labels(elements: Vec<Element>, k: usize, largest: bool) -> Vec<Element> {
    let mut floats: Vec<(f64, Element)> = elements.into_iter().filter_map(|e| Some((e.float()?, e))).collect();
    floats.sort_by(|(a, x), (b, y)| {
        let nan = a.is_nan().cmp(&b.is_nan());
        let ascending = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        nan.then(if largest { ascending.reverse() } else { ascending }).then_with(|| x.labels.cmp(&y.labels))
    });
    floats.into_iter().take(k).map(|(_, e)| e).collect()
}

fn replaces(weakest: f64, new: f64, largest: bool) -> bool {
    let stronger = if largest { weakest < new } else { weakest > new };
    stronger || (weakest.is_nan() && !new.is_nan())
}

/// Go's `container/heap` after a push.
fn sift_up(heap: &mut [Ranked], largest: bool) {
    let mut child = heap.len() - 1;
    while child > 0 {
        let parent = (child - 1) / 2;
        if !weaker(heap[child].0, heap[parent].0, largest) {
            return;
        }
        heap.swap(child, parent);
        child = parent;
    }
}

/// Go's `container/heap` after the top has changed.
fn sift_down(heap: &mut [Ranked], largest: bool) {
    let mut parent = 0;
    loop {
        let mut child = 2 * parent + 1;
        if child >= heap.len() {
            return;
        }
        if child + 1 < heap.len() && weaker(heap[child + 1].0, heap[child].0, largest) {
            child += 1;
        }
        if !weaker(heap[child].0, heap[parent].0, largest) {
            return;
        }
        heap.swap(child, parent);
        parent = child;
    }
}

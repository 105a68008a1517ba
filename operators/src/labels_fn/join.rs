//! `label_join(v, dst, sep, src…)`.

use bellwether_model::{DROPPED, Labels, METRIC_NAME};

/// The labels with `dst` set to the values of `src`, joined; an empty result removes `dst`.
pub fn label_join(labels: &Labels, dst: &str, sep: &str, src: &[String]) -> Labels {
    let values: Vec<&str> = src.iter().map(|name| labels.get(name)).collect();
    let mut b = labels.to_builder();
    b.set(dst, &values.join(sep));
    if dst == METRIC_NAME {
        // A new name stays.
        b.set(DROPPED, "");
    }
    b.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_labels_are_empty() {
        let l = Labels::from_pairs([("a", "x"), ("b", "y")]);
        let src = ["a", "none", "b"].map(String::from);
        assert_eq!(label_join(&l, "dst", "-", &src).get("dst"), "x--y");
        assert_eq!(label_join(&l, "a", "", &["none".to_owned()]), Labels::from_pairs([("b", "y")]));
        assert_eq!(label_join(&l, "a", "-", &[]), Labels::from_pairs([("b", "y")]));
    }
}

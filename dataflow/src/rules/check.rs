//! Names and templates of labels and annotations.

use super::fields::Text;
use super::place::position_in;
use super::report::Report;
use bellwether_operators::template::Template;
use bellwether_operators::template::quote::quote;

/// A label may have any name of UTF-8 text but none, and may not be the metric's name.
pub(super) fn check_label_names(labels: &[Text<'_>], report: &mut Report<'_>) {
    for label in labels.iter().filter(|l| l.name.is_empty() || l.name == "__name__") {
        report.error(label.key.position, format!("invalid label name: {}", label.name));
    }
}

pub(super) fn check_annotation_names(annotations: &[Text<'_>], report: &mut Report<'_>) {
    for annotation in annotations.iter().filter(|a| a.name.is_empty()) {
        report.error(annotation.key.position, "invalid annotation name: ");
    }
}

/// Templates must parse; whether they expand is known only when an alert does.
pub(super) fn check_templates(labels: &[Text<'_>], annotations: &[Text<'_>], report: &mut Report<'_>) {
    for (what, texts) in [("label", labels), ("annotation", annotations)] {
        for text in texts {
            if let Err(e) = Template::parse(text.text) {
                let at = position_in(report.source, text.node, text.text, e.offset);
                report.error(at, format!("{what} {}: {e}", quote(text.name)));
            }
        }
    }
}

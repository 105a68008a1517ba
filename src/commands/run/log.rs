//! What a run says: events in, lines on standard error out.
//!
//! # Semantics
//! An event has a name that stays, fields, and a sentence. As text it is the sentence; as JSON a line with all of it. Texts of
//! others that may hold values of labels go through [`Log::foreign`].

use bellwether::config::{Log as Settings, LogFormat, LogLevel};
use bellwether_model::civil::rfc3339;
use serde_json::{Map, Value};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    level: LogLevel,
    name: &'static str,
    fields: Vec<(&'static str, Value)>,
    text: String,
}

impl Event {
    fn new(level: LogLevel, name: &'static str, text: impl Into<String>) -> Self {
        Self { level, name, fields: Vec::new(), text: text.into() }
    }

    /// Something that goes as it should.
    pub fn info(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(LogLevel::Info, name, text)
    }

    /// Something that somebody should look at.
    pub fn warn(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(LogLevel::Warn, name, text)
    }

    /// Why it ends.
    pub fn error(name: &'static str, text: impl Into<String>) -> Self {
        Self::new(LogLevel::Error, name, text)
    }

    /// With a field.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// How a run speaks; copying shares nothing but standard error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Log(pub Settings);

impl Log {
    /// Whether lines are JSON.
    pub fn is_json(self) -> bool {
        self.0.format == LogFormat::Json
    }

    /// Says something of no tenant.
    pub fn say(self, event: Event) {
        self.say_of("", event);
    }

    /// Says something of a tenant.
    pub fn say_of(self, tenant: &str, event: Event) {
        if event.level < self.0.level {
            return;
        }
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let line = if self.is_json() { json(tenant, event, now_ms) } else { text(tenant, event) };
        self.write(&line);
    }

    /// Says something that brings its own form: several lines, with their places.
    pub fn plain(self, tenant: &str, name: &'static str, text: String) {
        let level = LogLevel::Warn;
        if self.is_json() {
            self.say_of(tenant, Event { level, name, fields: Vec::new(), text: text.trim_end().to_owned() });
        } else if level >= self.0.level {
            self.write(&format!("{text}\n"));
        }
    }

    fn write(self, lines: &str) {
        // Whoever read it has gone: there is nobody to say that to.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
    }

    /// A text of somebody else, without what may be values of labels: what stands in quotes and braces.
    pub fn foreign(self, text: &str) -> String {
        if self.0.label_values { text.to_owned() } else { masked(text) }
    }

    /// What a receiver answered, without its words: they may quote what it was sent. What never reached it is told whole.
    pub fn answered(self, text: &str) -> String {
        let status = text.split(' ').find(|word| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()));
        match status {
            Some(status) if !self.0.label_values => format!("it answered {status}"),
            _ => text.to_owned(),
        }
    }
}

fn text(tenant: &str, Event { level, text, .. }: Event) -> String {
    let of = if tenant.is_empty() { String::new() } else { format!("tenant {tenant}: ") };
    let level = match level {
        LogLevel::Info => "",
        LogLevel::Warn => "warning: ",
        LogLevel::Error => "error: ",
    };
    format!("{of}{level}{text}\n")
}

fn json(tenant: &str, Event { level, name, fields, text }: Event, now_ms: i64) -> String {
    let level = match level {
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let mut all = Map::new();
    all.insert("ts".to_owned(), rfc3339(now_ms).into());
    all.insert("level".to_owned(), level.into());
    all.insert("event".to_owned(), name.into());
    if !tenant.is_empty() {
        all.insert("tenant".to_owned(), tenant.into());
    }
    all.insert("message".to_owned(), text.into());
    all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    format!("{}\n", Value::Object(all))
}

/// Leaves out what stands in double quotes and in braces.
fn masked(text: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0usize, false, false);
    for c in text.chars() {
        let was_quoted = quoted;
        quoted = if c == '"' && !escaped { !quoted } else { quoted };
        escaped = c == '\\' && was_quoted && !escaped;
        match c {
            '"' if depth == 0 && quoted != was_quoted => out.push_str(if quoted { "\"…" } else { "\"" }),
            '{' if !was_quoted => {
                depth += 1;
                if depth == 1 {
                    out.push_str("{…");
                }
            }
            '}' if !was_quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    out.push('}');
                }
            }
            _ if depth == 0 && !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_values_of_labels_is_left_out_unless_asked_for() {
        let cases = [
            ("plain", "plain"),
            (r#"duplicates for {user="ada", a="}"}: [{b="c"}]"#, "duplicates for {…}: [{…}]"),
            (r#"the label "ada \" x" is bad"#, r#"the label "…" is bad"#),
            ("an open {user=", "an open {…"),
        ];
        for (text, want) in cases {
            assert_eq!(masked(text), want);
            assert_eq!(Log::default().foreign(text), want);
        }
        let all = Log(Settings { label_values: true, ..Settings::default() });
        assert_eq!(all.foreign(cases[1].0), cases[1].0);
        let answer = r#"http://am:9093/x refuses the alerts: 400 bad label ada"#;
        assert_eq!(
            (Log::default().answered(answer), all.answered(answer).as_str()),
            ("it answered 400".to_owned(), answer)
        );
        assert_eq!(Log::default().answered("connection refused"), "connection refused");
    }

    #[test]
    fn an_event_is_a_sentence_or_an_object() {
        let event = || Event::warn("late", "it is \"late\"").with("by_ms", 5);
        assert_eq!(text("a", event()), "tenant a: warning: it is \"late\"\n");
        let want = r#"{"ts":"1970-01-01T00:00:00Z","level":"warn","event":"late","tenant":"a","message":"it is \"late\"","by_ms":5}"#;
        let got: Value = serde_json::from_str(&json("a", event(), 0)).unwrap_or_default();
        assert_eq!(got, serde_json::from_str::<Value>(want).unwrap_or_default());
    }
}

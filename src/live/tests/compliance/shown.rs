//! What has to be shown, written and told of a case at one moment.

use super::receiver::EXTERNAL_URL;
use super::*;
use bellwether_model::civil::rfc3339;
use serde_json::json;

/// Distance of two messages about one alert, ms.
const RESEND_MS: i64 = 60_000;

/// How long resolved alerts are repeated, ms.
const RESOLVED_MS: i64 = 15 * 60_000;

/// One story at a moment.
struct Now<'a> {
    story: &'a Story,
    /// What it is, once it has begun.
    phase: Option<&'a Phase>,
    /// The phase before the alert ended: what a resolved one still says.
    last: Option<&'a Phase>,
    active_ms: i64,
    fired_ms: Option<i64>,
    resolved_ms: i64,
}

/// A case at a moment.
pub(super) struct Moment<'a> {
    case: &'a Case,
    at_ms: i64,
    zero_ms: i64,
    /// The newest instant of evaluation, ms.
    step_ms: i64,
    stories: Vec<Now<'a>>,
}

fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by_key(Value::to_string);
    all
}

/// An alert with its value as a number: it may be written in more than one way.
fn comparable(alert: &Value) -> Value {
    let mut alert = alert.clone();
    if let Some(value) = alert.get_mut("value") {
        *value = json!(value.as_str().unwrap().parse::<f64>().unwrap());
    }
    alert
}

fn object(pairs: &[(&'static str, String)]) -> Value {
    Value::Object(pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
}

impl<'a> Now<'a> {
    fn new(suite: &Suite, story: &'a Story, step_ms: i64) -> Self {
        let mut me = Self { story, phase: None, last: None, active_ms: 0, fired_ms: None, resolved_ms: 0 };
        for phase in story.phases.iter().filter(|p| suite.seen_ms(p.sample) <= step_ms) {
            let (since_ms, was) = (suite.seen_ms(phase.sample), me.phase.map_or(Is::Inactive, |p| p.is));
            match phase.is {
                Is::Inactive => (me.last, me.resolved_ms) = (me.phase, since_ms),
                _ if was == Is::Inactive => (me.active_ms, me.fired_ms) = (since_ms, None),
                _ => {}
            }
            if phase.is == Is::Firing && was != Is::Firing {
                me.fired_ms = Some(since_ms);
            }
            me.phase = Some(phase);
        }
        me
    }

    fn is(&self) -> Is {
        self.phase.map_or(Is::Inactive, |p| p.is)
    }

    fn labels(&self, group: &str) -> serde_json::Map<String, Value> {
        let own = self.story.labels.iter().map(|(n, v)| ((*n).to_owned(), json!(v)));
        let common = [("alertname".to_owned(), json!(self.story.rule)), ("rulegroup".to_owned(), json!(group))];
        own.chain(common).collect()
    }

    fn state(&self) -> &'static str {
        match self.is() {
            Is::Pending => "pending",
            Is::Firing => "firing",
            Is::Inactive => "inactive",
        }
    }

    /// As both parts of the API show it; `None` where it is not active.
    fn shown(&self, group: &str) -> Option<Value> {
        let phase = self.phase.filter(|p| p.is != Is::Inactive)?;
        Some(json!({
            "labels": self.labels(group),
            "annotations": object(&phase.annotations),
            "state": self.state(),
            "activeAt": rfc3339(self.active_ms),
            "value": phase.value,
        }))
    }

    /// The series that its rule writes, with their values.
    fn written(&self, group: &str) -> Vec<Value> {
        if self.is() == Is::Inactive {
            return Vec::new();
        }
        let (mut alerts, mut since) = (self.labels(group), self.labels(group));
        alerts.insert("__name__".to_owned(), json!("ALERTS"));
        alerts.insert("alertstate".to_owned(), json!(self.state()));
        since.insert("__name__".to_owned(), json!("ALERTS_FOR_STATE"));
        let seconds = (self.active_ms / 1_000).to_string();
        vec![json!({"metric": alerts, "value": "1"}), json!({"metric": since, "value": seconds})]
    }

    /// What a receiver hears at a moment, if anything.
    fn told(&self, group: &str, url: &str, at_ms: i64, step_ms: i64) -> Option<Value> {
        let (since_ms, says, ends_ms) = match self.is() {
            Is::Pending => return None,
            Is::Firing => (self.fired_ms?, self.phase?, at_ms + 4 * RESEND_MS),
            // A pending alert that ends is told to nobody.
            Is::Inactive => (self.fired_ms.map(|_| self.resolved_ms)?, self.last?, self.resolved_ms),
        };
        let over = self.is() == Is::Inactive && at_ms - since_ms >= RESOLVED_MS;
        let is_due = at_ms - step_ms == LOOK_MS && (step_ms - since_ms) % RESEND_MS == 0;
        (is_due && !over).then(|| {
            json!({
                "labels": self.labels(group),
                "annotations": object(&says.annotations),
                "startsAt": rfc3339(self.fired_ms.unwrap_or(0)),
                "endsAt": rfc3339(ends_ms),
                "generatorURL": url,
            })
        })
    }
}

impl<'a> Moment<'a> {
    pub fn new(suite: &Suite, case: &'a Case, at_ms: i64) -> Self {
        let step_ms = at_ms.div_euclid(INTERVAL_MS) * INTERVAL_MS;
        let stories = case.stories.iter().map(|story| Now::new(suite, story, step_ms)).collect();
        Self { case, at_ms, zero_ms: suite.zero_ms, step_ms, stories }
    }

    fn place(&self, what: &str) -> String {
        let (sample, late_s) = ((self.at_ms - self.zero_ms) / SAMPLE_MS, (self.at_ms - self.step_ms) / 1_000);
        format!("{}, sample {sample}, {late_s} s after an evaluation: {what}", self.case.group)
    }

    fn of_group(&self, all: &Value) -> Vec<Value> {
        let all = all.as_array().unwrap().iter();
        sorted(all.filter(|a| a["labels"]["rulegroup"] == json!(self.case.group)).map(comparable).collect())
    }

    /// `/api/v1/alerts` and `/api/v1/rules`.
    pub fn check_api(&self, suite: &Suite) {
        let group = self.case.group;
        let shown = |rule: Option<&str>| {
            let of_rule = self.stories.iter().filter(|now| rule.is_none_or(|rule| now.story.rule == rule));
            sorted(of_rule.filter_map(|now| now.shown(group)).collect())
        };
        assert_eq!(self.of_group(&suite.get("/api/v1/alerts")["alerts"]), shown(None), "{}", self.place("alerts"));
        let groups = suite.get(&format!("/api/v1/rules?rule_group[]={group}"))["groups"].clone();
        let groups = groups.as_array().unwrap();
        assert_eq!(groups.len(), 1);
        let (found, step) = (&groups[0], json!(rfc3339(self.step_ms)));
        assert_eq!((&found["name"], &found["interval"]), (&json!(group), &json!(30.0)));
        if self.step_ms < suite.zero_ms {
            // Nothing was evaluated yet.
            return;
        }
        assert_eq!(found["lastEvaluation"], step, "{}", self.place("group"));
        let table = suite.run.handle().table();
        let rules: Vec<_> = table.set.rules().filter(|(_, g, _)| g.name == group).collect();
        assert_eq!(found["rules"].as_array().unwrap().len(), rules.len());
        for ((_, _, rule), found) in rules.into_iter().zip(found["rules"].as_array().unwrap()) {
            let RuleKind::Alert { for_ms, annotations, .. } = &rule.kind else { panic!("{found}") };
            let texts = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
            let states: Vec<&str> =
                self.stories.iter().filter(|now| now.story.rule == rule.name).map(Now::state).collect();
            let state = ["firing", "pending"].into_iter().find(|s| states.contains(s)).unwrap_or("inactive");
            let mut got = found.clone();
            let alerts = sorted(got["alerts"].take().as_array().unwrap().iter().map(comparable).collect());
            assert!(got["evaluationTime"].take().is_f64());
            assert_eq!(alerts, shown(Some(&rule.name)), "{}", self.place(&rule.name));
            let expected = json!({
                "type": "alerting", "name": rule.name, "query": rule.expr_text, "duration": *for_ms as f64 / 1_000.0,
                "labels": texts(&rule.labels), "annotations": texts(annotations), "lastEvaluation": step,
                "health": "ok", "state": state, "keepFiringFor": 0.0, "alerts": null, "evaluationTime": null,
            });
            assert_eq!(got, expected, "{}", self.place(&rule.name));
        }
    }

    /// `ALERTS` and `ALERTS_FOR_STATE`, as a query sees them.
    pub fn check_series(&self, suite: &Suite) {
        let query = format!("{{__name__=~\"ALERTS|ALERTS_FOR_STATE\", rulegroup=\"{}\"}}", self.case.group);
        let query = crate::live::query::tests::encoded(&query);
        let at = self.at_ms / 1_000;
        let found = suite.get(&format!("/api/v1/query?query={query}&time={at}"))["result"].clone();
        let value = |one: &Value| {
            assert_eq!(one["value"][0], json!(at));
            json!({"metric": one["metric"], "value": one["value"][1]})
        };
        let found = sorted(found.as_array().unwrap().iter().map(value).collect());
        let written = sorted(self.stories.iter().flat_map(|now| now.written(self.case.group)).collect());
        assert_eq!(found, written, "{}", self.place("series"));
    }

    /// What the receiver heard; how many messages that were.
    pub fn check_messages(&self, heard: &[Value]) -> usize {
        let group = self.case.group;
        let told = self.stories.iter().filter_map(|now| {
            let heard = heard.iter().find(|m| m["labels"]["alertname"] == json!(now.story.rule));
            let url = heard.and_then(|m| m["generatorURL"].as_str()).unwrap_or_default();
            now.told(group, url, self.at_ms, self.step_ms)
        });
        let told = sorted(told.collect());
        let heard = self.of_group(&Value::Array(heard.to_vec()));
        assert_eq!(heard, told, "{}", self.place("messages"));
        for message in &heard {
            let url: axum::http::Uri = message["generatorURL"].as_str().unwrap().parse().unwrap();
            assert!(url.to_string().starts_with(&format!("{EXTERNAL_URL}/graph?g0.expr=")), "{url}");
        }
        heard.len()
    }
}

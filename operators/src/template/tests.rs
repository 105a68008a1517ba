//! Golden pairs of template and expansion; the expected texts are those of Prometheus 3.16.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn expand_with(text: &str, value: f64, query: Option<&QueryFn<'_>>) -> Result<String, String> {
    let labels = Labels::from_pairs([("instance", "foo.example.com:9090"), ("job", "a<b>"), ("n", "7")]);
    let external = Labels::from_pairs([("cluster", "c1")]);
    let context = Context {
        alert: "A",
        labels: &labels,
        value,
        histogram: None,
        external_labels: &external,
        external_url: "http://p:9090/x",
        now_ms: 1_435_065_584_128,
        query,
    };
    let template = Template::parse(text).map_err(|e| e.to_string())?;
    template.expand(&context).map_err(|e| e.message)
}

#[test]
fn a_histogram_is_shown_with_its_buckets() {
    let (labels, external_url) = (Labels::empty(), "");
    let h = Arc::new(Histogram {
        count: 3.0,
        sum: 5.0,
        positive: bellwether_model::histogram::Buckets::from_run(1, &[1.0, 2.0]),
        ..Histogram::default()
    });
    let context =
        Context { labels: &labels, external_labels: &labels, external_url, histogram: Some(&h), ..Context::default() };
    let expanded = |text: &str| Template::parse(text).unwrap().expand(&context).map_err(|e| e.message);
    assert_eq!(expanded("{{ $value }} {{ .Value }}").unwrap(), format!("{h} {h}"));
    assert!(expanded("{{ $value | humanize }}").is_err());
}

fn expand(text: &str, value: f64) -> String {
    expand_with(text, value, None).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn data_and_control() {
    for (text, want) in [
        ("plain", "plain"),
        (
            "{{ $labels.job }} {{ .Labels.missing }}|{{ $labels }}",
            "a<b> |map[instance:foo.example.com:9090 job:a<b> n:7]",
        ),
        ("{{ $value }} {{ .Value }}", "1234.5 1234.5"),
        ("{{ $externalLabels.cluster }} {{ $externalURL }} {{ .ExternalURL }}", "c1 http://p:9090/x http://p:9090/x"),
        ("a {{- /* c */ -}} b", "ab"),
        ("a {{- 1 -}} b {{ 2 -}} \n c", "a1b 2c"),
        ("{{ if gt $value 100.0 }}high{{ else if gt $value 10.0 }}mid{{ else }}low{{ end }}", "high"),
        ("{{ if eq $labels.n \"7\" }}y{{ end }}{{ if not $labels.q }}z{{ end }}", "yz"),
        ("{{ with $x := $labels.n }}{{ $x }}{{ . }}{{ end }}{{ with .Labels.q }}no{{ else }}none{{ end }}", "77none"),
        ("{{ range $k, $v := $externalLabels }}{{ $k }}={{ $v }};{{ end }}", "cluster=c1;"),
        ("{{ range $i, $_ := .Labels }}{{ if eq $i \"job\" }}{{ break }}{{ end }}{{ $i }}{{ end }}", "instance"),
        ("{{ range 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "02"),
        ("{{ $s := \"\" }}{{ if true }}{{ $s = \"x\" }}{{ end }}{{ $s }}", "x"),
        ("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" $labels.n }}", "<7>"),
        ("{{ index $labels \"job\" }} {{ len $labels }} {{ index \"abc\" 1 }}", "a<b> 3 98"),
        ("{{ (printf \"%d-%s\" 3 \"a\") | toUpper }}", "3-A"),
        (
            "{{ and 1 0 }} {{ or 0 \"x\" }} {{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ true }} {{ `raw\\n` }}",
            "0 x 97 16 1000 true raw\\n",
        ),
        ("{{ print 1 2 \"a\" 3 }}{{ println \"b\" 4 }}", "1 2a3b 4\n"),
        (
            "{{ $labels.job | html }} {{ urlquery \"a b&\" }} {{ $labels.job | js }}",
            "a&lt;b&gt; a+b%26 a\\u003Cb\\u003E",
        ),
        ("{{ \"{{ x }}\" }}", "{{ x }}"),
        ("{{ slice \"abcdef\" 1 3 }} {{ (args 1 \"b\").arg1 }} {{ (args 1).foo }}", "bc b <no value>"),
    ] {
        assert_eq!(expand(text, 1234.5), want, "{text}");
    }
}

#[test]
fn functions_of_prometheus() {
    for (text, want) in [
        ("{{ $value | humanize }} {{ humanize1024 1048576 }} {{ humanizePercentage 0.1234 }}", "1.234k 1Mi 12.34%"),
        ("{{ $value | humanizeDuration }} {{ 0.001 | humanizeDuration }}", "20m 34s 1ms"),
        ("{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        (
            "{{ \"foo bar\" | title }} {{ toLower \"AB\" }} {{ $labels.instance | stripPort }}",
            "Foo Bar ab foo.example.com",
        ),
        ("{{ $labels.instance | stripDomain }}", "foo:9090"),
        ("{{ match \"a.*z\" \"abz\" }} {{ reReplaceAll \"(.)o\" \"$1-\" \"foo\" }}", "true f-o"),
        ("{{ reReplaceAll \"(.*):.*\" \"${1}x\" $labels.instance }}", "foo.example.comx"),
        (
            "{{ graphLink \"up == 0\" }} {{ tableLink \"a\" }}",
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a&g0.tab=1",
        ),
        ("{{ externalURL }} {{ pathPrefix }} {{ urlQueryEscape \"/a b\" }}", "http://p:9090/x /x %2Fa+b"),
        ("{{ now }} {{ parseDuration \"1h30m\" }} {{ (toTime now).Year }}", "1.435065584128e+09 5400 2015"),
        (
            "{{ toDuration 90 }} {{ (toTime 0).Format \"2006-01-02\" }} {{ toTime 0 }}",
            "1m30s 1970-01-01 1970-01-01 00:00:00 +0000 UTC",
        ),
        ("{{ printf \"%.2f\" $value }} {{ printf \"%d\" $value }}", "1234.50 %!d(float64=1234.5)"),
        ("{{ \"1.5\" | humanize }}", "1.5"),
    ] {
        assert_eq!(expand(text, 1234.5), want, "{text}");
    }
    assert_eq!(expand("{{ $value }} {{ $value | humanize }}", f64::NAN), "NaN NaN");
    assert_eq!(expand("{{ $value }}", f64::NEG_INFINITY), "-Inf");
    assert_eq!(expand("{{ $value }}", 1e6), "1e+06");
}

#[test]
fn queries_go_through_the_hook() {
    let run = |expr: &str, at: i64| {
        assert_eq!((expr, at), ("q", 1_435_065_584_128));
        let sample = |v: &str, value| Sample { labels: Labels::from_pairs([("__name__", "q"), ("v", v)]), value };
        Ok(vec![sample("b", 2.0), sample("a", 1.0)])
    };
    for (text, want) in [
        ("{{ query \"q\" | first | value }} {{ query \"q\" | first | label \"v\" }}", "2 b"),
        ("{{ range query \"q\" | sortByLabel \"v\" }}{{ .Labels.v }}={{ .Value }};{{ end }}", "a=1;b=2;"),
        ("{{ range $i, $s := query \"q\" }}{{ $i }}{{ $s | value }}{{ end }}", "0211"),
        ("{{ with query \"q\" }}{{ . | len }} {{ (index . 1).Labels.v }}{{ end }}", "2 a"),
    ] {
        assert_eq!(expand_with(text, 0.0, Some(&run)).as_deref(), Ok(want), "{text}");
    }
    let none = |_: &str, _: i64| Ok(Vec::new());
    let error = expand_with("{{ query \"q\" | first }}", 0.0, Some(&none)).unwrap_err();
    assert!(error.ends_with("error calling first: first() called on vector with no elements"), "{error}");
    assert!(expand_with("{{ query \"q\" }}", 0.0, None).is_err());
}

#[test]
fn failures_have_go_s_words() {
    for (text, want) in [
        (
            "{{ $labels.foo.bar }}",
            "error executing template __alert_A: template: __alert_A:1:122: executing \"__alert_A\" at \
             <$labels.foo.bar>: can't evaluate field bar in type string",
        ),
        (
            "a\n{{ toUpper $value }}",
            "error executing template __alert_A: template: __alert_A:2:11: executing \"__alert_A\" at <$value>: wrong \
             type for value; expected string; got float64",
        ),
        (
            "{{ eq $value 0 }}",
            "error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <eq $value 0>: \
             error calling eq: incompatible types for comparison: float64 and int",
        ),
    ] {
        assert_eq!(expand_with(text, 0.0, None), Err(want.to_owned()), "{text}");
    }
}

#[test]
fn what_does_not_parse_is_refused() {
    for (text, want) in [
        ("{{ $label.foo }}", "template:1: undefined variable \"$label\""),
        ("{{ foo }}", "template:1: function \"foo\" not defined"),
        ("a\n{{ if }}x{{ end }}", "template:2: missing value for if"),
        ("{{ if true }}", "template:1: unexpected EOF"),
        ("{{ end }}", "template:1: unexpected {{end}}"),
        ("{{ 1", "template:1: unclosed action"),
        ("{{ \"a }}", "template:1: unterminated quoted string"),
        ("{{ }}", "template:1: missing value for command"),
        ("{{ break }}", "template:1: {{break}} outside {{range}}"),
        ("{{ 1 | 2 }}", "template:1: non executable command in pipeline stage 2"),
        ("{{ (1 }}", "template:1: unclosed left paren"),
        ("{{/* a }}", "template:1: unclosed comment"),
        ("{{ \"a\".b }}", "template:1: unexpected . after term \"\\\"a\\\"\""),
    ] {
        assert_eq!(Template::parse(text).unwrap_err().to_string(), want, "{text}");
    }
}

#[test]
fn expansion_is_bounded() {
    for text in [
        "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
        "{{ range 100000000 }}x{{ end }}",
        "{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}",
        "{{ $s := \"xxxxxxxx\" }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}{{ $s }}",
        "{{ $s := printf \"%1000000d\" 1 }}{{ reReplaceAll \".\" $s $s }}",
        "{{ printf \"%1000000d%1000000d\" 1 1 }}",
    ] {
        assert!(expand_with(text, 0.0, None).is_err(), "{text}");
    }
    for text in [
        format!("{{{{ {} }}}}", "(".repeat(100_000)),
        "{{ if 1 }}".repeat(100_000),
        format!("{}{}", "{{ if 1 }}".repeat(10_000), "{{ end }}".repeat(10_000)),
        format!("{{{{ if 1 }}}}{}{{{{ end }}}}", "{{ else if 1 }}".repeat(10_000)),
    ] {
        assert!(Template::parse(&text).is_err());
    }
}

#[test]
fn what_a_template_depends_on_is_known() {
    let uses = |text: &str| {
        let t = Template::parse(text).unwrap();
        (t.uses_value(), t.uses_query(), t.uses_time())
    };
    assert_eq!(uses("page"), (false, false, false));
    assert_eq!(uses("{{ $labels.job }} {{ with .Labels.job }}{{ . }}{{ end }}"), (false, false, false));
    assert_eq!(uses("{{ $value }}"), (true, false, false));
    assert_eq!(uses("{{ if gt .Value 1.0 }}a{{ end }}"), (true, false, false));
    assert_eq!(uses("{{ with . }}{{ .Value }}{{ end }}"), (true, false, false));
    assert_eq!(uses("{{ range query \"x\" }}{{ .Value }}{{ end }}"), (false, true, true));
    assert_eq!(uses("{{ now }}"), (false, false, true));
    assert_eq!(Template::parse("page").unwrap().literal(), Some("page"));
}

//! What is accepted, what is refused, in which words and where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use promql_parser::parser::{AtModifier, Offset};
use std::time::Duration;

fn message(text: &str) -> String {
    match parse(text) {
        Ok(expr) => panic!("{text} is accepted as {expr}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn defects_of_the_crate_are_closed() {
    let Expr::VectorSelector(vs) = parse(r#"x{a=`\d`,b="\x41\"",c=~"a{,2}|b"}"#).unwrap() else { panic!() };
    assert_eq!(vs.matchers.matchers[0].value, r"\d");
    assert_eq!(vs.matchers.matchers[1].value, "A\"");
    assert!(vs.matchers.matchers[2].is_match("a{,2}"));
    let Expr::VectorSelector(vs) = parse("x offset 0s").unwrap() else { panic!() };
    assert_eq!(vs.offset, None);
    assert_eq!(parse("1_000").unwrap(), Expr::from(1000.0));
    assert!(parse(r#"{a="1" or b="2"}"#).is_err());
    let Expr::MatrixSelector(ms) = parse("x[5m * 2] offset -(1h / 4)").unwrap() else { panic!() };
    assert_eq!(ms.range, Duration::from_secs(600));
    assert_eq!(ms.vs.offset, Some(Offset::Neg(Duration::from_secs(900))));
    let Expr::VectorSelector(vs) = parse("x @ -1.5").unwrap() else { panic!() };
    assert_eq!(vs.at, Some(AtModifier::At(std::time::UNIX_EPOCH - Duration::from_millis(1500))));
    assert_eq!(parse("# c\n1 # d\n+ 2 #").unwrap().to_string(), "1 + 2");
}

#[test]
fn operators_bind_as_in_prometheus() {
    for (text, same) in [
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("2 ^ -1 * 3", "(2 ^ -1) * 3"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("a - b - c", "(a - b) - c"),
        ("a or b and c", "a or (b and c)"),
        ("a + b > c", "(a + b) > c"),
        ("x offset 5m ^ 2", "(x offset 5m) ^ 2"),
        ("-x[5m:]", "-(x[5m:])"),
    ] {
        let (a, b) = (parse(text), parse(same));
        let strip = |e: &Expr| e.to_string().replace(['(', ')'], "");
        assert_eq!(a.as_ref().map(strip), b.as_ref().map(strip), "{text}");
        assert_eq!(a.map(|e| shape(&e)), b.map(|e| shape(&e)), "{text}");
    }
}

/// The nesting of binary and unary nodes, parentheses left out.
fn shape(expr: &Expr) -> String {
    match expr {
        Expr::Paren(p) => shape(&p.expr),
        Expr::Binary(b) => format!("[{} {} {}]", shape(&b.lhs), b.op, shape(&b.rhs)),
        Expr::Unary(u) => format!("[-{}]", shape(&u.expr)),
        other => other.to_string(),
    }
}

#[test]
fn errors_have_prometheus_s_words_and_place() {
    for (text, want) in [
        ("", "1:1: parse error: no expression found in input"),
        ("sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation"),
        ("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("rate(hi)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("foo(\n  x)", "1:1: parse error: unknown function with name \"foo\""),
        ("1 +\n  (2", "2:5: parse error: unclosed left parenthesis"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("x{a=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
        (
            "info(x)",
            "1:1: parse error: function \"info\" is not enabled: --enable-feature=promql-experimental-functions enables it",
        ),
        (
            "x + fill(0) y",
            "1:1: parse error: binop fill modifiers are experimental and not enabled: \
             --enable-feature=promql-binop-fill-modifiers enables it",
        ),
        (
            "x.y",
            "1:2: parse error: unexpected character: '.' in a name without quotes: \
             --enable-feature=promql-unquoted-utf8-names enables it",
        ),
        ("x == .", "1:6: parse error: unexpected character: '.'"),
        (
            "limitk(1, x)",
            "1:1: parse error: limitk() is experimental and must be enabled with \
                          --enable-feature=promql-experimental-functions",
        ),
        ("x[0s]", "1:3: parse error: duration must be greater than 0"),
        ("x and on(a) group_left y", "1:1: parse error: no grouping allowed for \"and\" operation"),
        ("x[5m] offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"),
    ] {
        assert_eq!(message(text), want, "{text}");
    }
}

#[test]
fn features_are_off_unless_asked_for() {
    let on = Options::PROMQLTEST;
    for text in ["info(x, {a=~\".*\"})", "limitk(1, x)", "x + fill(0) y", "ünïcode.name{b=\"1\"}"] {
        assert!(parse(text).is_err(), "{text}");
        assert!(parse_with(text, &on).is_ok(), "{text}: {:?}", parse_with(text, &on));
    }
    let Expr::Call(call) = parse("rate(x[5m] anchored)").unwrap() else { panic!() };
    let Expr::Call(inner) = &*call.args.args[0] else { panic!() };
    assert_eq!(inner.func.name, ANCHORED);
    assert!(parse("anchored(x[5m])").is_err());
    assert!(parse("fill + fill").is_ok());
}

#[test]
fn hostile_nesting_is_refused_before_it_overflows_a_stack() {
    for text in [
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}x", "-".repeat(10_000)),
        format!("{}x{}", "abs(".repeat(10_000), ")".repeat(10_000)),
        format!("x{}", " + x".repeat(10_000)),
        format!("x{}", " ^ x".repeat(10_000)),
        format!("x{}", "[5m:]".repeat(10_000)),
        format!("x[{}1{}]", "(".repeat(10_000), ")".repeat(10_000)),
        format!("sum by {}", "(".repeat(100_000)),
        "{".repeat(100_000),
    ] {
        assert!(parse(&text).is_err());
    }
    assert!(message(&format!("x{}", " or x".repeat(1_000))).contains("more than 200 levels"));
    assert!(message(&"x".repeat(2 << 20)).contains("longer than the limit"));
    let deep = format!("{}x{}", "(".repeat(190), ")".repeat(190));
    let expr = parse(&deep).unwrap();
    assert_eq!(expr.clone().to_string(), deep);
}

#[test]
fn quoted_names_may_be_any_text() {
    let Expr::VectorSelector(vs) = parse(r#"{"my.metric", "a.b"="c"}"#).unwrap() else { panic!() };
    assert_eq!(vs.matchers.matchers[0].name, "__name__");
    assert_eq!(vs.matchers.matchers[1].name, "a.b");
    assert!(parse(r#"sum by ("a.b") (x)"#).is_ok());
    assert!(parse(r#"sum by ("") (x)"#).is_err());
    assert!(parse_selector("up{job=\"a\"}").is_ok());
    assert!(parse_selector("up > 1").is_err());
}

#[test]
fn a_modifier_is_there_only_if_written_or_needed() {
    let modifier = |text| match parse(text).unwrap() {
        Expr::Binary(b) => b.modifier,
        _ => panic!(),
    };
    assert_eq!(modifier("a + b"), None);
    assert!(modifier("a > bool b").unwrap().return_bool);
    assert_eq!(modifier("a or b").unwrap().card, promql_parser::parser::VectorMatchCardinality::ManyToMany);
    assert!(modifier("a + on() b").is_some());
}

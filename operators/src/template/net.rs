//! Hosts, URLs and HTML: the text functions that Prometheus and Go take from `net`, `net/url` and `html`.

use std::net::IpAddr;

/// Host and port of `host:port`; nothing where Go's `net.SplitHostPort` fails.
fn split_host_port(s: &str) -> Option<(&str, &str)> {
    let colon = s.rfind(':')?;
    let (host, host_end) = if s.starts_with('[') {
        let end = s.find(']')?;
        if end + 1 != colon {
            return None;
        }
        (&s[1..end], end)
    } else {
        (&s[..colon], 0)
    };
    let bare = host_end == 0;
    let rest = if bare { s } else { &s[host_end + 1..] };
    let opens_again = if bare { s.contains('[') } else { s[1..].contains('[') };
    if (bare && host.contains(':')) || opens_again || rest.contains(']') {
        return None;
    }
    Some((host, &s[colon + 1..]))
}

/// `stripPort`.
pub(super) fn strip_port(s: &str) -> &str {
    split_host_port(s).map_or(s, |(host, _)| host)
}

/// `stripDomain`: the host's first label, with its port; addresses stay.
pub(super) fn strip_domain(s: &str) -> String {
    let (host, port) = split_host_port(s).unwrap_or((s, ""));
    let without_zone = host.split_once('%').filter(|(address, zone)| address.contains(':') && !zone.is_empty());
    if without_zone.map_or(host, |(address, _)| address).parse::<IpAddr>().is_ok() {
        return s.to_owned();
    }
    let first = host.split('.').next().unwrap_or(host);
    match port {
        "" => first.to_owned(),
        port if first.contains(':') => format!("[{first}]:{port}"),
        port => format!("{first}:{port}"),
    }
}

/// Go's `url.QueryEscape`.
pub(super) fn query_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for b in s.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// Go's `template.HTMLEscapeString`.
pub(super) fn html_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// Go's `template.JSEscapeString`.
pub(super) fn js_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The path of a URL: `pathPrefix`.
pub(super) fn url_path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = after_scheme.find(['?', '#']).unwrap_or(after_scheme.len());
    let host_and_path = &after_scheme[..end];
    host_and_path.find('/').map_or("", |i| &host_and_path[i..])
}

/// `title`: the first letter of each word, and nothing else, in title case.
///
/// A word ends as `golang.org/x/text/cases` has it, which is simpler than Unicode's word boundaries: at a character that is
/// neither letter, digit nor underscore, but at one that may stand inside a word (`example.com`) only if two follow each
/// other.
pub(super) fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let (mut in_word, mut after_joint) = (false, false);
    for c in s.chars() {
        let joint =
            matches!(c, '\'' | '.' | ':' | '·' | '\u{2018}' | '’' | '\u{2024}' | '\u{2027}' | '\u{ff0e}' | '\u{ff1a}');
        in_word &= is_word(c) || (joint && !after_joint);
        if !in_word && c.is_alphabetic() {
            in_word = true;
            let mut upper = c.to_uppercase();
            out.extend(upper.next());
            out.extend(upper.flat_map(char::to_lowercase));
        } else {
            out.push(c);
        }
        after_joint = joint;
    }
    out
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Go's `strings.ToUpper`: letter by letter, so that `ß` stays.
pub(crate) fn to_upper(s: &str) -> String {
    let one = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => c,
        }
    };
    s.chars().map(one).collect()
}

/// Go's `strings.ToLower`.
pub(crate) fn to_lower(s: &str) -> String {
    s.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_stripped_as_prometheus_does() {
        for (s, port, domain) in [
            ("localhost:9090", "localhost", "localhost:9090"),
            ("foo.example.com:9090", "foo.example.com", "foo:9090"),
            ("foo.example.com", "foo.example.com", "foo"),
            ("127.0.0.1:1234", "127.0.0.1", "127.0.0.1:1234"),
            ("[::1]:9090", "::1", "[::1]:9090"),
            ("::1", "::1", "::1"),
            ("a:b:c", "a:b:c", "a:b:c"),
            ("", "", ""),
        ] {
            assert_eq!(strip_port(s), port, "{s}");
            assert_eq!(strip_domain(s), domain, "{s}");
        }
    }

    #[test]
    fn texts_are_escaped_and_cased_as_go_does() {
        assert_eq!(query_escape("a b&c=ü~"), "a+b%26c%3D%C3%BC~");
        assert_eq!(html_escape("<a href=\"x\">'&"), "&lt;a href=&#34;x&#34;&gt;&#39;&amp;");
        assert_eq!(title("foo_bar baz-qux it's a.b 1abc HELLO ßs"), "Foo_bar Baz-Qux It's A.b 1Abc HELLO Sss");
        assert_eq!(title("h1.example.com:9100 a..b a1'b x,y"), "H1.example.com:9100 A..B A1'b X,Y");
        assert_eq!(to_upper("straße"), "STRAßE");
        assert_eq!(url_path("http://h:1/a/b?x"), "/a/b");
        assert_eq!(url_path("http://h:1"), "");
    }
}

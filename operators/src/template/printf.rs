//! Go's `fmt.Sprintf`, `Sprint` and `Sprintln` over template values.
//!
//! # Semantics
//! Flags, widths, precisions, `*` and argument indexes; `%v %s %q %d %f %e %g %x %t %c %U %T` and their like. What does not
//! fit a verb prints as Go prints it: `%!d(string=a)`, `%!s(MISSING)`, `%!(EXTRA int=1)`.
//!
//! # Limits
//! `#` is known for `x`, `o`, `b` and `q` only; `%b` and `%x` of floats print as a bad verb.

use super::float::{exponential, fixed, general};
use super::quote::{quote, quote_char};
use super::value::Value;

/// Go takes larger widths and precisions for malformed.
const MAX_WIDTH: usize = 1_000_000;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
struct Spec {
    sharp: bool,
    zero: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `fmt.Sprintf`.
pub(super) fn sprintf(format: &str, args: &[Value]) -> String {
    let mut printer = Printer { format, at: 0, args, next: 0, reordered: false, good: true, out: String::new() };
    printer.run();
    printer.out
}

/// `fmt.Sprint`: a space between operands of which neither is a string.
pub(super) fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    let mut after_string = true;
    for arg in args {
        let is_string = matches!(arg, Value::Str(_));
        if !is_string && !after_string {
            out.push(' ');
        }
        out.push_str(&arg.to_text());
        after_string = is_string;
    }
    out
}

/// `fmt.Sprintln`.
pub(super) fn sprintln(args: &[Value]) -> String {
    let texts: Vec<_> = args.iter().map(Value::to_text).collect();
    texts.join(" ") + "\n"
}

struct Printer<'a> {
    format: &'a str,
    at: usize,
    args: &'a [Value],
    next: usize,
    reordered: bool,
    /// Whether the argument index of the current verb is one that exists.
    good: bool,
    out: String,
}

impl<'a> Printer<'a> {
    fn rest(&self) -> &'a str {
        &self.format[self.at..]
    }

    fn accept(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn run(&mut self) {
        loop {
            let text = self.rest();
            let len = text.find('%').unwrap_or(text.len());
            self.out.push_str(&text[..len]);
            self.at += len;
            if self.rest().is_empty() {
                break;
            }
            self.at += 1;
            if !self.verb() {
                break;
            }
        }
        if !self.reordered && self.next < self.args.len() {
            let extra: Vec<_> = self.args.iter().skip(self.next).map(typed).collect();
            self.out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
        }
    }

    /// Prints one verb; false at the end of the format.
    fn verb(&mut self) -> bool {
        self.good = true;
        let mut spec = self.flags();
        let mut after_index = self.index();
        if self.accept('*') {
            spec.width = self.star("%!(BADWIDTH)", &mut spec.minus);
            if spec.minus {
                spec.zero = false;
            }
            after_index = false;
        } else {
            spec.width = self.digits();
            self.good &= !(after_index && spec.width.is_some());
        }
        if self.rest().len() > 1 && self.accept('.') {
            self.good &= !after_index;
            after_index = self.index();
            if self.accept('*') {
                let mut negative = false;
                spec.precision = self.star("%!(BADPREC)", &mut negative).filter(|_| !negative);
                after_index = false;
            } else {
                spec.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.rest().chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return false;
        };
        self.at += verb.len_utf8();
        let arg = self.args.get(self.next);
        let text = match arg {
            _ if verb == '%' => "%".to_owned(),
            _ if !self.good => format!("%!{verb}(BADINDEX)"),
            None => format!("%!{verb}(MISSING)"),
            Some(arg) => {
                self.next += 1;
                // Of `%+v` and `%#v` the flag asks for names of fields, not for signs.
                if verb == 'v' {
                    (spec.plus, spec.sharp) = (false, false);
                }
                print(arg, verb, &spec)
            }
        };
        self.out.push_str(&text);
        true
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(c) = self.rest().chars().next() {
            match c {
                '#' => spec.sharp = true,
                '0' => spec.zero = true,
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                ' ' => spec.space = true,
                _ => break,
            }
            self.at += 1;
        }
        spec
    }

    fn digits(&mut self) -> Option<usize> {
        let len = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest()[..len].parse().ok().filter(|n| *n <= MAX_WIDTH);
        // Go leaves a number that is too large unread.
        if len > 0 && number.is_some() {
            self.at += len;
        }
        number
    }

    /// A width or precision from the arguments; a negative one sets `negative`.
    fn star(&mut self, bad: &str, negative: &mut bool) -> Option<usize> {
        let value = match self.args.get(self.next) {
            Some(Value::Int(i)) => Some(*i).filter(|i| i.unsigned_abs() <= MAX_WIDTH as u64),
            _ => None,
        };
        self.next += usize::from(self.next < self.args.len());
        match value {
            Some(i) => {
                *negative |= i < 0;
                usize::try_from(i.unsigned_abs()).ok()
            }
            None => {
                self.out.push_str(bad);
                None
            }
        }
    }

    /// `[n]`: the next verb takes the nth argument.
    fn index(&mut self) -> bool {
        let rest = self.rest();
        if !rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let Some(end) = rest.find(']') else {
            self.good = false;
            self.at += 1;
            return false;
        };
        self.at += end + 1;
        match rest[1..end].parse::<usize>().ok().filter(|n| (1..=self.args.len()).contains(n)) {
            Some(n) => {
                self.next = n - 1;
                true
            }
            None => {
                self.good = false;
                false
            }
        }
    }
}

/// `type=value`, as extra arguments are shown.
fn typed(arg: &Value) -> String {
    match arg {
        Value::Nil => "<nil>".to_owned(),
        arg => format!("{}={}", arg.type_name(), arg.to_text()),
    }
}

/// Go prints the value with the flags that the verb had.
fn bad_verb(arg: &Value, verb: char, spec: &Spec) -> String {
    match arg {
        Value::Nil => format!("%!{verb}(<nil>)"),
        arg => format!("%!{verb}({}={})", arg.type_name(), print(arg, 'v', spec)),
    }
}

fn print(arg: &Value, verb: char, spec: &Spec) -> String {
    if verb == 'T' {
        let name = if *arg == Value::Nil { "<nil>" } else { arg.type_name() };
        return pad(name.to_owned(), spec);
    }
    match arg {
        Value::Nil if verb == 'v' => pad("<nil>".to_owned(), spec),
        Value::Nil => bad_verb(arg, verb, spec),
        Value::Bool(b) if matches!(verb, 't' | 'v') => pad(b.to_string(), spec),
        Value::Bool(_) => bad_verb(arg, verb, spec),
        Value::Int(i) => integer(*i, verb, spec).unwrap_or_else(|| bad_verb(arg, verb, spec)),
        Value::Float(f) => float(*f, verb, spec).unwrap_or_else(|| bad_verb(arg, verb, spec)),
        Value::Str(s) => string(s, verb, spec).unwrap_or_else(|| bad_verb(arg, verb, spec)),
        // What has a String method prints through it.
        Value::Time(_) | Value::Duration(_) => {
            string(&arg.to_text(), verb, spec).unwrap_or_else(|| bad_verb(arg, verb, spec))
        }
        Value::Labels(labels) => {
            let entries = labels.iter().map(|(k, v)| {
                let (k, v) = (Value::from(k.to_owned()), Value::from(v.to_owned()));
                format!("{}:{}", print(&k, verb, spec), print(&v, verb, spec))
            });
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
        Value::Map(map) => {
            let entries = map
                .iter()
                .map(|(k, v)| format!("{}:{}", print(&Value::from(k.clone()), verb, spec), print(v, verb, spec)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
        _ if matches!(verb, 'v' | 's') => pad(arg.to_text(), spec),
        _ => bad_verb(arg, verb, spec),
    }
}

/// Fills up to the width: right-aligned unless `-`, with zeros if `0`.
fn pad(text: String, spec: &Spec) -> String {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    match (missing, spec.minus) {
        (0, _) => text,
        (n, true) => text + &" ".repeat(n),
        (n, false) => (if spec.zero { "0" } else { " " }).repeat(n) + &text,
    }
}

fn integer(i: i64, verb: char, spec: &Spec) -> Option<String> {
    let abs = i.unsigned_abs();
    let (prefix, digits) = match verb {
        'd' | 'v' => ("", abs.to_string()),
        'b' => (if spec.sharp { "0b" } else { "" }, format!("{abs:b}")),
        'o' => (if spec.sharp { "0" } else { "" }, format!("{abs:o}")),
        'O' => ("0o", format!("{abs:o}")),
        'x' => (if spec.sharp { "0x" } else { "" }, format!("{abs:x}")),
        'X' => (if spec.sharp { "0X" } else { "" }, format!("{abs:X}")),
        'c' | 'q' | 'U' => return character(i, verb, spec),
        _ => return None,
    };
    let sign = sign(i < 0, spec);
    if spec.precision == Some(0) && i == 0 {
        return Some(pad(String::new(), &Spec { zero: false, ..*spec }));
    }
    let least = match (spec.precision, spec.width) {
        (Some(p), _) => p,
        (None, Some(w)) if spec.zero && !spec.minus => w.saturating_sub(sign.len() + prefix.len()),
        _ => 0,
    };
    let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
    Some(pad(format!("{sign}{prefix}{digits}"), &Spec { zero: false, ..*spec }))
}

fn character(i: i64, verb: char, spec: &Spec) -> Option<String> {
    let c = u32::try_from(i).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let text = match verb {
        'c' => c.to_string(),
        'q' => quote_char(c),
        _ => format!("U+{i:04X}"),
    };
    Some(pad(text, spec))
}

fn sign(negative: bool, spec: &Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

fn float(f: f64, verb: char, spec: &Spec) -> Option<String> {
    let text = match verb {
        'v' | 'g' => general(f, spec.precision),
        'G' => general(f, spec.precision).to_uppercase(),
        'e' => exponential(f, spec.precision.unwrap_or(6)),
        'E' => exponential(f, spec.precision.unwrap_or(6)).to_uppercase(),
        'f' | 'F' => fixed(f, spec.precision.unwrap_or(6)),
        _ => return None,
    };
    if f.is_nan() || f.is_infinite() {
        let text = if f.is_nan() {
            format!("{}NaN", sign(false, spec))
        } else if spec.space && !spec.plus && f > 0.0 {
            " Inf".to_owned()
        } else {
            format!("{}Inf", if f > 0.0 { "+" } else { "-" })
        };
        return Some(pad(text, &Spec { zero: false, ..*spec }));
    }
    let digits = text.trim_start_matches('-');
    let sign = sign(text.starts_with('-'), spec);
    let zeros = match spec.width {
        Some(w) if spec.zero && !spec.minus => w.saturating_sub(sign.len() + digits.len()),
        _ => 0,
    };
    Some(pad(format!("{sign}{}{digits}", "0".repeat(zeros)), &Spec { zero: false, ..*spec }))
}

fn string(s: &str, verb: char, spec: &Spec) -> Option<String> {
    let cut: String = match spec.precision {
        Some(p) if !matches!(verb, 'x' | 'X') => s.chars().take(p).collect(),
        _ => s.to_owned(),
    };
    let text = match verb {
        'v' | 's' => cut,
        'q' if spec.sharp && !cut.contains('`') && !cut.chars().any(char::is_control) => format!("`{cut}`"),
        'q' => quote(&cut),
        'x' | 'X' => hexadecimal(s, verb == 'X', spec),
        _ => return None,
    };
    Some(pad(text, spec))
}

fn hexadecimal(s: &str, upper: bool, spec: &Spec) -> String {
    let take = spec.precision.unwrap_or(s.len()).min(s.len());
    let bytes = s.as_bytes().iter().take(take);
    let digits = bytes.map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
    let prefix = match (spec.sharp && take > 0, upper) {
        (false, _) => "",
        (true, false) => "0x",
        (true, true) => "0X",
    };
    if spec.space {
        return digits.map(|d| format!("{prefix}{d}")).collect::<Vec<_>>().join(" ");
    }
    format!("{prefix}{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> Value {
        Value::from(text.to_owned())
    }

    #[test]
    fn verbs_print_as_go_s_do() {
        let f = Value::Float;
        for (format, args, want) in [
            ("%.2f%%", vec![f(12.345)], "12.35%"),
            ("%d", vec![f(3.0)], "%!d(float64=3)"),
            (
                "%5d|%-5d|%05d|%+d",
                vec![Value::Int(42), Value::Int(42), Value::Int(-42), Value::Int(42)],
                "   42|42   |-0042|+42",
            ),
            ("%08.3f|%e|%.3g", vec![f(-1.5), f(123_456.0), f(0.00001)], "-001.500|1.234560e+05|1e-05"),
            ("%s %q %x", vec![s("a"), s("b\""), s("hi")], "a \"b\\\"\" 6869"),
            ("%v %t", vec![Value::Bool(true), Value::Bool(false)], "true false"),
            ("%s|%6q", vec![Value::Bool(true), Value::Bool(false)], "%!s(bool=true)|%!q(bool= false)"),
            ("%s", vec![], "%!s(MISSING)"),
            ("x", vec![Value::Int(1), s("y")], "x%!(EXTRA int=1, string=y)"),
            ("%[2]s %[1]s", vec![s("a"), s("b")], "b a"),
            ("%*d", vec![Value::Int(4), Value::Int(7)], "   7"),
            ("%z", vec![Value::Int(1)], "%!z(int=1)"),
            ("100%", vec![], "100%!(NOVERB)"),
            ("%.f", vec![f(2.5)], "2"),
            ("%6.2f|%-8s|", vec![f(1.0), s("ab")], "  1.00|ab      |"),
            ("%T", vec![f(1.0)], "float64"),
            ("%v", vec![f(f64::INFINITY)], "+Inf"),
        ] {
            assert_eq!(sprintf(format, &args), want, "{format}");
        }
        assert_eq!(sprint(&[s("a"), Value::Int(1), Value::Int(2), s("b")]), "a1 2b");
        assert_eq!(sprintln(&[s("a"), Value::Int(1)]), "a 1\n");
    }
}

//! Character classes of a pattern: `[a-z]`, `[[:alpha:]]`, `\d`, `\p{Greek}`.

use super::{RegexError, Translator};

impl Translator<'_> {
    /// A class whose bracket stands at `start`: items are ranges, single characters, `[:names:]` and `\d` and its like.
    pub(super) fn class(&mut self, start: usize) -> Result<(), RegexError> {
        self.out.push('[');
        if self.peek() == Some('^') {
            self.replace("^");
        }
        let mut first = true;
        loop {
            let at = self.here();
            match self.peek() {
                None => return Err(RegexError(format!("missing closing ]: `{}`", &self.pattern[start..]))),
                Some(']') if !first => {
                    self.replace("]");
                    return Ok(());
                }
                Some('[') if self.rest().starts_with("[:") && self.rest()[2..].contains(":]") => {
                    self.named_class(at)?;
                }
                Some(_) => self.class_item(at)?,
            }
            first = false;
        }
    }

    fn class_item(&mut self, at: usize) -> Result<(), RegexError> {
        if self.peek() == Some('\\') {
            let escaped = self.rest()[1..].starts_with(['d', 'D', 'w', 'W', 's', 'S', 'p', 'P']);
            if escaped {
                self.skip(1);
                let class = self.class_escape().unwrap_or_default();
                self.out.push_str(&class);
                return Ok(());
            }
        }
        let low = self.class_char()?;
        // A `-` makes a range unless it is the last character.
        let range = self.rest().starts_with('-') && self.rest().len() > 1 && !self.rest()[1..].starts_with(']');
        if !range {
            self.push_literal(low);
            return Ok(());
        }
        self.skip(1);
        let high = self.class_char()?;
        if high < low {
            return self.error("invalid character class range", at);
        }
        self.push_literal(low);
        self.out.push('-');
        self.push_literal(high);
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, RegexError> {
        let at = self.here();
        match self.chars.next() {
            Some((_, '\\')) => self.char_escape(at),
            Some((_, c)) => Ok(c),
            None => self.error("missing closing ]", at),
        }
    }

    /// `[:alpha:]` and its like mean the same in both engines.
    fn named_class(&mut self, at: usize) -> Result<(), RegexError> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "word", "xdigit",
        ];
        let len = self.rest()[2..].find(":]").map_or(0, |i| i + 4);
        let class = self.rest()[..len].to_owned();
        self.skip(class.chars().count());
        let name = &class[2..len - 2];
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return self.error("invalid character class range", at);
        }
        self.out.push_str(&class);
        Ok(())
    }
    /// `\d` and its like, ASCII as in Go, and `\p`; as a class that may stand inside another.
    pub(super) fn class_escape(&mut self) -> Option<String> {
        let class = match self.peek()? {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[\t\n\x0C\r ]",
            'S' => r"[^\t\n\x0C\r ]",
            'p' | 'P' => return Some(self.unicode_class()),
            _ => return None,
        };
        self.skip(1);
        Some(class.to_owned())
    }

    fn unicode_class(&mut self) -> String {
        let rest = self.rest();
        let braced = rest[1..].starts_with('{').then(|| rest.find('}')).flatten();
        let len = braced.map_or_else(|| rest.chars().take(2).map(char::len_utf8).sum(), |end| end + 1);
        let class = format!("\\{}", &rest[..len]);
        self.skip(class.chars().count() - 1);
        class
    }
}

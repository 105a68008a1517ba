//! What stands between an operator and its right side, and lists of labels: `bool`, `on (…)`, `group_left (…)`, `fill (…)`.

use super::FILL_MODIFIERS;
use super::error::enabled_by;
use super::grammar::{Parsed, Parser};
use super::lex::{Tok, Word};
use bellwether_operators::template::quote::quote;
use promql_parser::label::Labels;
use promql_parser::parser::token::{T_ADD, T_ATAN2, T_LAND, T_LOR, T_LUNLESS, T_SUB};
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

impl Parser<'_> {
    /// The modifiers after a binary operator; `start` is where the expression starts.
    pub(super) fn binary_modifier(&mut self, start: usize) -> Parsed<BinModifier> {
        let mut modifier = BinModifier::default().with_return_bool(self.accept_word(Word::Bool));
        let on = self.accept_word(Word::On);
        if on || self.accept_word(Word::Ignoring) {
            let labels = self.grouping_labels()?;
            let matching = if on { LabelModifier::Include(labels) } else { LabelModifier::Exclude(labels) };
            modifier.matching = Some(matching);
            self.group_modifier(&mut modifier)?;
        }
        self.fill_modifiers(&mut modifier, start)?;
        Ok(modifier)
    }

    fn group_modifier(&mut self, modifier: &mut BinModifier) -> Parsed<()> {
        let left = self.accept_word(Word::GroupLeft);
        if !left && !self.accept_word(Word::GroupRight) {
            return Ok(());
        }
        let labels =
            if self.peek() == Tok::LeftParen { self.grouping_labels()? } else { Labels { labels: Vec::new() } };
        modifier.card = match left {
            true => VectorMatchCardinality::ManyToOne(labels),
            false => VectorMatchCardinality::OneToMany(labels),
        };
        Ok(())
    }

    fn fill_modifiers(&mut self, modifier: &mut BinModifier, start: usize) -> Parsed<()> {
        let fills = &mut modifier.fill_values;
        if self.accept_word(Word::Fill) {
            let value = self.fill_value()?;
            (fills.lhs, fills.rhs) = (Some(value), Some(value));
        } else if self.accept_word(Word::FillLeft) {
            fills.lhs = Some(self.fill_value()?);
            if self.accept_word(Word::FillRight) {
                fills.rhs = Some(self.fill_value()?);
            }
        } else if self.accept_word(Word::FillRight) {
            fills.rhs = Some(self.fill_value()?);
            if self.accept_word(Word::FillLeft) {
                fills.lhs = Some(self.fill_value()?);
            }
        } else {
            return Ok(());
        }
        if !self.options.fill_modifiers {
            let how = enabled_by(FILL_MODIFIERS);
            self.early(start, format!("binop fill modifiers are experimental and not enabled: {how}"));
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.require(Tok::LeftParen, "", "")?;
        let sign = if self.accept(Tok::Operator(T_SUB)) { -1.0 } else { 1.0 };
        if sign > 0.0 {
            self.accept(Tok::Operator(T_ADD));
        }
        if !matches!(self.peek(), Tok::Number | Tok::Duration) {
            return Err(self.unexpected("", ""));
        }
        let value = self.number()?;
        self.require(Tok::RightParen, "", "")?;
        Ok(sign * value)
    }

    /// A list of labels in parentheses.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Labels> {
        const CONTEXT: &str = "grouping opts";
        self.require(Tok::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while !self.accept(Tok::RightParen) {
            labels.push(self.grouping_label()?);
            if !self.accept(Tok::Comma) && self.peek() != Tok::RightParen {
                return Err(self.unexpected(CONTEXT, "\",\" or \")\""));
            }
        }
        Ok(Labels { labels })
    }

    fn grouping_label(&mut self) -> Parsed<String> {
        let token = self.token();
        let name = match token.tok {
            Tok::Str => {
                self.bump();
                self.unquote(token)
            }
            Tok::Identifier | Tok::MetricIdentifier | Tok::Aggregator(_) | Tok::Word(_) => {
                self.bump();
                self.str(token).to_owned()
            }
            Tok::Operator(T_LAND | T_LOR | T_LUNLESS | T_ATAN2) => {
                self.bump();
                self.str(token).to_owned()
            }
            _ => return Err(self.unexpected("grouping opts", "label")),
        };
        let bare_utf8 = self.options.unquoted_utf8_names && token.tok == Tok::MetricIdentifier;
        if name.is_empty() || bare_utf8 {
            self.early(token.start, format!("invalid label name for grouping: {}", quote(&name)));
        }
        Ok(name)
    }
}

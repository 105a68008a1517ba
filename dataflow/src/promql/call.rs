//! Function calls and aggregations.

use super::EXPERIMENTAL_FUNCTIONS;
use super::error::enabled_by;
use super::functions;
use super::grammar::{Node, Parsed, Parser, documented, starts_expr};
use super::info;
use super::lex::{Tok, Token, Word};
use super::place::Place;
use bellwether_operators::template::quote::quote;
use promql_parser::parser::token::{
    T_BOTTOMK, T_COUNT_VALUES, T_LIMIT_RATIO, T_LIMITK, T_QUANTILE, T_TOPK, TokenId, TokenType,
};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AggregateExpr, Call, Expr, FunctionArgs, LabelModifier, NumberLiteral};

impl Parser<'_> {
    pub(super) fn call(&mut self) -> Parsed<Node> {
        let token = self.bump();
        let name = self.str(token);
        let func = functions::find(name);
        let args = self.args(name == "info")?;
        let Some(func) = func else {
            self.early(token.start, format!("unknown function with name {}", quote(name)));
            return Ok(placeholder(token));
        };
        if func.experimental && !self.options.experimental_functions {
            self.early(
                token.start,
                format!("function {} is not enabled: {}", quote(name), enabled_by(EXPERIMENTAL_FUNCTIONS)),
            );
        }
        let starts: Vec<usize> = args.iter().map(|a| a.start).collect();
        let depth = 1 + args.iter().map(|a| a.depth).max().unwrap_or(0);
        let (args, mut below): (Vec<Expr>, Vec<Place>) = args.into_iter().map(Node::split).unzip();
        let args = FunctionArgs { args: args.into_iter().map(Box::new).collect() };
        let mut call = Call { func, args };
        self.check_call(&call, token.start, &starts);
        if name == "info" {
            info::complete(&mut call.args);
            below.resize(call.args.args.len(), Place::leaf(token.start));
        }
        self.bounded(Node { expr: Expr::Call(call), start: token.start, depth, below })
    }

    /// Arguments in parentheses.
    fn args(&mut self, info: bool) -> Parsed<Vec<Node>> {
        self.require(Tok::LeftParen, "", "")?;
        let mut args = Vec::new();
        if self.accept(Tok::RightParen) {
            return Ok(args);
        }
        loop {
            self.bare_selector = info && args.len() == 1;
            let arg = self.expr(0);
            self.bare_selector = false;
            args.push(arg?);
            let comma = self.token();
            if !self.accept(Tok::Comma) {
                self.require(Tok::RightParen, "", "")?;
                return Ok(args);
            }
            if !starts_expr(self.peek()) {
                if self.peek() != Tok::Error {
                    self.early(comma.start, "trailing commas not allowed in function call args".to_owned());
                }
                self.require(Tok::RightParen, "", "")?;
                return Ok(args);
            }
        }
    }

    pub(super) fn aggregate(&mut self, op: TokenId) -> Parsed<Node> {
        let token = self.bump();
        self.aggregations += 1;
        let before = self.aggregate_modifier()?;
        let args = self.args(false)?;
        self.aggregations -= 1;
        let modifier = match before {
            Some(modifier) => Some(modifier),
            None => self.aggregate_modifier()?,
        };
        self.new_aggregate(token, TokenType::new(op), modifier, args)
    }

    fn aggregate_modifier(&mut self) -> Parsed<Option<LabelModifier>> {
        if self.accept_word(Word::By) {
            return Ok(Some(LabelModifier::Include(self.grouping_labels()?)));
        }
        if self.accept_word(Word::Without) {
            return Ok(Some(LabelModifier::Exclude(self.grouping_labels()?)));
        }
        Ok(None)
    }

    fn new_aggregate(
        &mut self,
        token: Token,
        op: TokenType,
        modifier: Option<LabelModifier>,
        args: Vec<Node>,
    ) -> Parsed<Node> {
        let given = args.len();
        let wanted = if op.is_aggregator_with_param() { 2 } else { 1 };
        if given == 0 {
            self.early(token.start, "no arguments for aggregate expression provided".to_owned());
        } else if !self.options.experimental_functions && matches!(op.id(), T_LIMITK | T_LIMIT_RATIO) {
            let flag = format!("--enable-feature={EXPERIMENTAL_FUNCTIONS}");
            self.early(token.start, format!("{op}() is experimental and must be enabled with {flag}"));
        } else if given != wanted {
            let message =
                format!("wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}");
            self.early(token.start, message);
        }
        let depth = 1 + args.iter().map(|a| a.depth).max().unwrap_or(0);
        let mut args = args.into_iter();
        let param = if wanted == 2 { args.next() } else { None };
        let Some(over) = args.next() else { return Ok(placeholder(token)) };
        self.check_aggregate(op, param.as_ref(), &over);
        let (over, place) = over.split();
        let (param, first) = param.map(Node::split).unzip();
        let below = first.into_iter().chain([place]).collect();
        let expr = AggregateExpr { op, expr: Box::new(over), param: param.map(Box::new), modifier };
        self.bounded(Node { expr: Expr::Aggregate(expr), start: token.start, depth, below })
    }

    fn check_aggregate(&mut self, op: TokenType, param: Option<&Node>, over: &Node) {
        self.expect_type(over, ValueType::Vector, "aggregation expression");
        let Some(param) = param else { return };
        match op.id() {
            T_TOPK | T_BOTTOMK | T_QUANTILE | T_LIMITK | T_LIMIT_RATIO => {
                self.expect_type(param, ValueType::Scalar, "aggregation parameter");
            }
            T_COUNT_VALUES => self.expect_type(param, ValueType::String, "aggregation parameter"),
            _ => {}
        }
    }

    fn expect_type(&mut self, node: &Node, wanted: ValueType, context: &str) {
        let found = node.expr.value_type();
        if found != wanted {
            let (wanted, found) = (documented(wanted), documented(found));
            self.late(node.start, format!("expected type {wanted} in {context}, got {found}"));
        }
    }
}

/// Stands where an error was noted, so that parsing can go on.
fn placeholder(token: Token) -> Node {
    Node::leaf(Expr::NumberLiteral(NumberLiteral::new(f64::NAN)), token.start)
}

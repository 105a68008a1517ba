//! `label_replace` and `label_join`.

use super::context::{Lowering, Scope};
use bellwether_model::METRIC_NAME;
use bellwether_operators::program::{NodeIdx, Op};
use promql_parser::parser::{Call, Expr};

impl Lowering<'_> {
    pub(super) fn label_replace(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = "label_replace";
        let (vector, strings) = self.vector_and_strings(scope, call, name);
        let strings = strings?;
        let [dst, replacement, src, regex] = &strings[..] else { return self.arity(scope, name) };
        if let Err(error) = crate::promql::compile_regex(regex) {
            return self.refuse(scope, name, format!("invalid regular expression in label_replace(): {error}"));
        }
        self.check_label(scope, dst, name)?;
        let (dst, replacement) = (dst.clone(), replacement.clone());
        let op = Op::LabelReplace { dst, replacement, src: src.clone(), regex: regex.clone() };
        // An element that gets a new name keeps that one.
        let vector = if strings[0] == METRIC_NAME { self.marked(scope, vector?) } else { vector? };
        self.written(scope, name, op, vector, &strings)
    }

    pub(super) fn label_join(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = "label_join";
        let (vector, strings) = self.vector_and_strings(scope, call, name);
        let strings = strings?;
        let [dst, sep, src @ ..] = &strings[..] else { return self.arity(scope, name) };
        for label in src.iter().chain([dst]) {
            self.check_label(scope, label, name)?;
        }
        let op = Op::LabelJoin { dst: dst.clone(), sep: sep.clone(), src: src.to_vec() };
        self.written(scope, name, op, vector?, &strings)
    }

    fn vector_and_strings(
        &mut self,
        scope: Scope<'_>,
        call: &Call,
        name: &str,
    ) -> (Option<NodeIdx>, Option<Vec<String>>) {
        let args: Vec<&Expr> = call.args.args.iter().map(|a| &**a).collect();
        let Some((vector, strings)) = args.split_first() else { return (None, Some(Vec::new())) };
        let vector = self.vector_expr(scope, vector, name);
        (vector, strings.iter().map(|s| self.string(scope, Some(s), name)).collect())
    }

    fn arity(&mut self, scope: Scope<'_>, name: &str) -> Option<NodeIdx> {
        self.refuse(scope, name, format!("wrong number of arguments in call to {name:?}"))
    }

    fn check_label(&mut self, scope: Scope<'_>, label: &str, name: &str) -> Option<()> {
        if !label.is_empty() {
            return Some(());
        }
        self.refuse(scope, name, format!("invalid label name {label:?} in {name}()"));
        None
    }

    fn written(
        &mut self,
        scope: Scope<'_>,
        name: &str,
        op: Op,
        vector: NodeIdx,
        strings: &[String],
    ) -> Option<NodeIdx> {
        let quoted: Vec<String> = strings.iter().map(|s| format!("{s:?}")).collect();
        let text = format!("{name}({}, {})", self.text(vector), quoted.join(", "));
        Some(self.vector(scope, op, vec![vector], text))
    }
}

//! Calendar functions: `hour()`, `day_of_week(v)`; without argument they read the evaluation instant.

use super::context::{Lowering, Scope};
use bellwether_operators::functions::MathFn;
use bellwether_operators::program::{NodeIdx, Op, Shape};
use promql_parser::parser::Call;

/// The function of that name.
pub(super) fn calendar_function(name: &str) -> Option<MathFn> {
    Some(match name {
        "minute" => MathFn::Minute,
        "hour" => MathFn::Hour,
        "day_of_week" => MathFn::DayOfWeek,
        "day_of_month" => MathFn::DayOfMonth,
        "day_of_year" => MathFn::DayOfYear,
        "days_in_month" => MathFn::DaysInMonth,
        "month" => MathFn::Month,
        "year" => MathFn::Year,
        _ => return None,
    })
}

impl Lowering<'_> {
    pub(super) fn calendar_call(&mut self, scope: Scope<'_>, call: &Call, f: MathFn) -> Option<NodeIdx> {
        let mut inputs = self.args(scope, call, &[Shape::Vector])?;
        if inputs.is_empty() {
            let time = self.time(scope);
            inputs.push(self.vector(scope, Op::VectorOf, vec![time], "vector(time())".to_owned()));
        }
        let text = self.call_text(call.func.name, &inputs);
        Some(self.vector(scope, Op::Map(f), inputs, text))
    }
}

//! Scalars: numbers, the time, vectors with one element, operators.

use super::operator::{ARITHMETIC, COMPARISONS};
use super::{Grammar, Production, inner, leaf};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[
    leaf(Kind::Scalar, 30, number),
    leaf(Kind::Scalar, 4, time),
    inner(Kind::Scalar, 10, of_vector),
    inner(Kind::Scalar, 6, arithmetic),
    inner(Kind::Scalar, 2, of_two),
    inner(Kind::Scalar, 3, comparison),
    inner(Kind::Scalar, 2, minus),
];

fn number(g: &mut Grammar<'_>) -> Tree {
    let text = g.one_of(&["0", "1", "2", "0.5", "-1", "3", "10", "1e3", "60", "NaN", "Inf", "-Inf", "0x10", "1.5"]);
    tree!(Scalar: text)
}

fn time(g: &mut Grammar<'_>) -> Tree {
    // The engine refuses `start()` and `end()` of a rule within a subquery.
    let text = match g.in_subquery() {
        true => g.one_of(&["time()", "time()", "pi()", "step()", "range()"]),
        false => g.one_of(&["time()", "time()", "pi()", "start()", "end()", "step()", "range()"]),
    };
    tree!(Scalar: text)
}

fn of_vector(g: &mut Grammar<'_>) -> Tree {
    if g.random.chance(40) {
        return tree!(Scalar: "scalar(", g.one_of(&["sum", "max", "count"]), "(", g.vector(), "))");
    }
    tree!(Scalar: "scalar(", g.vector(), ")")
}

fn of_two(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(&["max_of(", "min_of("]);
    tree!(Scalar: name, g.scalar(), ", ", g.scalar(), ")")
}

fn arithmetic(g: &mut Grammar<'_>) -> Tree {
    let op = format!(") {} (", g.one_of(ARITHMETIC));
    tree!(Scalar: "(", g.scalar(), op, g.scalar(), ")")
}

fn comparison(g: &mut Grammar<'_>) -> Tree {
    let op = format!(") {} bool (", g.one_of(COMPARISONS));
    tree!(Scalar: "(", g.scalar(), op, g.scalar(), ")")
}

fn minus(g: &mut Grammar<'_>) -> Tree {
    tree!(Scalar: "-(", g.scalar(), ")")
}

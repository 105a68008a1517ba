//! Every rule file of the conformance data: what compiles, and what each of the others lacks.
use super::*;
use crate::lower::rule_inputs;
use bellwether_operators::program::{Op, Placement, Program, Shape};
use std::collections::{BTreeMap, BTreeSet};

/// What every program promises.
fn check(program: &Program) {
    let mut evaluated = vec![0; program.nodes.len()];
    let mut rank = vec![0; program.nodes.len()];
    let mut at = 0;
    for stage in program.phases.iter().flat_map(|p| &p.stages) {
        for n in &stage.eval {
            evaluated[*n] += 1;
            at += 1;
            rank[*n] = at;
        }
    }
    assert!(evaluated.iter().all(|n| *n == 1), "every node is evaluated once");
    verdicts_are_back(program);
    for (i, node) in program.nodes.iter().enumerate() {
        assert!(node.inputs.iter().all(|n| *n < i && rank[*n] < rank[i]), "inputs first: {}", node.text);
        assert!(node.check_unique <= node.fallible);
        if let Op::Alert(_) | Op::Record(_) = node.op {
            assert!(node.fallible <= node.verdicts.contains(&i));
            assert!(!matches!(node.placement, Placement::Scattered | Placement::Replicated), "{}", node.text);
        }
        assert_eq!(node.shape == Shape::Scalar, node.placement == Placement::Replicated, "{}", node.text);
    }
}

/// A partial verdict leaves with `send` of a rule and with `eval` of all else; the joint one is there two stages later,
/// within the instant where a phase runs stepwise.
fn verdicts_are_back(program: &Program) {
    let mut round = 0;
    let mut leaves = vec![0; program.nodes.len()];
    let mut applied = vec![0; program.nodes.len()];
    for phase in &program.phases {
        let end = round + phase.stages.len();
        for stage in &phase.stages {
            for n in &stage.eval {
                applied[*n] = round;
                if !matches!(program.nodes[*n].op, Op::Alert(_) | Op::Record(_)) {
                    leaves[*n] = round;
                    assert!(!(phase.stepwise && program.nodes[*n].fallible) || round + 2 < end);
                }
            }
            stage
                .send
                .iter()
                .filter(|n| matches!(program.nodes[**n].op, Op::Alert(_) | Op::Record(_)))
                .for_each(|n| leaves[*n] = round);
            round += 1;
        }
    }
    for (i, node) in program.nodes.iter().enumerate() {
        assert!(node.verdicts.iter().all(|v| applied[i] >= leaves[*v] + 2), "{}", node.text);
    }
}

#[test]
fn conformance_rule_files_compile() {
    let Some(shared) = bellwether_test_support::shared_or_skip("conformance_rule_files_compile") else { return };
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    let (mut files, mut rules, mut supported, mut failed) = (0, 0, 0, Vec::new());
    let mut deepest = 0;
    let mut stepwise = Vec::new();
    let set = crate::rules::load(&[shared.join("conformance/rules").display().to_string()]).unwrap();
    let sets = set.files.into_iter().map(|f| crate::rules::RuleSet { files: vec![f], warnings: vec![] });
    for set in sets {
        let inputs = rule_inputs(&set);
        files += 1;
        rules += inputs.len();
        let options = Options::default();
        let errors = compile(&inputs, &[], &options).err().unwrap_or_default();
        let bad: BTreeSet<usize> = errors.iter().filter_map(|e| e.unit).collect();
        for e in &errors {
            *missing.entry(e.construct.clone()).or_default() += 1;
        }
        supported += inputs.len() - bad.len();
        let good: Vec<RuleInput<'_>> =
            inputs.iter().enumerate().filter(|(i, _)| !bad.contains(i)).map(|(_, r)| r.clone()).collect();
        for everywhere in [false, true] {
            let options = Options { exchange_everywhere: everywhere, taps: everywhere, ..Options::default() };
            match compile(&good, &[], &options) {
                Ok(c) => {
                    check(&c.program);
                    if !everywhere && c.program.phases.iter().any(|p| p.stepwise) {
                        stepwise.push(inputs[0].file.rsplit('/').next().unwrap_or_default().to_owned());
                    }
                    deepest = deepest.max(c.program.rounds(1));
                }
                Err(e) => failed.push(e[0].to_string()),
            }
        }
    }
    println!("{files} files, {rules} rules, {supported} compile; at most {deepest} rounds; missing: {missing:?}");
    println!("{} files with rules that read each other in a cycle: {stepwise:?}", stepwise.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(supported * 100 >= rules * 97, "{supported} of {rules}");
}

#[test]
fn all_conformance_rules_compile_together() {
    let Some(shared) = bellwether_test_support::shared_or_skip("all_conformance_rules_compile_together") else {
        return;
    };
    let set = crate::rules::load(&[shared.join("conformance/rules").display().to_string()]).unwrap();
    let inputs = rule_inputs(&set);
    let options = Options { max_stages: 2_000, ..Options::default() };
    let bad: BTreeSet<usize> =
        compile(&inputs, &[], &options).err().unwrap_or_default().iter().filter_map(|e| e.unit).collect();
    let good: Vec<RuleInput<'_>> =
        inputs.iter().enumerate().filter(|(i, _)| !bad.contains(i)).map(|(_, r)| r.clone()).collect();
    let compiled = compile(&good, &[], &options).unwrap_or_else(|e| panic!("{}", e[0]));
    check(&compiled.program);
    let phases: Vec<(bool, usize)> = compiled.program.phases.iter().map(|p| (p.stepwise, p.stages.len())).collect();
    let fallible = compiled.program.nodes.iter().filter(|n| n.fallible && n.shape != Shape::Effect).count();
    println!("{} rules: {}; phases {phases:?}; {fallible} operators may fail", good.len(), compiled.stats);
}

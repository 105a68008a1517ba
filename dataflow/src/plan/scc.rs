//! Strongly connected components of a directed graph, by Tarjan's algorithm without recursion.
//!
//! # Semantics
//! `edges[n]` are the nodes that `n` points at. Components come out successors first: if a node of one component points
//! into another, the other one stands before it.

/// The components, each sorted; successors before predecessors.
pub fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        edges,
        index: vec![usize::MAX; edges.len()],
        low: vec![0; edges.len()],
        on_stack: vec![false; edges.len()],
        stack: Vec::new(),
        next: 0,
        found: Vec::new(),
    };
    for root in 0..edges.len() {
        if search.index[root] == usize::MAX {
            search.visit(root);
        }
    }
    search.found
}

struct Search<'a> {
    edges: &'a [Vec<usize>],
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn enter(&mut self, n: usize) {
        self.index[n] = self.next;
        self.low[n] = self.next;
        self.next += 1;
        self.stack.push(n);
        self.on_stack[n] = true;
    }

    /// Plans are deep (a rule's expression, then the rules it reads), so the path is a vector, not the call stack.
    fn visit(&mut self, root: usize) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((n, at)) = path.pop() {
            match self.edges[n].get(at) {
                Some(&to) => {
                    path.push((n, at + 1));
                    if self.index[to] == usize::MAX {
                        self.enter(to);
                        path.push((to, 0));
                    } else if self.on_stack[to] {
                        self.low[n] = self.low[n].min(self.index[to]);
                    }
                }
                None => {
                    if let Some((parent, _)) = path.last() {
                        self.low[*parent] = self.low[*parent].min(self.low[n]);
                    }
                    self.leave(n);
                }
            }
        }
    }

    fn leave(&mut self, n: usize) {
        if self.low[n] != self.index[n] {
            return;
        }
        let mut component = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack[member] = false;
            component.push(member);
            if member == n {
                break;
            }
        }
        component.sort_unstable();
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_one_component_and_successors_come_first() {
        let edges = vec![vec![1], vec![2], vec![1, 3], vec![], vec![0, 4]];
        assert_eq!(components(&edges), [vec![3], vec![1, 2], vec![0], vec![4]]);
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|i| if i == 0 { vec![] } else { vec![i - 1] }).collect();
        assert_eq!(components(&edges).len(), 200_000);
    }
}

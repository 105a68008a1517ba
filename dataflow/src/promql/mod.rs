//! Placeholder of the room `promql`; its owner replaces it.

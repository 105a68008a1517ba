//! Placeholder of the room `rules`; its owner replaces it.

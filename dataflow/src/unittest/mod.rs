//! Placeholder of the room `unittest`; its owner replaces it.

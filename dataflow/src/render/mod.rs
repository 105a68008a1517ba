//! Placeholder of the room `render`; its owner replaces it.

//! Placeholder of the room `checkpoint`; its owner replaces it.

//! Placeholder of the room `plan`; its owner replaces it.

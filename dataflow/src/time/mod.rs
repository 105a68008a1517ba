//! Placeholder of the room `time`; its owner replaces it.

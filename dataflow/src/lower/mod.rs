//! Placeholder of the room `lower`; its owner replaces it.

//! Numbers found by a key that stands elsewhere: slots by labels, rows by slot.
//!
//! # State
//! The numbers alone, 5 to 10 bytes each: the owner keeps the keys by number and hands them out when they are compared. A
//! `HashMap` would hold every key a second time. There is no way to walk the numbers, because their order is random.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash, RandomState};

/// Numbers by key.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Lookup {
    /// The number of a key; `key_of` gives the key of a number.
    pub fn find<K: Hash + Eq>(&self, key: K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        self.numbers.find(self.hasher.hash_one(&key), |number| key_of(*number) == key).copied()
    }

    /// Adds a number under a key that is not there.
    pub fn insert<K: Hash + Eq>(&mut self, key: K, number: u32, key_of: impl Fn(u32) -> K) {
        let Self { numbers, hasher } = self;
        numbers.insert_unique(hasher.hash_one(&key), number, |number| hasher.hash_one(key_of(*number)));
    }

    /// Takes a key's number out; its key must still stand where `key_of` finds it.
    pub fn remove<K: Hash + Eq>(&mut self, key: K, key_of: impl Fn(u32) -> K) -> Option<u32> {
        let entry = self.numbers.find_entry(self.hasher.hash_one(&key), |number| key_of(*number) == key);
        let (number, _) = entry.ok()?.remove();
        if (self.numbers.len() + 16) * 8 < self.numbers.capacity() {
            let hasher = &self.hasher;
            self.numbers.shrink_to(self.numbers.len() * 2, |number| hasher.hash_one(key_of(*number)));
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_keys_that_stand_elsewhere() {
        let keys: Vec<String> = (0..500).map(|i| format!("key {i}")).collect();
        let key_of = |number: u32| keys[number as usize].as_str();
        let mut lookup = Lookup::default();
        (0..500).for_each(|n| lookup.insert(key_of(n), n, key_of));
        assert!((0..500).all(|n| lookup.find(key_of(n), key_of) == Some(n)));
        assert_eq!(lookup.find("none", key_of), None);
        assert!((5..500).all(|n| lookup.remove(key_of(n), key_of) == Some(n)));
        assert_eq!(lookup.remove(key_of(7), key_of), None);
        assert!((0..5).all(|n| lookup.find(key_of(n), key_of) == Some(n)), "shrinking loses nothing");
        assert!(lookup.numbers.capacity() < 200);
    }
}

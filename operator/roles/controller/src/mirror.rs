//! What a watch has shown so far. Knows when the picture is whole, and after a watch that began anew, what has gone
//! meanwhile.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The state that one watch mirrors.
#[derive(Debug)]
pub struct Mirror<K, V> {
    items: HashMap<K, V>,
    /// What the list under way has named; `None` between lists.
    listed: Option<HashSet<K>>,
    whole: bool,
}

impl<K: Clone + Eq + Hash, V> Mirror<K, V> {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            items: HashMap::new(),
            listed: None,
            whole: false,
        }
    }

    /// Whether everything that was there at the first list has been seen.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// A list begins. What is known stays until the list ends without naming it.
    pub fn begin(&mut self) {
        self.listed = Some(HashSet::new());
    }

    /// The list ended; returns what it did not name, which is gone.
    pub fn finish(&mut self) -> Vec<K> {
        self.whole = true;
        let Some(listed) = self.listed.take() else {
            return Vec::new();
        };
        self.items
            .extract_if(|key, _| !listed.contains(key))
            .map(|(key, _)| key)
            .collect()
    }

    /// `key` is there, as `value`.
    pub fn put(&mut self, key: K, value: V) {
        self.named(&key);
        self.items.insert(key, value);
    }

    /// `key` is there; what is known of it stays.
    pub fn named(&mut self, key: &K) {
        if let Some(listed) = &mut self.listed {
            listed.insert(key.clone());
        }
    }

    /// `key` is gone; whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        if let Some(listed) = &mut self.listed {
            listed.remove(key);
        }
        self.items.remove(key).is_some()
    }

    /// What is known of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key)
    }

    /// The keys of all that is known, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.items.keys()
    }

    /// All that is known, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_once_the_first_list_has_ended() {
        let mut mirror = Mirror::new();
        mirror.begin();
        mirror.put("a", 1);
        assert!(!mirror.is_whole());
        assert!(mirror.finish().is_empty());
        mirror.begin();
        assert!(mirror.is_whole());
    }

    #[test]
    fn what_a_later_list_does_not_name_is_gone() {
        let mut mirror = Mirror::new();
        for key in ["a", "b", "c"] {
            mirror.put(key, 1);
        }
        mirror.begin();
        mirror.put("a", 2);
        mirror.named(&"b");
        assert_eq!(mirror.get(&"c"), Some(&1), "known until the list ends");
        assert_eq!(mirror.finish(), ["c"]);
        assert_eq!(
            (mirror.get(&"a"), mirror.get(&"b"), mirror.get(&"c")),
            (Some(&2), Some(&1), None)
        );
    }
}

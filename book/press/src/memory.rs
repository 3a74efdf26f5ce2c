//! What was made before from the same input. While the book is served, a rebuild makes only what is new.

use crate::claims::Claim;
use crate::inline::{self, Inline};
use crate::math::Math;
use crate::problem::Problem;
use crate::scan::Scan;
use crate::words::Words;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers by question. Whoever asks again is given what was found the first time.
#[derive(Debug)]
pub struct Memo<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Memo(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> V {
        // A thread that panicked while it worked cannot have left half an answer behind.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        let made = make(&key);
        lock().insert(key, made.clone());
        made
    }
}

/// The name of a file and its text.
pub type File = (String, String);

/// The claims of a test file, and what is wrong with them.
pub type Claims = (Vec<Claim>, Vec<Problem>);

/// The text of an SVG, and what it shows in words.
pub type Drawing = (String, String);

#[derive(Debug, Default)]
pub struct Memory {
    pub math: Math,
    /// The letters of a formula.
    pub letters: Memo<String, Arc<BTreeSet<String>>>,
    pub figures: Memo<Drawing, Result<Arc<str>, String>>,
    lines: Memo<String, Result<Arc<Inline>, String>>,
    /// Of the text of `book/words.toml`, or the line and what is wrong there.
    pub words: Memo<String, Result<Arc<Words>, (usize, String)>>,
    pub scans: Memo<File, Arc<Scan>>,
    pub claims: Memo<File, Arc<Claims>>,
}

impl Memory {
    /// A line of markdown, as finished HTML.
    pub fn line(&self, markdown: &str) -> Result<Arc<Inline>, String> {
        self.lines.get(markdown.to_string(), |text| inline::render(text, &self.math).map(Arc::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_costs_nothing() {
        let memo = Memo::default();
        assert_eq!(memo.get("a", |a| a.len()), 1);
        assert_eq!(memo.get("a", |_| unreachable!()), 1);
        assert_eq!(memo.get("bc", |a| a.len()), 2);
    }
}

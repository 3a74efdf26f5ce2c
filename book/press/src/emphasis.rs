//! Bold type in Korean. CommonMark decides whether `**` may close by the characters around it, and so
//! `**정규화(normalization)**는` stays unbolded: the stars stand between a bracket and a letter. What the
//! parser leaves over is paired here.

use std::ops::Range;

/// Collects the stars that the parser handed back as text, and pairs them block by block.
#[derive(Default)]
pub struct Stars {
    left_over: Vec<usize>,
}

impl Stars {
    /// A piece of text outside code, at `range` of `source`.
    pub fn text(&mut self, source: &str, range: &Range<usize>) {
        let stars = !range.is_empty() && source[range.clone()].bytes().all(|b| b == b'*');
        if stars && !source[..range.start].ends_with('\\') {
            self.left_over.extend(range.clone());
        }
    }

    /// The end of a block: the replacements for its pairs.
    pub fn end_of_block(&mut self) -> Vec<(Range<usize>, &'static str)> {
        let mut doubles = Vec::new();
        let mut stars = std::mem::take(&mut self.left_over).into_iter().peekable();
        while let Some(at) = stars.next() {
            if stars.next_if_eq(&(at + 1)).is_some() {
                doubles.push(at);
            }
        }
        doubles
            .chunks_exact(2)
            .flat_map(|pair| {
                [(pair[0]..pair[0] + 2, "<strong>"), (pair[1]..pair[1] + 2, "</strong>")]
            })
            .collect()
    }
}

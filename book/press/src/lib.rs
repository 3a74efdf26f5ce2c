//! The book tool. It reads the two source trees `book/ko` and `book/en`, checks that everything they
//! cite exists and that they cite the same things, and renders both into one site with mdBook.
//!
//! The way of a chapter: [`scan`] finds what the page asks for, [`book`] checks it against the other
//! language and against the repository, [`compose`] writes it out as markdown that mdBook understands,
//! [`page`] finishes the HTML that comes back, and [`site`] puts the pages where they are served from.
#![forbid(unsafe_code)]

pub mod anchor;
pub mod badge;
pub mod book;
pub mod claims;
pub mod compose;
pub mod directive;
pub mod emphasis;
pub mod epub;
pub mod evidence;
pub mod figure;
pub mod html;
pub mod inline;
pub mod lang;
pub mod math;
pub mod memory;
pub mod notation;
pub mod notes;
pub mod numbers;
pub mod page;
pub mod paper;
pub mod pdf;
pub mod plain;
pub mod problem;
pub mod refresh;
pub mod scan;
pub mod search;
pub mod serve;
pub mod site;
pub mod source;
pub mod verdicts;
pub mod words;

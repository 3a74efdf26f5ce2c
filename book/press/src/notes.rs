//! What the tests call their wrong variants and the remarks on their checks, in Korean: `book/notes.toml`.

use crate::book::Project;
use crate::evidence::Evidence;
use crate::lang::has_hangul;
use crate::problem::{Lines, Problem};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = "notes.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    ko: BTreeMap<String, String>,
}

impl Notes {
    /// Without a file, every note stays as the test has it.
    pub fn read(project: &Project, problems: &mut Vec<Problem>) -> Option<Notes> {
        let path = project.dir.join(FILE);
        let text = std::fs::read_to_string(&path).ok()?;
        toml::from_str(&text)
            .map_err(|e| {
                let line = e.span().map_or(0, |span| Lines::of(&text).at(span.start));
                problems.push(Problem::new(project.name(&path), line, e.message()));
            })
            .ok()
    }

    /// Says all notes in Korean. What is missing in the file, and what is in it for nothing, is a problem.
    pub fn translate<'a>(
        &self,
        project: &Project,
        evidence: impl Iterator<Item = &'a mut Evidence>,
        problems: &mut Vec<Problem>,
    ) {
        let file = project.name(&project.dir.join(FILE));
        let (mut said, mut missing) = (BTreeSet::new(), BTreeSet::new());
        for note in evidence.flat_map(|e| &mut e.checks).filter_map(|check| check.note.as_mut()) {
            match self.ko.get(note.en()) {
                Some(ko) if has_hangul(ko) || ko == note.en() => note.say(ko),
                _ => drop(missing.insert(note.en().to_string())),
            }
            said.insert(note.en().to_string());
        }
        for note in missing {
            problems.push(Problem::new(&file, 0, format!("no Korean for the note `{note}`")));
        }
        for note in self.ko.keys().filter(|note| !said.contains(*note)) {
            problems.push(Problem::new(&file, 0, format!("no test has the note `{note}`")));
        }
    }
}

//! Files that are either whole or not there.

use super::Result;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes to a file beside `path` and renames that, so that nobody ever sees half of it.
pub fn write(path: &Path, content: &str) -> Result {
    let beside = unfinished(path);
    let written = fs::write(&beside, content).and_then(|()| fs::rename(&beside, path));
    written.map_err(|e| {
        // What is left of it, if anything is.
        let _ = fs::remove_file(&beside);
        format!("cannot write {}: {e}", path.display()).into()
    })
}

/// Makes the directory, and tries it out.
pub fn check_writable(dir: &Path) -> Result {
    let probe = unfinished(&dir.join("probe"));
    let tried = fs::create_dir_all(dir)
        .and_then(|()| fs::write(&probe, ""))
        .and_then(|()| fs::remove_file(&probe));
    tried.map_err(|e| format!("cannot write to {}: {e}", dir.display()).into())
}

pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|e| format!("cannot read {name}: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("{name}: {e}").into())
}

fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

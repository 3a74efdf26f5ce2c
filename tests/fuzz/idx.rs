//! Whatever is in the four files of an MNIST-format data set, raw or compressed: data or a typed error.

#![no_main]
#![allow(dead_code)]

#[path = "../../examples/common/data.rs"]
mod data;

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::sync::LazyLock;
use tempfile::TempDir;

static DIR: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a directory"));

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The first byte says which files are compressed; then each but the last begins with its length.
fuzz_target!(|bytes: &[u8]| {
    let Some((&compressed, mut rest)) = bytes.split_first() else { return };
    for (i, name) in NAMES.into_iter().enumerate() {
        let (length, content) = rest.split_first().map_or((0, rest), |(&n, r)| (n.into(), r));
        let (file, others) = match i {
            3 => (content, &[][..]),
            _ => content.split_at(content.len().min(length)),
        };
        rest = others;
        let path = DIR.path().join(name);
        let (path, other) = match compressed >> i & 1 {
            0 => (path.clone(), path.with_extension("gz")),
            _ => (path.with_extension("gz"), path),
        };
        let _ = fs::remove_file(other);
        fs::write(path, file).expect("a file");
    }
    if let Ok(data) = data::load(Some(DIR.path())) {
        assert_eq!(data.pixels.nrows(), data.labels.len());
        let _ = data.shuffled(&mut batchnorm::nn::random::Random::new(0));
    }
    let _ = data::digits(bytes);
});

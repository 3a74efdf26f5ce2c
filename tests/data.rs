//! The loader of images: what it reads, and what it says about files that are missing, cut or wrong.

#[allow(dead_code)] // what only the examples use
#[path = "../examples/common/data.rs"]
mod data;

use batchnorm::nn::random::Random;
use data::{DataError, Known, digits, load, mnist_format};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;
use tempfile::TempDir;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
const NONE: Known = Known { name: "none", sha256: [""; 4] };

fn idx(magic: u32, axes: &[u32], content: &[u8]) -> Vec<u8> {
    let header = [&[magic], axes].concat();
    header.iter().flat_map(|word| word.to_be_bytes()).chain(content.iter().copied()).collect()
}

/// Three training and two test images of 2 × 2 pixels.
fn files() -> [Vec<u8>; 4] {
    [
        idx(0x803, &[3, 2, 2], &[0, 51, 102, 255, 1, 1, 1, 1, 2, 2, 2, 2]),
        idx(0x801, &[3], &[0, 1, 2]),
        idx(0x803, &[2, 2, 2], &[3, 3, 3, 3, 4, 4, 4, 4]),
        idx(0x801, &[2], &[3, 4]),
    ]
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn directory(files: &[Vec<u8>; 4]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in NAMES.iter().zip(files) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// The error of a directory in which the `i`-th file is this; its message must name the file.
fn error(i: usize, bytes: Vec<u8>) -> DataError {
    let mut files = files();
    files[i] = bytes;
    let dir = directory(&files);
    let error = mnist_format(dir.path(), &NONE).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(dir.path().join(NAMES[i]).to_str().unwrap()), "{message}");
    error
}

#[test]
fn the_digits_come_along() {
    let data = load(None).unwrap();
    assert_eq!((data.pixels.dim(), data.labels.len(), data.classes()), ((1797, 64), 1797, 10));
    let (lowest, highest) = data.pixels.iter().fold((1.0, 0.0), |(l, h), &p| (p.min(l), p.max(h)));
    assert_eq!((lowest, highest), (0.0, 1.0));
    // The first rows are a 0, a 1, a 2, …
    assert_eq!(data.labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn every_digit_is_for_training_or_for_testing() {
    let data = load(None).unwrap();
    let (train, test) = data.shuffled(&mut Random::new(3));
    assert_eq!((train.len(), test.len()), (1297, 500));
    let mut all = [train.clone(), test].concat();
    all.sort_unstable();
    assert_eq!(all, (0..1797).collect::<Vec<_>>());
    assert_ne!(train, data.shuffled(&mut Random::new(4)).0);
    let rows = data.rows(&train[..2]);
    assert_eq!(rows.labels, [data.labels[train[0]], data.labels[train[1]]]);
    assert_eq!(rows.pixels.row(1), data.pixels.row(train[1]));
}

#[test]
fn where_there_are_too_few_the_shares_stay() {
    let data = load(None).unwrap();
    assert_eq!((data.sizes(), data.tag()), ((1297, 500), None));
    assert_eq!(data.at_most([160, 100, 100]), [160, 100, 100]);
    // A fifth, rounded up.
    assert_eq!(data.at_most([4000, 1000, 2000]), [1037, 260, 500]);
    assert_eq!(data.at_most([1297, 0, 0]), [1297, 0, 0]);
}

#[test]
fn a_changed_digit_is_found() {
    let mut bytes = fs::read("examples/data/digits_u8.bin").unwrap();
    bytes[1000] ^= 1;
    let message = digits(&bytes).unwrap_err().to_string();
    assert!(message.contains("digits_u8.bin") && message.contains("87ff0c9e"), "{message}");
    assert!(matches!(digits(&bytes[..100]), Err(DataError::Hash { .. })));
}

#[test]
fn a_directory_is_read_under_every_name() {
    for (dotted, compressed) in [(false, false), (false, true), (true, false), (true, true)] {
        let dir = TempDir::new().unwrap();
        for (name, bytes) in NAMES.iter().zip(files()) {
            let name = if dotted { name.replace("-idx", ".idx") } else { name.to_string() };
            let (name, bytes) = if compressed { (name + ".gz", gz(&bytes)) } else { (name, bytes) };
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let data = load(Some(dir.path())).unwrap();
        assert_eq!((&data.name[..], data.tag()), ("MNIST-format files", Some("data")));
        assert_eq!((data.pixels.dim(), &data.labels[..]), ((5, 4), &[0, 1, 2, 3, 4][..]));
        assert_eq!(data.pixels.row(0).to_vec(), [0.0, 0.2, 0.4, 1.0]);
        // The set itself says which rows are for testing.
        let (mut train, mut test) = data.shuffled(&mut Random::new(0));
        train.sort_unstable();
        test.sort_unstable();
        assert_eq!((train, test), (vec![0, 1, 2], vec![3, 4]));
    }
}

#[test]
fn a_missing_file_is_named() {
    let dir = directory(&files());
    fs::remove_file(dir.path().join(NAMES[2])).unwrap();
    let message = mnist_format(dir.path(), &NONE).unwrap_err().to_string();
    for name in [NAMES[2], "t10k-images.idx3-ubyte.gz", dir.path().to_str().unwrap()] {
        assert!(message.contains(name), "{message}");
    }
    assert!(matches!(load(Some(Path::new("no/such/place"))), Err(DataError::Missing { .. })));
}

#[test]
fn a_cut_or_longer_file_is_refused_with_its_sizes() {
    let whole = &files()[0];
    for (length, expected) in [(0, 16), (3, 16), (15, 16), (16, 28), (27, 28)] {
        match error(0, whole[..length].to_vec()) {
            DataError::Size { need, got, .. } => assert_eq!((need, got), (expected, length as u64)),
            other => panic!("{other}"),
        }
    }
    let longer = error(0, [&whole[..], &[0]].concat()).to_string();
    assert!(longer.contains("need 28 bytes, got 29"), "{longer}");
    // A header that promises more than any file holds.
    let huge = error(0, idx(0x803, &[u32::MAX; 3], &[]));
    assert!(matches!(huge, DataError::Size { need: u64::MAX, got: 16, .. }), "{huge}");
}

#[test]
fn a_wrong_magic_number_is_refused() {
    // Labels where images are expected.
    let swapped = error(0, files()[1].clone()).to_string();
    assert!(swapped.contains("need the magic number 0x00000803, got 0x00000801"), "{swapped}");
    // Compressed, under the name of a raw file.
    assert!(matches!(error(3, gz(&files()[3])), DataError::Magic { need: 0x801, .. }));
}

#[test]
fn a_gzip_file_that_is_cut_or_is_none_is_refused() {
    let whole = gz(&files()[0]);
    for bytes in [whole[..whole.len() - 9].to_vec(), b"hello".to_vec(), Vec::new()] {
        let dir = directory(&files());
        fs::remove_file(dir.path().join(NAMES[0])).unwrap();
        fs::write(dir.path().join(NAMES[0].to_string() + ".gz"), bytes).unwrap();
        let error = mnist_format(dir.path(), &NONE).unwrap_err();
        assert!(matches!(error, DataError::Unreadable { .. }), "{error}");
    }
}

#[test]
fn counts_and_sizes_that_do_not_match_are_refused() {
    let two = error(1, idx(0x801, &[2], &[0, 1])).to_string();
    assert!(two.contains("2 labels for 3 images"), "{two}");
    let wide = error(2, idx(0x803, &[2, 1, 2], &[0; 4])).to_string();
    assert!(wide.contains("2 pixels an image, and the training images have 4"), "{wide}");
    assert!(matches!(error(0, idx(0x803, &[3, 0, 2], &[])), DataError::Empty { .. }));
    assert!(matches!(error(0, idx(0x803, &[0, 2, 2], &[])), DataError::Empty { .. }));
}

/// Hashes of `files()`, so that they are a known data set here.
#[test]
fn one_file_of_a_known_data_set_wants_the_others() {
    const MINE: Known = Known {
        name: "four small files",
        sha256: [
            "3b87c3a8bfe2c0153a4cd62a5ac0f1cd27d385132d2b00a220e63d361084efa2",
            "b42326e57648289720e40f7c6f074d678a6bb041e7d1157a777e375b9269c0f5",
            "c02853060790424727384333a7f753357fd8bdada68505bcd2d73ff126ebbb54",
            "3b6ad0250cb381d2971786334ca4087c0751f338faf51339d5b61f81f9f2f93d",
        ],
    };
    assert_eq!(mnist_format(directory(&files()).path(), &MINE).unwrap().name, "four small files");
    let mut mixed = files();
    mixed[1] = idx(0x801, &[3], &[2, 1, 0]); // fits by all counts
    let message = mnist_format(directory(&mixed).path(), &MINE).unwrap_err().to_string();
    for part in [NAMES[1], "not the file of four small files", MINE.sha256[1]] {
        assert!(message.contains(part), "{message}");
    }
}

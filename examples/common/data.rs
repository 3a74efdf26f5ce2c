//! Images to learn from: the digits that come with the notebook, or a directory of MNIST-format files.

use batchnorm::nn::random::Random;
use flate2::read::GzDecoder;
use ndarray::{Array2, ArrayView2, Axis};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Labelled images. Pixels are within `[0, 1]`, one image a row.
#[derive(Clone, Debug)]
pub struct Data {
    /// What the data set is called.
    pub name: String,
    pub pixels: Array2<f32>,
    pub labels: Vec<usize>,
    /// How many of the rows, at the end, are for testing, and whether the data set says so itself.
    test: usize,
    given: bool,
}

/// Rows of some [`Data`], copied out.
#[derive(Clone, Debug)]
pub struct Set {
    pub pixels: Array2<f32>,
    pub labels: Vec<usize>,
}

impl Set {
    /// How many classes, as far as these labels tell.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(1, |most| most + 1)
    }

    /// In %, how many images are wrong if so many are right.
    pub fn wrong(&self, right: usize) -> f64 {
        100.0 * (1.0 - right as f64 / self.labels.len() as f64)
    }
}

/// What one seed makes of some [`Data`]: rows to learn from, to choose by, and to judge by.
#[derive(Clone, Debug)]
pub struct Split {
    pub training: Vec<usize>,
    /// A fifth of what is not for testing.
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

/// What is wrong with the files.
#[derive(Debug)]
pub enum DataError {
    /// None of these files is there.
    Missing { dir: PathBuf, names: Vec<String> },
    /// A file that cannot be read, or is no gzip file though its name says so.
    Unreadable { path: PathBuf, cause: std::io::Error },
    /// The first four bytes say that it holds something else.
    Magic { path: PathBuf, need: u32, got: u32 },
    /// The file is shorter or longer than its header says, or than a header.
    Size { path: PathBuf, need: u64, got: u64 },
    /// Not as many labels as images.
    Count { path: PathBuf, images: usize, labels: usize },
    /// Test images of another size than training images, height times width.
    Pixels { path: PathBuf, need: usize, got: usize },
    /// No image at all, or images without a pixel.
    Empty { path: PathBuf },
    /// The content is not that of the data set.
    Hash { path: PathBuf, data: &'static str, need: &'static str, got: String },
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DataError::*;
        match self {
            Missing { dir, names } => {
                write!(f, "{}: need one of the files {}", dir.display(), names.join(", "))
            }
            Unreadable { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Magic { path, need, got } => {
                write!(f, "{}: need the magic number {need:#010x}, got {got:#010x}", path.display())
            }
            Size { path, need, got } => {
                write!(f, "{}: need {need} bytes, got {got}", path.display())
            }
            Count { path, images, labels } => {
                write!(f, "{}: {labels} labels for {images} images", path.display())
            }
            Pixels { path, need, got } => write!(
                f,
                "{}: {got} pixels an image, and the training images have {need}",
                path.display()
            ),
            Empty { path } => write!(f, "{}: no pixels in it", path.display()),
            Hash { path, data, need, got } => write!(
                f,
                "{}: not the file of {data}: need the sha256 {need}, got {got}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for DataError {}

type Result<T> = std::result::Result<T, DataError>;

const DIGITS_NAME: &str = "digits";
const DIGITS: &str = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826";

/// The four files of an MNIST-format data set.
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A data set of this format whose files are known: what each hashes to, decompressed.
pub struct Known {
    pub name: &'static str,
    pub sha256: [&'static str; 4],
}

const FASHION: Known = Known {
    name: "Fashion-MNIST",
    sha256: [
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
};

/// The images in this directory, or else the digits that come with the notebook.
pub fn load(dir: Option<&Path>) -> Result<Data> {
    match dir {
        Some(dir) => mnist_format(dir, &FASHION),
        None => digits(include_bytes!("../data/digits_u8.bin")),
    }
}

/// See `examples/data/SOURCES.md`.
pub fn digits(bytes: &[u8]) -> Result<Data> {
    let path = || PathBuf::from("examples/data/digits_u8.bin");
    let got = sha256(bytes);
    if got != DIGITS {
        return Err(DataError::Hash { path: path(), data: "the digits", need: DIGITS, got });
    }
    let (pixels, labels) = bytes.split_at(1797 * 64);
    Ok(Data {
        name: DIGITS_NAME.into(),
        pixels: scaled(pixels, 1797, 64, 16.0),
        labels: labels.iter().map(|&label| label.into()).collect(),
        test: 500,
        given: false,
    })
}

/// The four files in this directory, each raw or compressed.
///
/// Any data set of this format will do, so an unknown hash is no error by itself. But a file that is
/// not `known`'s beside one that is, is a mistake that counting may not find: labels of another set.
pub fn mnist_format(dir: &Path, known: &Known) -> Result<Data> {
    let mut files = Vec::new();
    for name in FILES {
        files.push(find(dir, name)?);
    }
    let hashes: Vec<_> = files.iter().map(|(_, bytes)| sha256(bytes)).zip(known.sha256).collect();
    let stranger = hashes.iter().position(|(got, need)| got != need);
    let name = match (hashes.iter().any(|(got, need)| got == need), stranger) {
        (false, _) => "MNIST-format files",
        (true, None) => known.name,
        (true, Some(i)) => {
            let (path, (got, need)) = (files[i].0.clone(), hashes[i].clone());
            return Err(DataError::Hash { path, data: known.name, need, got });
        }
    };

    let (train, train_labels) = (images(&files[0])?, labels(&files[1], &files[0])?);
    let (test, test_labels) = (images(&files[2])?, labels(&files[3], &files[2])?);
    if train.ncols() != test.ncols() {
        let (need, got) = (train.ncols(), test.ncols());
        return Err(DataError::Pixels { path: files[2].0.clone(), need, got });
    }
    let stacked = ndarray::concatenate(Axis(0), &[train, test]).expect("as many columns");
    Ok(Data {
        name: name.into(),
        pixels: scaled(
            stacked.as_slice().expect("row-major"),
            stacked.nrows(),
            stacked.ncols(),
            255.0,
        ),
        test: test_labels.len(),
        labels: [train_labels, test_labels].concat().into_iter().map(usize::from).collect(),
        given: true,
    })
}

type File = (PathBuf, Vec<u8>);

/// The content of `name`, raw or compressed, also under the name `train-images.idx3-ubyte`.
fn find(dir: &Path, name: &str) -> Result<File> {
    let dotted = name.replace("-idx", ".idx");
    let names: Vec<String> =
        [name, &dotted].into_iter().flat_map(|n| [n.to_string(), format!("{n}.gz")]).collect();
    let Some(path) = names.iter().map(|n| dir.join(n)).find(|path| path.exists()) else {
        return Err(DataError::Missing { dir: dir.into(), names });
    };
    let read = || {
        let bytes = std::fs::read(&path)?;
        if path.extension().is_none_or(|e| e != "gz") {
            return Ok(bytes);
        }
        let mut content = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut content)?;
        Ok(content)
    };
    match read() {
        Ok(bytes) => Ok((path, bytes)),
        Err(cause) => Err(DataError::Unreadable { path, cause }),
    }
}

/// The content behind an IDX header (big-endian: a magic number, then the length of each axis).
fn idx<const AXES: usize>((path, bytes): &File) -> Result<([usize; AXES], &[u8])> {
    // Unsigned bytes (8) along AXES axes.
    let need = 0x0800 + AXES as u32;
    let header = 4 * (AXES + 1);
    let size = |need| DataError::Size { path: path.clone(), need, got: bytes.len() as u64 };
    let mut words = bytes
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes(word.try_into().expect("chunks of four bytes")));
    match words.next() {
        Some(got) if got != need => {
            return Err(DataError::Magic { path: path.clone(), need, got });
        }
        _ if bytes.len() < header => return Err(size(header as u64)),
        _ => {}
    }
    let axes: [usize; AXES] = std::array::from_fn(|_| words.next().unwrap_or(0) as usize);
    // Saturates far above the size of any file.
    let content = axes.iter().fold(1, |product: u64, &axis| product.saturating_mul(axis as u64));
    if bytes.len() as u64 != content.saturating_add(header as u64) {
        return Err(size(content.saturating_add(header as u64)));
    }
    Ok((axes, &bytes[header..]))
}

fn images(file: &File) -> Result<ArrayView2<'_, u8>> {
    let ([n, height, width], content) = idx(file)?;
    if content.is_empty() {
        return Err(DataError::Empty { path: file.0.clone() });
    }
    Ok(ArrayView2::from_shape((n, height * width), content).expect("its size is checked in `idx`"))
}

fn labels<'a>(file: &'a File, images: &File) -> Result<&'a [u8]> {
    let ([labels], content) = idx(file)?;
    let ([images, ..], _) = idx::<3>(images)?;
    if labels != images {
        return Err(DataError::Count { path: file.0.clone(), images, labels });
    }
    Ok(content)
}

fn scaled(pixels: &[u8], rows: usize, columns: usize, white: f32) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| f32::from(pixels[i * columns + j]) / white)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Data {
    /// How many classes the labels name.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |largest| largest + 1)
    }

    /// What tells its results from those of the digits, in the names of files.
    pub fn tag(&self) -> Option<&'static str> {
        match &self.name[..] {
            DIGITS_NAME => None,
            name if name == FASHION.name => Some("fashion"),
            _ => Some("data"),
        }
    }

    /// How many images there are to learn from and to choose by, and how many to judge by.
    pub fn sizes(&self) -> (usize, usize) {
        (self.labels.len() - self.test, self.test)
    }

    /// At most so many images for training, validation and testing. What is too little for the first two
    /// they share in the same proportion.
    pub fn at_most(&self, [training, validation, test]: [usize; 3]) -> [usize; 3] {
        let (learning, judging) = self.sizes();
        let wanted = training + validation;
        if wanted <= learning {
            return [training, validation, test.min(judging)];
        }
        let validation = (learning * validation).div_ceil(wanted);
        [learning - validation, validation, test.min(judging)]
    }

    /// Training and test rows, in random order. Where the data set does not say which rows are for
    /// testing, they are drawn.
    pub fn shuffled(&self, random: &mut Random) -> (Vec<usize>, Vec<usize>) {
        let n = self.labels.len();
        let train = n - self.test;
        if !self.given {
            let mut order = random.permutation(n);
            let test = order.split_off(train);
            return (order, test);
        }
        let order = random.permutation(train);
        (order, random.permutation(self.test).into_iter().map(|row| train + row).collect())
    }

    /// These rows.
    pub fn rows(&self, rows: &[usize]) -> Set {
        Set {
            pixels: self.pixels.select(Axis(0), rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    /// The rows in random order, divided in three.
    pub fn split(&self, seed: u64) -> Split {
        let (mut validation, test) = self.shuffled(&mut Random::new(seed));
        let training = validation.split_off(validation.len() / 5);
        Split { training, validation, test }
    }

    /// Pixels less their mean, over their standard deviation, both over these rows. A pixel that is the
    /// same in all of them becomes 0.
    pub fn standardized(&self, rows: &[usize]) -> Data {
        let seen = self.pixels.select(Axis(0), rows).mapv(f64::from);
        let n = rows.len().max(1) as f64;
        let mean = seen.sum_axis(Axis(0)) / n;
        let sd = (seen - &mean).pow2().sum_axis(Axis(0)).mapv(|squares| libm::sqrt(squares / n));
        let mut standardized = self.clone();
        for ((mut column, &mean), &sd) in
            standardized.pixels.columns_mut().into_iter().zip(&mean).zip(&sd)
        {
            let scale = if sd > 0.0 { 1.0 / sd } else { 0.0 };
            column.mapv_inplace(|pixel| ((f64::from(pixel) - mean) * scale) as f32);
        }
        standardized
    }

    /// Batches of these rows without end, epoch after epoch in a new order each. What is too little for a
    /// batch at the end of an epoch is left out.
    pub fn batches<'a>(
        &'a self,
        rows: &'a [usize],
        size: usize,
        seed: u64,
    ) -> impl Iterator<Item = Set> + 'a {
        let mut random = Random::new(seed ^ 0xba7c4);
        let mut order: Vec<usize> = Vec::new();
        std::iter::from_fn(move || {
            if order.len() < size {
                order = random.permutation(rows.len());
            }
            let batch = order.split_off(order.len().checked_sub(size)?);
            Some(self.rows(&batch.into_iter().map(|i| rows[i]).collect::<Vec<_>>()))
        })
    }
}

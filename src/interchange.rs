//! Parameters from and for other frameworks: safetensors files, with the names that PyTorch and Keras use.
//!
//! A layer's file has its vectors, and neither its ε nor its momentum: those are in the program that made
//! it, and have to be brought along by hand ([`Profile`] knows the defaults). With another ε the layer
//! answers otherwise, and nothing in the file says so.
//!
//! Weights of linear layers and convolutions are plain arrays, as for [`folding`](super::folding), in
//! PyTorch's layout: `[out, in]` and `[out, in/groups, kh, kw]`. Keras keeps a dense kernel as `[in, out]`
//! (`.reversed_axes()` gives ours) and that of a convolution as `[kh, kw, in, out]`
//! (`.permuted_axes([3, 2, 0, 1])`).

use super::batch_norm::{BatchNorm, Config};
use super::error;
use super::profile::{Names, Profile};
use super::scalar::Scalar;
use ndarray::{Array, Array1, ArrayRef, Dimension};
use safetensors::{Dtype, SafeTensors, View, tensor::serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// How a framework calls the vectors of a batch normalization layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `prefix.weight`, `prefix.bias`, `prefix.running_mean`, `prefix.running_var` and
    /// `prefix.num_batches_tracked`, as in a `state_dict`.
    PyTorch,
    /// `prefix/gamma`, `prefix/beta`, `prefix/moving_mean` and `prefix/moving_variance`, as the path of a
    /// variable.
    Keras,
}

impl Style {
    /// The full names of γ, β, running mean and running variance.
    fn vectors(self, prefix: &str) -> [String; 4] {
        let profile = match self {
            Style::PyTorch => Profile::PyTorch,
            Style::Keras => Profile::Keras,
        };
        let Names { gamma, beta, running_mean, running_var } = profile.names();
        [gamma, beta, running_mean, running_var].map(|name| self.name(prefix, name))
    }

    /// The full name of the number of batches seen; Keras keeps none.
    fn batches(self, prefix: &str) -> Option<String> {
        (self == Style::PyTorch).then(|| self.name(prefix, "num_batches_tracked"))
    }

    fn name(self, prefix: &str, name: &str) -> String {
        match self {
            _ if prefix.is_empty() => name.into(),
            Style::PyTorch => format!("{prefix}.{name}"),
            Style::Keras => format!("{prefix}/{name}"),
        }
    }
}

/// What can be wrong with a file, or with a tensor in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no safetensors file, or not all of one.
    File {
        /// What the format's reader says.
        cause: String,
    },
    /// There is no tensor of this name.
    Missing {
        /// The name.
        name: String,
    },
    /// A layer without γ and β was asked for, and the file has one of them: without it the layer would
    /// answer otherwise.
    Unexpected {
        /// The name of the tensor.
        name: String,
    },
    /// A tensor of another element type: one that cannot be read without rounding, or is no number at all.
    Dtype {
        /// The name of the tensor.
        name: String,
        /// The type asked for.
        need: &'static str,
        /// The type in the file.
        got: String,
    },
    /// A tensor with another number of axes.
    Rank {
        /// The name of the tensor.
        name: String,
        /// How many axes were asked for.
        need: usize,
        /// The shape in the file.
        got: Vec<usize>,
    },
    /// A vector that does not have one element for each channel.
    Length {
        /// The name of the tensor.
        name: String,
        /// The number of channels, by the running mean.
        need: usize,
        /// The number of elements.
        got: usize,
    },
    /// An element that no trained layer has: infinite or NaN, or a negative variance or count.
    Value {
        /// The name of the tensor.
        name: String,
        /// Which element, counted from 0.
        index: usize,
        /// The element.
        got: f64,
    },
    /// What is wrong with the layer itself.
    Layer(error::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File { cause } => write!(f, "not a whole safetensors file: {cause}"),
            Error::Missing { name } => write!(f, "no tensor `{name}`"),
            Error::Unexpected { name } => {
                write!(f, "there is a tensor `{name}`, and the layer asked for has none")
            }
            Error::Dtype { name, need, got } => {
                write!(f, "`{name}`: need elements of type {need}, got {got}")
            }
            Error::Rank { name, need, got } => {
                write!(f, "`{name}`: need {need} axes, got the shape {got:?}")
            }
            Error::Length { name, need, got } => {
                write!(f, "`{name}`: need {need} elements, got {got}")
            }
            Error::Value { name, index, got } => {
                write!(f, "`{name}`: element {index} is {got}, which no trained layer has")
            }
            Error::Layer(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        Error::Layer(error)
    }
}

/// `std::result::Result` with the [`Error`] of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// A number that a file can hold: `f32` and `f64`.
pub trait Element: Scalar {
    /// Its type, as the format calls it.
    const DTYPE: Dtype;
    /// How it is written, by the type of the file.
    const NAME: &'static str;
    /// Adds its bytes.
    fn write(self, bytes: &mut Vec<u8>);
    /// The elements in these bytes; `None` if the type in the file is not one that this one holds exactly.
    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<Self>>;
}

/// The elements of `N` bytes each.
fn words<const N: usize, F>(bytes: &[u8], element: impl Fn([u8; N]) -> F) -> Vec<F> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|&word| element(word)).collect()
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
    const NAME: &'static str = "F32";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<Self>> {
        (dtype == Dtype::F32).then(|| words(bytes, f32::from_le_bytes))
    }
}

impl Element for f64 {
    const DTYPE: Dtype = Dtype::F64;
    const NAME: &'static str = "F64 or F32";
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Vec<Self>> {
        match dtype {
            Dtype::F64 => Some(words(bytes, f64::from_le_bytes)),
            Dtype::F32 => Some(words(bytes, |word| f64::from(f32::from_le_bytes(word)))),
            _ => None,
        }
    }
}

/// Named tensors: what is in a safetensors file.
///
/// ```
/// use batchnorm::batch_norm::{BatchNorm, Config};
/// use batchnorm::interchange::{Style, Tensors};
/// use ndarray::array;
///
/// let mut bn = BatchNorm::<f32>::new(2);
/// let (_, _) = bn.train(array![[1.0, 10.0], [3.0, 30.0], [8.0, 80.0]])?;
///
/// let mut tensors = Tensors::default();
/// tensors.insert_batch_norm("features.1", Style::PyTorch, &bn)?;
/// let bytes = tensors.to_bytes()?;                            // for `safetensors.torch.load`
///
/// let read = Tensors::from_bytes(&bytes)?;
/// let same = read.batch_norm::<f32>("features.1", Style::PyTorch, Config::default())?;
/// assert_eq!(same.freeze()?, bn.freeze()?);
/// # Ok::<(), batchnorm::interchange::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(BTreeMap<String, Tensor>);

#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Tensors {
    /// The tensors of a file.
    ///
    /// # Errors
    /// [`Error::File`] if the bytes are not a whole file of this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(file_error)?;
        let tensor = |(name, view): (&str, safetensors::tensor::TensorView)| {
            let (shape, bytes) = (view.shape().to_vec(), view.data().to_vec());
            (name.to_string(), Tensor { dtype: view.dtype(), shape, bytes })
        };
        Ok(Tensors(file.iter().map(tensor).collect()))
    }

    /// The file of these tensors.
    ///
    /// # Errors
    /// [`Error::File`] if the format cannot hold them: a header of more than 100 MB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serialize(&self.0, None).map_err(file_error)
    }

    /// The names of the tensors, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The tensor of this name, whatever numbers are in it: NaN stays NaN.
    ///
    /// An `f32` can be read as `f64`, for that is exact.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Dtype`], and [`Error::Rank`] if it does not have the axes of `D`.
    pub fn array<F: Element, D: Dimension>(&self, name: &str) -> Result<Array<F, D>> {
        let tensor = self.get(name)?;
        let elements = F::read(tensor.dtype, &tensor.bytes);
        let elements = elements.ok_or_else(|| tensor.is_not(name, F::NAME))?;
        let rank = || {
            let need = D::NDIM.unwrap_or(tensor.shape.len());
            Error::Rank { name: name.into(), need, got: tensor.shape.clone() }
        };
        // The other reason, a product of lengths beyond all measure, is one of a tensor without elements.
        let array = Array::from_shape_vec(&tensor.shape[..], elements).map_err(|_| rank())?;
        array.into_dimensionality().map_err(|_| rank())
    }

    /// Puts in a tensor; one of the same name is replaced.
    pub fn insert<F: Element, D: Dimension>(&mut self, name: &str, array: &ArrayRef<F, D>) {
        let mut bytes = Vec::with_capacity(array.len() * size_of::<F>());
        array.iter().for_each(|&element| element.write(&mut bytes));
        let tensor = Tensor { dtype: F::DTYPE, shape: array.shape().to_vec(), bytes };
        self.0.insert(name.into(), tensor);
    }

    // ANCHOR: batch_norm
    /// The batch normalization layer of these names, with what the file does not say: ε, and how to go
    /// on averaging.
    ///
    /// Where the file has no `num_batches_tracked` (Keras, and PyTorch before 0.4.1), the next batch counts
    /// as the first.
    ///
    /// # Errors
    /// Those of [`array`](Self::array) for each vector; [`Error::Length`] if they differ in length;
    /// [`Error::Value`] for an infinite or NaN element, a negative running variance or a negative count;
    /// [`Error::Unexpected`] for a γ or β in the file where `config` wants none; [`Error::Layer`] with those
    /// of [`BatchNorm::with`].
    pub fn batch_norm<F: Element>(
        &self,
        prefix: &str,
        style: Style,
        config: Config<F>,
    ) -> Result<BatchNorm<F>> {
        let [gamma, beta, mean, var] = style.vectors(prefix);
        let running_mean = self.finite(&mean)?;
        let channels = running_mean.len();
        let vector = |name: &str| {
            let vector: Array1<F> = self.finite(name)?;
            let error = || Error::Length { name: name.into(), need: channels, got: vector.len() };
            if vector.len() == channels { Ok(vector) } else { Err(error()) }
        };
        let running_var = vector(&var)?;
        if let Some(index) = running_var.iter().position(|v| v.to_f64() < 0.0) {
            return Err(Error::Value { name: var, index, got: running_var[index].to_f64() });
        }
        let mut layer = BatchNorm::with(channels, config)?;
        if config.affine {
            (layer.gamma, layer.beta) = (Some(vector(&gamma)?), Some(vector(&beta)?));
        } else if let Some(name) = [gamma, beta].into_iter().find(|n| self.0.contains_key(n)) {
            return Err(Error::Unexpected { name });
        }
        (layer.running_mean, layer.running_var) = (running_mean, running_var);
        if let Some(name) = style.batches(prefix).filter(|name| self.0.contains_key(name)) {
            layer.set_batches(self.count(&name)?);
        }
        Ok(layer)
    }
    // ANCHOR_END: batch_norm

    /// Puts in a batch normalization layer, under these names.
    ///
    /// # Errors
    /// [`Error::Length`] where a public vector of the layer has been given another length.
    pub fn insert_batch_norm<F: Element>(
        &mut self,
        prefix: &str,
        style: Style,
        layer: &BatchNorm<F>,
    ) -> Result<()> {
        let vectors = [
            layer.gamma.as_ref(),
            layer.beta.as_ref(),
            Some(&layer.running_mean),
            Some(&layer.running_var),
        ];
        let named = || style.vectors(prefix).into_iter().zip(vectors);
        for (name, vector) in named() {
            let got = vector.map_or(layer.channels(), Array1::len);
            if got != layer.channels() {
                return Err(Error::Length { name, need: layer.channels(), got });
            }
        }
        for (name, vector) in named() {
            match vector {
                Some(vector) => self.insert(&name, vector),
                None => drop(self.0.remove(&name)),
            }
        }
        if let Some(name) = style.batches(prefix) {
            let batches = i64::try_from(layer.batches()).unwrap_or(i64::MAX);
            let bytes = batches.to_le_bytes().to_vec();
            self.0.insert(name, Tensor { dtype: Dtype::I64, shape: Vec::new(), bytes });
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.get(name).ok_or_else(|| Error::Missing { name: name.into() })
    }

    /// A vector of finite numbers.
    fn finite<F: Element>(&self, name: &str) -> Result<Array1<F>> {
        let vector: Array1<F> = self.array(name)?;
        match vector.iter().position(|v| !v.is_finite()) {
            None => Ok(vector),
            Some(index) => {
                Err(Error::Value { name: name.into(), index, got: vector[index].to_f64() })
            }
        }
    }

    /// A single whole number that counts something.
    fn count(&self, name: &str) -> Result<usize> {
        let tensor = self.get(name)?;
        if tensor.dtype != Dtype::I64 {
            return Err(tensor.is_not(name, "I64"));
        }
        let [count] = words(&tensor.bytes, i64::from_le_bytes)[..] else {
            return Err(Error::Rank { name: name.into(), need: 0, got: tensor.shape.clone() });
        };
        let value = |_| Error::Value { name: name.into(), index: 0, got: count as f64 };
        usize::try_from(count).map_err(value)
    }
}

impl Tensor {
    fn is_not(&self, name: &str, need: &'static str) -> Error {
        Error::Dtype { name: name.into(), need, got: self.dtype.to_string() }
    }
}

fn file_error(error: safetensors::SafeTensorError) -> Error {
    Error::File { cause: error.to_string() }
}

//! What can be wrong with the arguments. Every variant carries the numbers, so that the message says
//! not only *that* something does not fit but *what* does not fit *what*.

use std::fmt;

/// The error of every fallible function of this crate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The input has fewer axes than the layer needs: `[N, C]` is the least for batch normalization.
    Rank {
        /// The least number of axes.
        need: usize,
        /// The number of axes of the input.
        got: usize,
    },
    /// The input has no element: an axis of length zero.
    Empty {
        /// The shape of the input.
        shape: Vec<usize>,
    },
    /// A vector or an axis does not have one element for each channel.
    Length {
        /// Which vector or axis, in the names of the field: `"gamma"`, `"channels"`, …
        what: &'static str,
        /// The length that fits the rest.
        need: usize,
        /// The length given.
        got: usize,
    },
    /// Two tensors that must have the same shape do not: usually `dy` and the output it belongs to.
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape that fits the rest.
        need: Vec<usize>,
        /// The shape given.
        got: Vec<usize>,
    },
    /// Statistics over too few values. In training one value per channel is too few: it *is* its own
    /// mean, and its normalized value is 0 whatever it was.
    TooFewValues {
        /// The least number of values.
        need: usize,
        /// The number of values that share a mean.
        got: usize,
    },
    /// ε is negative, infinite or not a number.
    Eps {
        /// The ε given.
        got: f64,
    },
    /// The momentum (weight of the new value in a running average) is not within `[0, 1]`.
    Momentum {
        /// The momentum given.
        got: f64,
    },
    /// All values that share a mean are equal, and ε is 0: `0/0`, which no convention makes right.
    ZeroVariance {
        /// Which channel (or, for other layers, which group of values), counted from 0.
        channel: usize,
    },
    /// A running variance that is negative or not a number, or 0 with ε = 0, cannot be divided by.
    RunningVariance {
        /// Which channel, counted from 0.
        channel: usize,
        /// Its running variance.
        got: f64,
        /// The ε of the layer.
        eps: f64,
    },
    /// A running standard deviation that is not a positive number cannot be divided by.
    RunningStd {
        /// Which channel, counted from 0.
        channel: usize,
        /// Its running standard deviation.
        got: f64,
    },
    /// A bound below the least that leaves anything within it.
    Bound {
        /// Which bound.
        what: &'static str,
        /// The least it can be.
        least: f64,
        /// The bound given.
        got: f64,
    },
    /// The groups of a convolution do not divide its channels.
    Groups {
        /// How many groups.
        groups: usize,
        /// How many channels, of the input or of the output.
        channels: usize,
    },
    /// A convolution's window does not fit: it is larger than the padded input, or has no element, or
    /// moves by a stride of 0.
    Window {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Height and width of the input, padding included.
        input: [usize; 2],
        /// By how much the window moves.
        stride: usize,
    },
    /// A layer before a padded convolution cannot be folded into it: at the border the convolution
    /// sees zeros, which that layer has never touched.
    Padding {
        /// How many zeros the convolution pads its input with, on every side.
        got: usize,
    },
    /// An affine map before a transposed convolution cannot be folded into it: at some outputs a part of
    /// the window sees no pixel, and there the map's shift would not arrive.
    Transposed {
        /// By how much the window moves.
        stride: usize,
        /// How much is cut off the output, on every side.
        padding: usize,
        /// The least padding that cuts off all outputs of which a part of the window sees no pixel.
        need: usize,
    },
    /// A row of weights is zero: it has no direction to normalize.
    ZeroRow {
        /// Which row, counted from 0.
        row: usize,
    },
    /// The weights are zero, or take the vector of the power iteration to zero: no singular value to
    /// divide by has been found.
    ZeroMatrix {
        /// How many rows the weights have, as a matrix.
        rows: usize,
        /// How many columns.
        columns: usize,
    },
    /// A residual network needs a branch, and a branch that Fixup can scale needs two layers.
    Branches {
        /// How many residual branches.
        branches: usize,
        /// How many layers there are in each.
        layers: usize,
    },
    /// Something does not fit one of the layers of a model.
    Layer {
        /// Which layer, counted from 0.
        index: usize,
        /// What does not fit.
        error: Box<Error>,
    },
    /// A label that is not the number of a class.
    Label {
        /// Which sample, counted from 0.
        sample: usize,
        /// Its label.
        got: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A probability, or a weight that averages, that is not within `[0, 1)`.
    Fraction {
        /// Which number.
        what: &'static str,
        /// The number given.
        got: f64,
    },
    /// A learning rate, weight decay or standard deviation that is negative, infinite or not a number.
    Negative {
        /// Which number.
        what: &'static str,
        /// The number given.
        got: f64,
    },
}

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rank { need, got } => write!(f, "need at least {need} axes, got {got}"),
            Error::Empty { shape } => write!(f, "the shape {shape:?} has no element"),
            Error::Length { what, need, got } => write!(f, "{what}: need {need}, got {got}"),
            Error::Shape { what, need, got } => {
                write!(f, "{what}: need the shape {need:?}, got {got:?}")
            }
            Error::TooFewValues { need, got } => {
                write!(f, "need at least {need} values per mean, got {got}")
            }
            Error::Eps { got } => write!(f, "eps must be finite and not negative, got {got}"),
            Error::Momentum { got } => write!(f, "momentum must be within [0, 1], got {got}"),
            Error::ZeroVariance { channel } => {
                write!(f, "channel {channel} is constant and eps is 0: nothing to divide by")
            }
            Error::Groups { groups, channels } => {
                write!(f, "{groups} groups do not divide {channels} channels")
            }
            Error::Window { kernel, input, stride } => write!(
                f,
                "a window of {kernel:?} with stride {stride} does not fit a padded input of {input:?}"
            ),
            Error::Padding { got } => write!(
                f,
                "cannot fold into a convolution behind with padding {got}: exact only with padding 0"
            ),
            Error::Transposed { stride, padding, need } => write!(
                f,
                "cannot fold into a transposed convolution behind with stride {stride} and padding \
                 {padding}: exact only with stride 1 and padding {need} or more"
            ),
            Error::ZeroRow { row } => {
                write!(f, "row {row} of the weights is zero: it has no direction")
            }
            Error::ZeroMatrix { rows, columns } => write!(
                f,
                "the {rows} x {columns} weights take the vector of the power iteration to zero: no \
                 singular value to divide by"
            ),
            Error::Branches { branches, layers } => {
                write!(f, "need at least 1 branch of at least 2 layers, got {branches} of {layers}")
            }
            Error::Layer { index, error } => write!(f, "layer {index}: {error}"),
            Error::Label { sample, got, classes } => {
                write!(f, "sample {sample} has the label {got}, and there are {classes} classes")
            }
            Error::Fraction { what, got } => {
                write!(f, "{what} must be at least 0 and below 1, got {got}")
            }
            Error::Negative { what, got } => {
                write!(f, "{what} must be finite and not negative, got {got}")
            }
            Error::RunningStd { channel, got } => write!(
                f,
                "the running standard deviation {got} of channel {channel} cannot be divided by"
            ),
            Error::Bound { what, least, got } => {
                write!(f, "{what} must be at least {least}, got {got}")
            }
            Error::RunningVariance { channel, got, eps } => write!(
                f,
                "the running variance {got} of channel {channel} (eps {eps}) cannot be divided by"
            ),
        }
    }
}

impl std::error::Error for Error {}

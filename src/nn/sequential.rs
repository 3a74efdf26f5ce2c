//! Layers one after the other.

use super::activation::{self, Activation};
use super::conv2d::{self, Conv2d};
use super::dropout::{self, Dropout};
use super::linear::{self, Linear};
use super::random::Random;
use super::real::Real;
use super::sgd::Momentum;
use crate::affine::Affine;
use crate::batch_norm::BatchNorm;
use crate::error::{Error, Result};
use crate::group_norm::GroupNorm;
use crate::layer_norm::LayerNorm;
use crate::norm::{self, check_length, check_shape};
use crate::rms_norm::RmsNorm;
use crate::scalar::Scalar;
use ndarray::{Array1, ArrayD, ArrayRef, ArrayViewMutD, Dimension, IxDyn};
use std::fmt;

/// One layer of a [`Sequential`] model.
#[derive(Clone, Debug)]
pub enum Layer<F> {
    /// Every sample becomes a row of features.
    Flatten,
    /// See [`Linear`].
    Linear(Linear<F>),
    /// See [`Conv2d`].
    Conv2d(Conv2d<F>),
    /// See [`BatchNorm`].
    BatchNorm(BatchNorm<F>),
    /// See [`LayerNorm`].
    LayerNorm(LayerNorm<F>),
    /// See [`GroupNorm`].
    GroupNorm(GroupNorm<F>),
    /// See [`RmsNorm`].
    RmsNorm(RmsNorm<F>),
    /// See [`Activation`].
    Activation(Activation),
    /// See [`Dropout`].
    Dropout(Dropout),
}

/// A model in training: layers one after the other.
///
/// [`train`](Self::train) is the forward pass of training: batch normalization goes by the batch and
/// moves its running statistics, and dropout drops. Its tape goes [`backward`](Tape::backward), and
/// [`step`](Self::step) moves the parameters. [`freeze`](Self::freeze) gives the model of use, which is
/// another type: it cannot be trained, and this one cannot be used by mistake.
///
/// ```
/// use batchnorm::batch_norm::BatchNorm;
/// use batchnorm::nn::activation::Activation;
/// use batchnorm::nn::loss::softmax_cross_entropy;
/// use batchnorm::nn::sequential::{Layer, Sequential};
/// use batchnorm::nn::{init::Init, linear::Linear, random::Random, sgd::Momentum};
/// use ndarray::{array, Ix2};
///
/// let mut random = Random::new(0);
/// let mut model = Sequential::new(&[2], vec![
///     Layer::Linear(Linear::<f64>::random((2, 8), false, Init::He, &mut random)?),
///     Layer::BatchNorm(BatchNorm::new(8)),
///     Layer::Activation(Activation::Relu),
///     Layer::Linear(Linear::random((8, 2), true, Init::He, &mut random)?),
/// ])?;
/// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].into_dyn();
/// let labels = [0, 1, 1, 0];                                       // exclusive or
/// let mut sgd = Momentum::new(0.1, 0.9, 1e-4)?;
/// for _ in 0..100 {
///     let (y, tape) = model.train(x.clone(), &mut random)?;
///     let (_, dy) = softmax_cross_entropy(&y.into_dimensionality::<Ix2>().unwrap(), &labels)?;
///     let gradients = tape.backward(&dy.into_dyn())?;
///     model.step(&gradients, &mut sgd)?;
/// }
/// let y = model.freeze()?.apply(&x)?;
/// assert!(labels.iter().enumerate().all(|(n, &label)| y[[n, label]] > y[[n, 1 - label]]));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential<F> {
    input: Vec<usize>,
    layers: Vec<Layer<F>>,
}

/// What the backward pass needs of the forward pass. As long as it lives, the model stays as it is.
#[derive(Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<'a, F: Scalar> {
    layers: Vec<LayerTape<'a, F>>,
}

#[derive(Debug)]
enum LayerTape<'a, F: Scalar> {
    Flatten(Vec<usize>),
    Linear(linear::Tape<'a, F>),
    Conv2d(conv2d::Tape<'a, F>),
    /// With whether the layer has a γ, and a β.
    Norm(norm::Tape<F, IxDyn>, [bool; 2]),
    Activation(activation::Tape<F, IxDyn>),
    Dropout(dropout::Tape<IxDyn>),
}

/// The gradients of the loss with respect to the input and all parameters of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F> {
    /// ∂L/∂x, in the shape of x.
    pub x: ArrayD<F>,
    /// For each layer, those of its parameters, in the order of [`Layer::parameters_mut`].
    pub layers: Vec<Vec<ArrayD<F>>>,
}

/// Some of a layer's parameters, for a step.
#[derive(Debug)]
pub struct Parameter<'a, F> {
    /// Their values.
    pub values: ArrayViewMutD<'a, F>,
    /// Whether weight decay is for them: for weights, and not for biases, γ and β (see [`Momentum`]).
    pub decays: bool,
}

impl<F: Real> Layer<F> {
    /// What the layer learns: weights, then biases; or γ, then β.
    pub fn parameters_mut(&mut self) -> Vec<Parameter<'_, F>> {
        fn of<F, D: Dimension>(values: &mut ArrayRef<F, D>, decays: bool) -> Parameter<'_, F> {
            Parameter { values: values.view_mut().into_dyn(), decays }
        }
        let (weight, others) = match self {
            Layer::Flatten | Layer::Activation(_) | Layer::Dropout(_) => (None, [None, None]),
            Layer::Linear(l) => (Some(of(&mut l.weight, true)), [l.bias.as_mut(), None]),
            Layer::Conv2d(l) => (Some(of(&mut l.weight, true)), [l.bias.as_mut(), None]),
            Layer::BatchNorm(l) => (None, [l.gamma.as_mut(), l.beta.as_mut()]),
            Layer::LayerNorm(l) => (None, [l.gamma.as_mut(), l.beta.as_mut()]),
            Layer::GroupNorm(l) => (None, [l.gamma.as_mut(), l.beta.as_mut()]),
            Layer::RmsNorm(l) => (None, [l.gamma.as_mut(), None]),
        };
        weight.into_iter().chain(others.into_iter().flatten().map(|v| of(v, false))).collect()
    }

    fn forward(
        &mut self,
        x: ArrayD<F>,
        random: &mut Random,
    ) -> Result<(ArrayD<F>, LayerTape<'_, F>)> {
        Ok(match self {
            Layer::Flatten => {
                let shape = x.shape().to_vec();
                (flat(x), LayerTape::Flatten(shape))
            }
            Layer::Linear(layer) => {
                let (y, tape) = layer.forward(axes(x)?)?;
                (y.into_dyn(), LayerTape::Linear(tape))
            }
            Layer::Conv2d(layer) => {
                let (y, tape) = layer.forward(axes(x)?)?;
                (y.into_dyn(), LayerTape::Conv2d(tape))
            }
            Layer::BatchNorm(layer) => normalized(layer.train(x)?, &layer.gamma, &layer.beta),
            Layer::LayerNorm(layer) => normalized(layer.forward(x)?, &layer.gamma, &layer.beta),
            Layer::GroupNorm(layer) => normalized(layer.forward(x)?, &layer.gamma, &layer.beta),
            Layer::RmsNorm(layer) => normalized(layer.forward(x)?, &layer.gamma, &None),
            Layer::Activation(activation) => {
                let (y, tape) = activation.forward(x);
                (y, LayerTape::Activation(tape))
            }
            Layer::Dropout(dropout) => {
                let (y, tape) = dropout.train(x, random);
                (y, LayerTape::Dropout(tape))
            }
        })
    }

    fn freeze(&self) -> Result<Option<Map<F>>> {
        Ok(Some(match self {
            Layer::Flatten => Map::Flatten,
            Layer::Linear(layer) => Map::Linear(layer.clone()),
            Layer::Conv2d(layer) => Map::Conv2d(layer.clone()),
            Layer::BatchNorm(layer) => Map::Affine(layer.freeze()?),
            Layer::LayerNorm(layer) => Map::LayerNorm(layer.clone()),
            Layer::GroupNorm(layer) => Map::GroupNorm(layer.clone()),
            Layer::RmsNorm(layer) => Map::RmsNorm(layer.clone()),
            Layer::Activation(activation) => Map::Activation(*activation),
            Layer::Dropout(_) => return Ok(None),
        }))
    }

    /// The shape of a sample behind the layer, for a sample of this shape before it.
    fn output(&self, sample: &[usize]) -> Result<Vec<usize>> {
        // As many samples as every layer can do with.
        let batch = [&[2], sample].concat();
        let (need, got) = (4, batch.len());
        match self {
            Layer::Flatten => return Ok(vec![sample.iter().product()]),
            Layer::Linear(layer) => {
                check_shape("input", &[layer.weight.ncols()], sample)?;
                return Ok(vec![layer.weight.nrows()]);
            }
            Layer::Conv2d(layer) => {
                let batch = batch.try_into().map_err(|_| Error::Rank { need, got })?;
                return Ok(layer.output_shape(batch)?[1..].to_vec());
            }
            Layer::BatchNorm(layer) => {
                let channels = sample.first().ok_or(Error::Rank { need: 2, got })?;
                check_length("channels", layer.channels(), *channels)?;
            }
            Layer::LayerNorm(layer) => drop(layer.plan(&batch)?),
            Layer::GroupNorm(layer) => drop(layer.plan(&batch)?),
            Layer::RmsNorm(layer) => drop(layer.plan(&batch)?),
            Layer::Activation(_) | Layer::Dropout(_) => {}
        }
        Ok(sample.to_vec())
    }

    fn name(&self) -> &'static str {
        match self {
            Layer::Flatten => "Flatten",
            Layer::Linear(_) => "Linear",
            Layer::Conv2d(_) => "Conv2d",
            Layer::BatchNorm(_) => "BatchNorm",
            Layer::LayerNorm(_) => "LayerNorm",
            Layer::GroupNorm(_) => "GroupNorm",
            Layer::RmsNorm(_) => "RmsNorm",
            Layer::Activation(Activation::Sigmoid) => "Sigmoid",
            Layer::Activation(Activation::Relu) => "ReLU",
            Layer::Activation(Activation::Tanh) => "tanh",
            Layer::Activation(Activation::Elu) => "ELU",
            Layer::Dropout(_) => "Dropout",
        }
    }

    /// Numbers of parameters: those that descent moves, and those that follow the data.
    fn count(&self) -> [usize; 2] {
        let of = |v: &Option<Array1<F>>| v.as_ref().map_or(0, Array1::len);
        match self {
            Layer::Flatten | Layer::Activation(_) | Layer::Dropout(_) => [0, 0],
            Layer::Linear(l) => [l.weight.len() + of(&l.bias), 0],
            Layer::Conv2d(l) => [l.weight.len() + of(&l.bias), 0],
            Layer::BatchNorm(l) => {
                [of(&l.gamma) + of(&l.beta), l.running_mean.len() + l.running_var.len()]
            }
            Layer::LayerNorm(l) => [of(&l.gamma) + of(&l.beta), 0],
            Layer::GroupNorm(l) => [of(&l.gamma) + of(&l.beta), 0],
            Layer::RmsNorm(l) => [of(&l.gamma), 0],
        }
    }
}

impl<F: Real> Sequential<F> {
    /// A model for samples of shape `input`: without the axis of the batch, as `[C, H, W]` or
    /// `[features]`.
    ///
    /// # Errors
    /// [`Error::Layer`] with the number of the first layer that does not fit the one before it.
    pub fn new(input: &[usize], layers: Vec<Layer<F>>) -> Result<Self> {
        let model = Sequential { input: input.to_vec(), layers };
        model.shapes()?;
        Ok(model)
    }

    /// The layers.
    pub fn layers(&self) -> &[Layer<F>] {
        &self.layers
    }

    /// The layers, to be changed. What does not fit afterwards is an error where it is used.
    pub fn layers_mut(&mut self) -> &mut [Layer<F>] {
        &mut self.layers
    }

    /// The training forward pass for x of shape `[N, …]`: the output, and the tape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the samples of x are not those of the model; [`Error::Layer`] with the error of
    /// a layer, where the running statistics of those before it have moved.
    pub fn train(&mut self, x: ArrayD<F>, random: &mut Random) -> Result<(ArrayD<F>, Tape<'_, F>)> {
        check_input(&self.input, x.shape())?;
        let (mut y, mut tape) = (x, Tape { layers: Vec::new() });
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (next, of_layer) = layer.forward(y, random).map_err(in_layer(index))?;
            tape.layers.push(of_layer);
            y = next;
        }
        Ok((y, tape))
    }

    /// Moves all parameters against their gradients, with weight decay for those that it is for.
    ///
    /// # Errors
    /// [`Error::Length`] if the gradients are not one list for each layer, and in it one for each
    /// parameter; [`Error::Layer`] with [`Error::Shape`] if one of them has another shape, where the
    /// parameters before it have moved.
    pub fn step(&mut self, gradients: &Gradients<F>, sgd: &mut Momentum<F>) -> Result<()> {
        check_length("layers of the gradients", self.layers.len(), gradients.layers.len())?;
        let mut step = sgd.step();
        let layers = self.layers.iter_mut().zip(&gradients.layers);
        for (index, (layer, gradients)) in layers.enumerate() {
            let parameters = layer.parameters_mut();
            check_length("gradients", parameters.len(), gradients.len())
                .map_err(in_layer(index))?;
            for (mut parameter, gradient) in parameters.into_iter().zip(gradients) {
                match parameter.decays {
                    true => step.decayed(&mut parameter.values, gradient),
                    false => step.exempt(&mut parameter.values, gradient),
                }
                .map_err(in_layer(index))?;
            }
        }
        Ok(())
    }

    /// The model in use: batch normalization by the running statistics, and nothing dropped.
    ///
    /// # Errors
    /// [`Error::Layer`] with the error of [`BatchNorm::freeze`].
    pub fn freeze(&self) -> Result<Frozen<F>> {
        let freeze = |(index, layer): (usize, &Layer<F>)| {
            layer.freeze().map(|map| Some((index, map?))).map_err(in_layer(index)).transpose()
        };
        let maps = self.layers.iter().enumerate().filter_map(freeze).collect::<Result<_>>()?;
        Ok(Frozen { input: self.input.clone(), maps })
    }

    /// The layers with the shapes of what they put out and their numbers of parameters.
    ///
    /// # Errors
    /// As [`new`](Self::new), if a layer has been changed.
    pub fn summary(&self) -> Result<Summary> {
        let row = |(layer, output): (&Layer<F>, Vec<usize>)| {
            let [trained, not_trained] = layer.count();
            Row { layer: layer.name(), output, trained, not_trained }
        };
        Ok(Summary { rows: self.layers.iter().zip(self.shapes()?).map(row).collect() })
    }

    /// The shape of a sample behind each layer.
    fn shapes(&self) -> Result<Vec<Vec<usize>>> {
        let next = |shape: &mut Vec<usize>, (index, layer): (usize, &Layer<F>)| {
            let output = layer.output(shape).map_err(in_layer(index));
            if let Ok(output) = &output {
                shape.clone_from(output);
            }
            Some(output)
        };
        self.layers.iter().enumerate().scan(self.input.clone(), next).collect()
    }
}

impl<F: Real> Tape<'_, F> {
    /// The gradients, for ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Layer`] with [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn backward(self, dy: &ArrayRef<F, IxDyn>) -> Result<Gradients<F>> {
        let (mut x, mut layers) = (dy.to_owned(), Vec::new());
        for (index, tape) in self.layers.into_iter().enumerate().rev() {
            let (dx, parameters) = tape.backward(x).map_err(in_layer(index))?;
            layers.push(parameters);
            x = dx;
        }
        layers.reverse();
        Ok(Gradients { x, layers })
    }
}

impl<F: Real> LayerTape<'_, F> {
    fn backward(self, dy: ArrayD<F>) -> Result<(ArrayD<F>, Vec<ArrayD<F>>)> {
        let some = |v: Option<Array1<F>>| v.map(Array1::into_dyn);
        Ok(match self {
            LayerTape::Flatten(shape) => {
                let features = shape[1..].iter().product();
                check_shape("dy", &[shape[0], features], dy.shape())?;
                (reshaped(dy, &shape), Vec::new())
            }
            LayerTape::Linear(tape) => {
                let g = tape.backward(&axes(dy)?)?;
                let parameters = [Some(g.weight.into_dyn()), some(g.bias)];
                (g.x.into_dyn(), parameters.into_iter().flatten().collect())
            }
            LayerTape::Conv2d(tape) => {
                let g = tape.backward(&axes(dy)?)?;
                let parameters = [Some(g.weight.into_dyn()), some(g.bias)];
                (g.x.into_dyn(), parameters.into_iter().flatten().collect())
            }
            LayerTape::Norm(tape, has) => {
                let g = tape.backward(&dy)?;
                let parameters = [g.gamma, g.beta].into_iter().zip(has);
                let learned = parameters.filter(|(_, has)| *has).map(|(g, _)| g.into_dyn());
                (g.x, learned.collect())
            }
            LayerTape::Activation(tape) => (tape.backward(&dy)?, Vec::new()),
            LayerTape::Dropout(tape) => (tape.backward(&dy)?, Vec::new()),
        })
    }
}

/// A model in use: it maps every sample by itself, and there is nothing left to train.
#[derive(Clone, Debug)]
pub struct Frozen<F: Scalar> {
    input: Vec<usize>,
    /// Each with the number of the layer that it was.
    maps: Vec<(usize, Map<F>)>,
}

/// A layer in use.
#[derive(Clone, Debug)]
enum Map<F: Scalar> {
    Flatten,
    Linear(Linear<F>),
    Conv2d(Conv2d<F>),
    Affine(Affine<F>),
    LayerNorm(LayerNorm<F>),
    GroupNorm(GroupNorm<F>),
    RmsNorm(RmsNorm<F>),
    Activation(Activation),
}

impl<F: Real> Frozen<F> {
    /// y, for x of shape `[N, …]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the samples of x are not those of the model, [`Error::Layer`] with the error of
    /// a layer.
    pub fn apply(&self, x: &ArrayRef<F, IxDyn>) -> Result<ArrayD<F>> {
        check_input(&self.input, x.shape())?;
        let next = |y, (index, map): &(usize, Map<F>)| map.apply(y).map_err(in_layer(*index));
        self.maps.iter().try_fold(x.to_owned(), next)
    }
}

impl<F: Real> Map<F> {
    fn apply(&self, x: ArrayD<F>) -> Result<ArrayD<F>> {
        Ok(match self {
            Map::Flatten => flat(x),
            Map::Linear(layer) => layer.apply(&axes(x)?)?.into_dyn(),
            Map::Conv2d(layer) => layer.apply(&axes(x)?)?.into_dyn(),
            Map::Affine(map) => map.apply(&x)?,
            Map::LayerNorm(layer) => layer.forward(x)?.0,
            Map::GroupNorm(layer) => layer.forward(x)?.0,
            Map::RmsNorm(layer) => layer.forward(x)?.0,
            Map::Activation(activation) => activation.apply(x),
        })
    }
}

/// The layers of a model, with the shapes of what they put out and their numbers of parameters.
///
/// Printed, it is a table with a last row for the whole model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One for each layer.
    pub rows: Vec<Row>,
}

/// One layer of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What kind of layer it is.
    pub layer: &'static str,
    /// The shape of a sample behind it.
    pub output: Vec<usize>,
    /// How many parameters descent moves.
    pub trained: usize,
    /// How many follow the data instead: the running statistics of batch normalization.
    pub not_trained: usize,
}

impl Row {
    /// How many parameters the layer has.
    pub fn total(&self) -> usize {
        self.trained + self.not_trained
    }
}

impl Summary {
    /// How many parameters the model has.
    pub fn total(&self) -> usize {
        self.rows.iter().map(Row::total).sum()
    }

    /// How many of them descent moves.
    pub fn trained(&self) -> usize {
        self.rows.iter().map(|row| row.trained).sum()
    }

    /// How many of them follow the data instead.
    pub fn not_trained(&self) -> usize {
        self.rows.iter().map(|row| row.not_trained).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |layer: &str, shape: &str, counts: [String; 3]| {
            let [total, trained, not_trained] = counts;
            writeln!(f, "{layer:<12}{shape:<20}{total:>12}{trained:>12}{not_trained:>14}")
        };
        line("layer", "output", ["parameters", "trained", "not trained"].map(String::from))?;
        for row in &self.rows {
            let axes: Vec<String> = row.output.iter().map(usize::to_string).collect();
            let counts = [row.total(), row.trained, row.not_trained].map(thousands);
            line(row.layer, &format!("(N, {})", axes.join(", ")), counts)?;
        }
        line("in all", "", [self.total(), self.trained(), self.not_trained()].map(thousands))
    }
}

/// 271346 as 271,346.
fn thousands(n: usize) -> String {
    match n {
        0..1000 => n.to_string(),
        _ => format!("{},{:03}", thousands(n / 1000), n % 1000),
    }
}

fn in_layer(index: usize) -> impl Fn(Error) -> Error {
    move |error| Error::Layer { index, error: Box::new(error) }
}

fn check_input(sample: &[usize], x: &[usize]) -> Result<()> {
    let need = [&x[..x.len().min(1)], sample].concat();
    if x.is_empty() { Err(Error::Rank { need: 1, got: 0 }) } else { check_shape("x", &need, x) }
}

/// As an array of so many axes.
fn axes<F, D: Dimension>(x: ArrayD<F>) -> Result<ndarray::Array<F, D>> {
    let got = x.ndim();
    x.into_dimensionality().map_err(|_| Error::Rank { need: D::NDIM.unwrap_or(0), got })
}

fn flat<F: Real>(x: ArrayD<F>) -> ArrayD<F> {
    let features = x.shape()[1..].iter().product();
    let shape = [x.shape()[0], features];
    reshaped(x, &shape)
}

fn reshaped<F: Real>(x: ArrayD<F>, shape: &[usize]) -> ArrayD<F> {
    let x = x.as_standard_layout().into_owned();
    x.into_shape_with_order(shape).expect("as many elements")
}

/// What a normalization layer hands on, and whether it has γ and β to learn.
fn normalized<'a, F: Scalar>(
    (y, tape): (ArrayD<F>, norm::Tape<F, IxDyn>),
    gamma: &Option<Array1<F>>,
    beta: &Option<Array1<F>>,
) -> (ArrayD<F>, LayerTape<'a, F>) {
    (y, LayerTape::Norm(tape, [gamma.is_some(), beta.is_some()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_norm::Config;
    use crate::nn::conv2d::Window;
    use crate::nn::init::Init;
    use crate::nn::testing::{check_gradient, draw};
    use ndarray::Array2;

    /// Every kind of layer, for images of 2 channels, 6 × 5. (ε is large where differences are taken of the
    /// whole: the third derivative, which is their error, grows as the variance of a channel falls.)
    fn every_layer() -> Sequential<f64> {
        let mut random = Random::new(0);
        let window = Window { stride: 1, padding: 1, groups: 2 };
        let mut group_norm = GroupNorm::new(2, 4, 0.5).unwrap();
        group_norm.gamma = Some(draw([4], 10));
        group_norm.beta = None;
        let config = Config { eps: 0.5, ..Config::default() };
        let mut batch_norm = BatchNorm::with(7, config).unwrap();
        batch_norm.gamma = Some(draw([7], 11));
        let conv = Conv2d::random([4, 1, 3, 2], true, window, Init::He, &mut random).unwrap();
        let into = Linear::random((4 * 6 * 6, 7), true, Init::Xavier, &mut random).unwrap();
        let out = Linear::random((7, 3), false, Init::Xavier, &mut random).unwrap();
        let layers = vec![
            Layer::Conv2d(conv),
            Layer::GroupNorm(group_norm),
            Layer::Activation(Activation::Elu),
            Layer::Flatten,
            Layer::Dropout(Dropout::new(0.2).unwrap()),
            Layer::Linear(into),
            Layer::BatchNorm(batch_norm),
            Layer::Activation(Activation::Tanh),
            Layer::LayerNorm(LayerNorm::new(7, 0.5).unwrap()),
            Layer::Linear(out),
            Layer::RmsNorm(RmsNorm::new(3, 0.5).unwrap()),
        ];
        Sequential::new(&[2, 6, 5], layers).unwrap()
    }

    fn output(mut model: Sequential<f64>, x: &ArrayD<f64>) -> ArrayD<f64> {
        // The same seed, and so the same mask, each time.
        model.train(x.clone(), &mut Random::new(9)).unwrap().0
    }

    #[test]
    fn gradients_are_central_differences() {
        let mut model = every_layer();
        let (x, dy) = (draw([4, 2, 6, 5], 1).into_dyn(), draw([4, 3], 2).into_dyn());
        let before = model.clone();
        let (_, tape) = model.train(x.clone(), &mut Random::new(9)).unwrap();
        let gradients = tape.backward(&dy).unwrap();
        check_gradient(&x, &gradients.x, &dy, |x| output(before.clone(), x));
        let counts: Vec<_> = gradients.layers.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 2, 2, 0, 2, 1, 1]);
        for (index, of_layer) in gradients.layers.iter().enumerate() {
            for (which, gradient) in of_layer.iter().enumerate() {
                let mut model = before.clone();
                let at = model.layers[index].parameters_mut()[which].values.to_owned();
                check_gradient(&at, gradient, &dy, |values| {
                    let mut model = before.clone();
                    model.layers[index].parameters_mut()[which].values.assign(values);
                    output(model, &x)
                });
            }
        }
    }

    #[test]
    fn a_step_decays_weights_alone() {
        let mut model = every_layer();
        let (_, tape) = model.train(draw([4, 2, 6, 5], 1).into_dyn(), &mut Random::new(9)).unwrap();
        let mut gradients = tape.backward(&draw([4, 3], 2).into_dyn()).unwrap();
        gradients.layers.iter_mut().flatten().for_each(|g| g.fill(0.0));
        let before = model.clone();
        model.step(&gradients, &mut Momentum::new(0.5, 0.9, 0.5).unwrap()).unwrap();
        for (mut after, mut before) in model.layers.into_iter().zip(before.layers) {
            for (after, before) in after.parameters_mut().iter().zip(before.parameters_mut()) {
                let factor = if before.values.ndim() > 1 { 0.75 } else { 1.0 };
                assert_eq!(after.values, before.values.to_owned() * factor);
            }
        }
    }

    #[test]
    fn frozen_it_is_the_layers_by_hand() {
        let mut model = every_layer();
        for seed in 0..3 {
            let x = draw([4, 2, 6, 5], seed).into_dyn();
            drop(model.train(x, &mut Random::new(seed)).unwrap());
        }
        let x = draw([1, 2, 6, 5], 7).into_dyn();
        let mut by_hand = x.clone();
        for layer in &model.layers {
            by_hand = match layer {
                Layer::Dropout(_) => by_hand,
                Layer::BatchNorm(bn) => bn.freeze().unwrap().apply(&by_hand).unwrap(),
                other => other.clone().forward(by_hand, &mut Random::new(0)).unwrap().0,
            };
        }
        assert_eq!(model.freeze().unwrap().apply(&x).unwrap(), by_hand);
    }

    #[test]
    fn summary_counts() {
        let summary = every_layer().summary().unwrap();
        let rows: Vec<_> = summary
            .rows
            .iter()
            .map(|r| (r.layer, &r.output[..], r.trained, r.not_trained))
            .collect();
        let shape: &[usize] = &[4, 6, 6];
        assert_eq!(
            rows,
            [
                ("Conv2d", shape, 4 * 6 + 4, 0),
                ("GroupNorm", shape, 4, 0),
                ("ELU", shape, 0, 0),
                ("Flatten", &[144], 0, 0),
                ("Dropout", &[144], 0, 0),
                ("Linear", &[7], 144 * 7 + 7, 0),
                ("BatchNorm", &[7], 14, 14),
                ("tanh", &[7], 0, 0),
                ("LayerNorm", &[7], 14, 0),
                ("Linear", &[3], 21, 0),
                ("RmsNorm", &[3], 3, 0),
            ]
        );
        assert_eq!(
            (summary.total(), summary.not_trained()),
            (28 + 4 + 1015 + 28 + 14 + 21 + 3, 14)
        );
        let text = summary.to_string();
        let last: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["in", "all", "1,113", "1,099", "14"], "{text}");
        assert_eq!([0, 999, 1000, 1_002_003].map(thousands), ["0", "999", "1,000", "1,002,003"]);
    }

    #[test]
    fn layers_that_do_not_fit_are_refused_by_number() {
        let linear = |i, o| Layer::Linear(Linear::<f64>::new(Array2::zeros((o, i)), None).unwrap());
        let new = |input: &[usize], layers| Sequential::new(input, layers).map(|_| ());
        let at = |index, error| Err(Error::Layer { index, error: Box::new(error) });
        let shape = |need: &[usize], got: &[usize]| Error::Shape {
            what: "input",
            need: need.to_vec(),
            got: got.to_vec(),
        };
        assert_eq!(new(&[3], vec![linear(3, 4), linear(5, 2)]), at(1, shape(&[5], &[4])));
        assert_eq!(new(&[2, 3], vec![linear(3, 4)]), at(0, shape(&[3], &[2, 3])));
        let bn = || Layer::BatchNorm(BatchNorm::new(3));
        let length = Error::Length { what: "channels", need: 3, got: 4 };
        assert_eq!(new(&[3], vec![bn(), linear(3, 4), bn()]), at(2, length.clone()));
        assert_eq!(new(&[], vec![bn()]), at(0, Error::Rank { need: 2, got: 1 }));
        let group_norm = Layer::GroupNorm(GroupNorm::new(1, 3, 0.1).unwrap());
        assert_eq!(new(&[4], vec![group_norm]), at(0, length));
        let rms_norm = Layer::RmsNorm(RmsNorm::new(3, 0.1).unwrap());
        let last = Error::Shape { what: "the last axis", need: vec![3], got: vec![4] };
        assert_eq!(new(&[4], vec![rms_norm]), at(0, last));
        let conv = Conv2d::new(ndarray::Array4::zeros((1, 1, 2, 2)), None, Window::default());
        let conv = Layer::Conv2d(conv.unwrap());
        assert_eq!(new(&[1, 5], vec![conv]), at(0, Error::Rank { need: 4, got: 3 }));

        let mut model = Sequential::new(&[3], vec![linear(3, 4)]).unwrap();
        let mut random = Random::new(0);
        let wrong = ArrayD::zeros(vec![2, 4]);
        let need = Error::Shape { what: "x", need: vec![2, 3], got: vec![2, 4] };
        assert_eq!(model.train(wrong.clone(), &mut random).unwrap_err(), need);
        assert_eq!(model.freeze().unwrap().apply(&wrong), Err(need));
        assert!(model.train(ArrayD::zeros(vec![]), &mut random).is_err());
        let (_, tape) = model.train(ArrayD::zeros(vec![2, 3]), &mut random).unwrap();
        let need = Error::Shape { what: "dy", need: vec![2, 4], got: vec![2, 3] };
        assert_eq!(tape.backward(&ArrayD::zeros(vec![2, 3])).map(|_| ()), at(0, need));
        let (_, tape) = model.train(ArrayD::zeros(vec![2, 3]), &mut random).unwrap();
        let mut gradients = tape.backward(&ArrayD::zeros(vec![2, 4])).unwrap();
        let mut sgd = Momentum::new(0.1, 0.0, 0.0).unwrap();
        gradients.layers[0].pop();
        let need = Error::Length { what: "gradients", need: 1, got: 0 };
        assert_eq!(model.step(&gradients, &mut sgd), at(0, need));
        gradients.layers.pop();
        let need = Error::Length { what: "layers of the gradients", need: 1, got: 0 };
        assert_eq!(model.step(&gradients, &mut sgd), Err(need));
    }
}

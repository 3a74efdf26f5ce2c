//! A convolutional network that normalizes per channel, per place, or not at all, and its gradient.

use batchnorm::affine::Affine;
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::error::Result;
use batchnorm::nn::activation::{self, Activation::Relu};
use batchnorm::nn::conv2d::{self, Conv2d, Window};
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use batchnorm::norm::Tape;
use ndarray::{Array2, Array3, Array4, ArrayD, ArrayRef4, ArrayViewMutD, Axis, Ix3, Ix4};
use serde::{Deserialize, Serialize};

/// Which values share a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// None: no normalization, and biases in its place.
    None,
    /// Those of a channel.
    Channel,
    /// Those of a channel at one place.
    Place,
}

/// ReLU(norm(convolution(x))).
#[derive(Clone, Debug)]
struct Stage<F> {
    convolution: Conv2d<F>,
    norm: Option<BatchNorm<F>>,
}

/// Two stages, the mean of each map, and a linear layer.
#[derive(Clone, Debug)]
pub struct Network<F> {
    stages: [Stage<F>; 2],
    head: Linear<F>,
}

struct StageTape<'a, F: Real> {
    convolution: conv2d::Tape<'a, F>,
    norm: Option<Tape<F, Ix3>>,
    relu: activation::Tape<F, Ix4>,
}

// ANCHOR: shared
/// A batch of maps as `[N, kept, others]`: what has the same `kept` shares a mean. There are C of
/// them for channels, and C·H·W for places.
fn shared<F>(x: Array4<F>, kept: usize) -> Array3<F> {
    let (n, c, h, w) = x.dim();
    x.into_shape_with_order((n, kept, c * h * w / kept)).expect("as many values")
}
// ANCHOR_END: shared

fn maps<F>(x: Array3<F>, shape: (usize, usize, usize, usize)) -> Array4<F> {
    x.into_shape_with_order(shape).expect("as many values")
}

impl<F: Real> Stage<F> {
    fn train(&mut self, x: Array4<F>) -> Result<(Array4<F>, StageTape<'_, F>)> {
        let (mut x, convolution) = self.convolution.forward(x)?;
        let mut norm = None;
        if let Some(bn) = &mut self.norm {
            let shape = x.dim();
            let (y, tape) = bn.train(shared(x, bn.channels()))?;
            (x, norm) = (maps(y, shape), Some(tape));
        }
        let (y, relu) = Relu.forward(x);
        Ok((y, StageTape { convolution, norm, relu }))
    }

    /// By the running statistics.
    fn apply(&self, x: &ArrayRef4<F>) -> Result<Array4<F>> {
        let mut x = self.convolution.apply(x)?;
        if let Some(bn) = &self.norm {
            let (shape, map): (_, Affine<F>) = (x.dim(), bn.freeze()?);
            x = maps(map.apply(&shared(x, map.channels()))?, shape);
        }
        Ok(Relu.apply(x))
    }

    /// w, then b; or w, then γ and β.
    fn parameters(&mut self) -> impl Iterator<Item = ArrayViewMutD<'_, F>> {
        let (gamma, beta) =
            self.norm.as_mut().map_or((None, None), |bn| (bn.gamma.as_mut(), bn.beta.as_mut()));
        let others = [self.convolution.bias.as_mut(), gamma, beta];
        let others = others.into_iter().flatten().map(|vector| vector.view_mut().into_dyn());
        [self.convolution.weight.view_mut().into_dyn()].into_iter().chain(others)
    }
}

impl<F: Real> StageTape<'_, F> {
    /// The gradient of the input, and those of the parameters in their order.
    fn backward(self, dy: Array4<F>) -> Result<(Array4<F>, Vec<ArrayD<F>>)> {
        let mut d = self.relu.backward(&dy)?;
        let mut norm = Vec::new();
        if let Some(tape) = self.norm {
            let (shape, kept) = (d.dim(), tape.moments().len());
            let gradients = tape.backward(&shared(d, kept))?;
            norm = vec![gradients.gamma.into_dyn(), gradients.beta.into_dyn()];
            d = maps(gradients.x, shape);
        }
        let gradients = self.convolution.backward(&d)?;
        let bias = gradients.bias.map(|bias| bias.into_dyn());
        let all = [gradients.weight.into_dyn()].into_iter().chain(bias).chain(norm);
        Ok((gradients.x, all.collect()))
    }
}

/// The mean of each map.
fn means<F: Real>(x: &Array4<F>) -> Array2<F> {
    let (n, c, h, w) = x.dim();
    let maps = x.to_shape((n, c, h * w)).expect("as many values");
    let sums = maps.fold_axis(Axis(2), F::ZERO, |sum, x| *sum + *x);
    sums.mapv(|sum| sum / F::from_f64((h * w) as f64))
}

impl<F: Real> Network<F> {
    /// For square images of `side` pixels; whatever the kind, the weights drawn are the same. The windows
    /// of 3 × 3 stay within the image, so that each stage takes two pixels of the side.
    pub fn new(
        [side, first, second, classes]: [usize; 4],
        kind: Kind,
        seed: u64,
    ) -> Result<Network<F>>
    where
        Config<F>: Default,
    {
        let random = &mut Random::new(seed);
        let mut stage = |from, to, side: usize| {
            let bias = kind == Kind::None;
            let window = Window::default();
            let convolution = Conv2d::random([to, from, 3, 3], bias, window, Init::He, random)?;
            let norm = match kind {
                Kind::None => None,
                Kind::Channel => Some(BatchNorm::new(to)),
                Kind::Place => Some(BatchNorm::new(to * side * side)),
            };
            Ok(Stage { convolution, norm })
        };
        let stages = [
            stage(1, first, side.saturating_sub(2))?,
            stage(first, second, side.saturating_sub(4))?,
        ];
        let head = Linear::random((second, classes), true, Init::Xavier, random)?;
        Ok(Network { stages, head })
    }

    /// The loss, and its gradient with respect to each of the parameters in their order. Moves the running
    /// statistics.
    pub fn gradient(&mut self, mut x: Array4<F>, labels: &[usize]) -> Result<(F, Vec<ArrayD<F>>)> {
        let mut tapes = Vec::new();
        for stage in &mut self.stages {
            let (y, tape) = stage.train(x)?;
            tapes.push(tape);
            x = y;
        }
        let (logits, head) = self.head.forward(means(&x))?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let gradients = head.backward(&dy)?;
        let bias = gradients.bias.map(|bias| bias.into_dyn());
        let mut all = vec![[gradients.weight.into_dyn()].into_iter().chain(bias).collect()];
        // Each value of a map has the same part in its mean.
        let share = F::ONE / F::from_f64((x.dim().2 * x.dim().3) as f64);
        let to_each = gradients.x.mapv(|d| d * share).insert_axis(Axis(2)).insert_axis(Axis(3));
        let mut d = to_each.broadcast(x.dim()).expect("the shape of the maps").to_owned();
        for tape in tapes.into_iter().rev() {
            let (dx, gradients) = tape.backward(d)?;
            all.push(gradients);
            d = dx;
        }
        Ok((loss, all.into_iter().rev().flatten().collect()))
    }

    /// Those of the stages, then those of the head.
    pub fn parameters(&mut self) -> Vec<ArrayViewMutD<'_, F>> {
        let bias = self.head.bias.as_mut().map(|bias| bias.view_mut().into_dyn());
        let head = [self.head.weight.view_mut().into_dyn()].into_iter().chain(bias);
        self.stages.iter_mut().flat_map(Stage::parameters).chain(head).collect()
    }

    /// How many numbers the normalization learns.
    pub fn scales_and_shifts(&self) -> usize {
        self.stages.iter().flat_map(|stage| &stage.norm).map(|bn| 2 * bn.channels()).sum()
    }

    /// w ← w − rate · gradient, for all parameters.
    pub fn step(&mut self, gradients: &[ArrayD<F>], rate: f64) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        let mut pairs = self.parameters().into_iter().zip(gradients);
        pairs.try_for_each(|(mut parameter, gradient)| sgd.step(&mut parameter, gradient))
    }

    /// By the running statistics.
    pub fn logits(&self, x: &ArrayRef4<F>) -> Result<Array2<F>> {
        let [first, second] = &self.stages;
        self.head.apply(&means(&second.apply(&first.apply(x)?)?))
    }
}

//! A residual network that normalizes before each branch and at the end, and its gradient.

use batchnorm::error::Result;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::activation::Activation::Relu;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::{self, Linear};
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use batchnorm::norm::Tape;
use batchnorm::rms_norm::RmsNorm;
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayViewMutD, Ix2};
use serde::{Deserialize, Serialize};

/// Which normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    None,
    Layer,
    Rms,
}

/// It, with its parameters: layer normalization has a β, RMS normalization has none.
#[derive(Clone, Debug)]
enum Norm<F> {
    None,
    Layer(LayerNorm<F>),
    Rms(RmsNorm<F>),
}

/// x + last(ReLU(first(norm(x)))).
#[derive(Clone, Debug)]
struct Block<F> {
    norm: Norm<F>,
    first: Linear<F>,
    last: Linear<F>,
}

/// head(norm(blocks(stem(x)))).
#[derive(Clone, Debug)]
pub struct Network<F> {
    pub stem: Linear<F>,
    blocks: Vec<Block<F>>,
    norm: Norm<F>,
    head: Linear<F>,
}

/// None, where there is no normalization.
type NormTape<F> = Option<Tape<F, Ix2>>;

impl<F: Real> Norm<F> {
    fn new(kind: Kind, features: usize) -> Result<Norm<F>> {
        let eps = F::from_f64(1e-5);
        Ok(match kind {
            Kind::None => Norm::None,
            Kind::Layer => Norm::Layer(LayerNorm::new(features, eps)?),
            Kind::Rms => Norm::Rms(RmsNorm::new(features, eps)?),
        })
    }

    fn forward(&self, x: Array2<F>) -> Result<(Array2<F>, NormTape<F>)> {
        let (y, tape) = match self {
            Norm::None => return Ok((x, None)),
            Norm::Layer(norm) => norm.forward(x)?,
            Norm::Rms(norm) => norm.forward(x)?,
        };
        Ok((y, Some(tape)))
    }

    /// The gradient of the input; those of γ and, where there is one, β go to the end of `all`.
    fn backward(
        &self,
        tape: NormTape<F>,
        dy: Array2<F>,
        all: &mut Vec<ArrayD<F>>,
    ) -> Result<Array2<F>> {
        let Some(tape) = tape else { return Ok(dy) };
        let gradients = tape.backward(&dy)?;
        if let Norm::Layer(_) = self {
            all.push(gradients.beta.into_dyn());
        }
        all.push(gradients.gamma.into_dyn());
        Ok(gradients.x)
    }

    fn parameters(&mut self) -> impl Iterator<Item = ArrayViewMutD<'_, F>> {
        let (gamma, beta) = match self {
            Norm::None => (None, None),
            Norm::Layer(norm) => (norm.gamma.as_mut(), norm.beta.as_mut()),
            Norm::Rms(norm) => (norm.gamma.as_mut(), None),
        };
        gamma.into_iter().chain(beta).map(|parameter| parameter.view_mut().into_dyn())
    }
}

fn backward<F: Real>(
    tape: linear::Tape<F>,
    dy: &ArrayRef2<F>,
    all: &mut Vec<ArrayD<F>>,
) -> Result<Array2<F>> {
    let gradients = tape.backward(dy)?;
    all.extend(gradients.bias.map(|bias| bias.into_dyn()));
    all.push(gradients.weight.into_dyn());
    Ok(gradients.x)
}

fn parameters<F: Real>(layer: &mut Linear<F>) -> impl Iterator<Item = ArrayViewMutD<'_, F>> {
    let bias = layer.bias.as_mut().map(|bias| bias.view_mut().into_dyn());
    [layer.weight.view_mut().into_dyn()].into_iter().chain(bias)
}

impl<F: Real> Network<F> {
    /// Whatever the kind, the weights drawn are the same.
    pub fn new(
        [pixels, width, blocks, classes]: [usize; 4],
        kind: Kind,
        seed: u64,
    ) -> Result<Network<F>> {
        let random = &mut Random::new(seed);
        let mut linear = |size| Linear::random(size, true, Init::He, random);
        let stem = linear((pixels, width))?;
        let mut block = || {
            let [first, last] = [linear((width, width))?, linear((width, width))?];
            Ok(Block { norm: Norm::new(kind, width)?, first, last })
        };
        let blocks = (0..blocks).map(|_| block()).collect::<Result<_>>()?;
        let head = Linear::random((width, classes), true, Init::Xavier, random)?;
        Ok(Network { stem, blocks, norm: Norm::new(kind, width)?, head })
    }

    /// The loss, and its gradient, with respect to each of the parameters in their order.
    pub fn gradient(&self, x: Array2<F>, labels: &[usize]) -> Result<(F, Vec<ArrayD<F>>)> {
        let (mut x, stem) = self.stem.forward(x)?;
        let mut tapes = Vec::new();
        for block in &self.blocks {
            let (a, norm) = block.norm.forward(x.clone())?;
            let (a, first) = block.first.forward(a)?;
            let (a, relu) = Relu.forward(a);
            let (a, last) = block.last.forward(a)?;
            x = x + a;
            tapes.push((block, norm, first, relu, last));
        }
        let (x, norm) = self.norm.forward(x)?;
        let (logits, head) = self.head.forward(x)?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let mut all = Vec::new();
        let d = backward(head, &dy, &mut all)?;
        let mut dx = self.norm.backward(norm, d, &mut all)?;
        for (block, norm, first, relu, last) in tapes.into_iter().rev() {
            let d = relu.backward(&backward(last, &dx, &mut all)?)?;
            let d = backward(first, &d, &mut all)?;
            dx = dx + block.norm.backward(norm, d, &mut all)?;
        }
        backward(stem, &dx, &mut all)?;
        all.reverse();
        Ok((loss, all))
    }

    /// Stem, blocks from the first to the last, norm and head; of each γ before β and W before b.
    pub fn parameters(&mut self) -> Vec<ArrayViewMutD<'_, F>> {
        let mut all: Vec<_> = parameters(&mut self.stem).collect();
        for Block { norm, first, last } in &mut self.blocks {
            all.extend(norm.parameters().chain(parameters(first)).chain(parameters(last)));
        }
        all.extend(self.norm.parameters().chain(parameters(&mut self.head)));
        all
    }

    /// w ← w − rate · gradient, for all parameters.
    pub fn step(&mut self, gradients: &[ArrayD<F>], rate: f64) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        let mut pairs = self.parameters().into_iter().zip(gradients);
        pairs.try_for_each(|(mut parameter, gradient)| sgd.step(&mut parameter, gradient))
    }

    /// What comes out of the last block.
    pub fn stream(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut x = self.stem.apply(x)?;
        for Block { norm, first, last } in &self.blocks {
            let (a, _) = norm.forward(x.clone())?;
            x = x + last.apply(&Relu.apply(first.apply(&a)?))?;
        }
        Ok(x)
    }

    /// What is made of that.
    pub fn logits(&self, stream: Array2<F>) -> Result<Array2<F>> {
        self.head.apply(&self.norm.forward(stream)?.0)
    }
}

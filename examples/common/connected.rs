//! A fully connected network with a normalization of one's own before each ReLU, and its gradient.

use super::steps::{Norm, Steps};
use batchnorm::error::Result;
use batchnorm::nn::activation::Activation::Relu;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayViewMutD};

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of a hidden layer: W, b, γ or β.
    Weight,
    Bias,
    Gamma,
    Beta,
    /// Of the last layer, W and b.
    Head,
}

/// One for each parameter, in their order.
pub type Gradients<F> = Vec<(Part, ArrayD<F>)>;

/// Hidden layers, each linear, normalized and with a ReLU, and a linear one.
#[derive(Clone, Debug)]
pub struct Network<F> {
    pub hidden: Vec<(Linear<F>, Norm<F>)>,
    pub head: Linear<F>,
}

impl<F: Real> Network<F> {
    /// So many hidden layers, with biases of 0 or without any. Whatever the normalization, the weights
    /// drawn are the same.
    pub fn new(
        [inputs, width, depth, classes]: [usize; 4],
        steps: Steps,
        bias: bool,
        seed: u64,
    ) -> Result<Network<F>> {
        let random = &mut Random::new(seed);
        let mut layer = |i| {
            let inputs = if i == 0 { inputs } else { width };
            let linear = Linear::random((inputs, width), bias, Init::He, random)?;
            Ok((linear, Norm::new(width, steps)))
        };
        let hidden = (0..depth).map(&mut layer).collect::<Result<_>>()?;
        Ok(Network { hidden, head: Linear::random((width, classes), true, Init::Xavier, random)? })
    }

    /// The loss in training, and its gradient.
    pub fn gradient(&mut self, mut x: Array2<F>, labels: &[usize]) -> Result<(F, Gradients<F>)> {
        let mut tapes = Vec::new();
        for (linear, norm) in &mut self.hidden {
            let (a, linear) = linear.forward(x)?;
            let (a, norm) = norm.train(a);
            let (y, relu) = Relu.forward(a);
            tapes.push((linear, norm, relu));
            x = y;
        }
        let (logits, head) = self.head.forward(x)?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let head = head.backward(&dy)?;
        let mut all: Vec<_> = head.bias.map(|b| (Part::Head, b.into_dyn())).into_iter().collect();
        all.push((Part::Head, head.weight.into_dyn()));
        let mut dx = head.x;
        for (linear, norm, relu) in tapes.into_iter().rev() {
            let norm = norm.backward(&relu.backward(&dx)?);
            let linear = linear.backward(&norm.x)?;
            all.extend(norm.beta.map(|beta| (Part::Beta, beta.into_dyn())));
            all.extend(norm.gamma.map(|gamma| (Part::Gamma, gamma.into_dyn())));
            all.extend(linear.bias.map(|bias| (Part::Bias, bias.into_dyn())));
            all.push((Part::Weight, linear.weight.into_dyn()));
            dx = linear.x;
        }
        all.reverse();
        Ok((loss, all))
    }

    /// Of each hidden layer those of W, b, γ and β that there are; of the last W and b.
    pub fn parameters(&mut self) -> Vec<(Part, ArrayViewMutD<'_, F>)> {
        let mut all = Vec::new();
        for (linear, norm) in &mut self.hidden {
            all.push((Part::Weight, linear.weight.view_mut().into_dyn()));
            let others = [
                (Part::Bias, &mut linear.bias),
                (Part::Gamma, &mut norm.gamma),
                (Part::Beta, &mut norm.beta),
            ];
            for (part, values) in others {
                all.extend(values.iter_mut().map(|v| (part, v.view_mut().into_dyn())));
            }
        }
        all.push((Part::Head, self.head.weight.view_mut().into_dyn()));
        all.extend(self.head.bias.iter_mut().map(|b| (Part::Head, b.view_mut().into_dyn())));
        all
    }

    /// w ← w − rate · gradient, for the parameters that are trained.
    pub fn step(
        &mut self,
        gradients: &[(Part, ArrayD<F>)],
        rate: f64,
        trained: &[Part],
    ) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        let pairs = self.parameters().into_iter().zip(gradients);
        pairs
            .filter(|((part, _), _)| trained.contains(part))
            .try_for_each(|((_, mut values), (_, gradient))| sgd.step(&mut values, gradient))
    }

    /// In use.
    pub fn apply(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.through(x, |norm, x| norm.infer(x))
    }

    /// As in training, normalized by these samples themselves.
    pub fn apply_by_batch(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.through(x, |norm, x| norm.by_batch(x).0)
    }

    fn through(
        &self,
        x: &ArrayRef2<F>,
        normalize: impl Fn(&Norm<F>, Array2<F>) -> Array2<F>,
    ) -> Result<Array2<F>> {
        let mut x = x.to_owned();
        for (linear, norm) in &self.hidden {
            x = Relu.apply(normalize(norm, linear.apply(&x)?));
        }
        self.head.apply(&x)
    }
}

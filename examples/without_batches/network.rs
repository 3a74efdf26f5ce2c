//! A fully connected network with batch normalization or batch renormalization, and its gradient.

use batchnorm::batch_norm::BatchNorm;
use batchnorm::batch_renorm::{self, BatchRenorm};
use batchnorm::error::Result;
use batchnorm::nn::activation::Activation::Relu;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use batchnorm::norm;
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayViewMutD, Ix2};

/// What stands before a ReLU.
#[derive(Clone, Debug)]
pub enum Norm<F> {
    Batch(BatchNorm<F>),
    Renorm(BatchRenorm<F>),
}

/// Of either.
enum Tape<F: Real> {
    Batch(norm::Tape<F, Ix2>),
    Renorm(batch_renorm::Tape<F, Ix2>),
}

/// Hidden layers, each linear, normalized and with a ReLU, and a linear one.
#[derive(Clone, Debug)]
pub struct Network<F> {
    pub hidden: Vec<(Linear<F>, Norm<F>)>,
    head: Linear<F>,
}

impl<F: Real> Norm<F> {
    fn train(&mut self, x: Array2<F>) -> Result<(Array2<F>, Tape<F>)> {
        Ok(match self {
            Norm::Batch(norm) => norm.train(x).map(|(y, tape)| (y, Tape::Batch(tape)))?,
            Norm::Renorm(norm) => norm.train(x).map(|(y, tape)| (y, Tape::Renorm(tape)))?,
        })
    }

    fn infer(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        match self {
            Norm::Batch(norm) => norm.freeze()?.apply(x),
            Norm::Renorm(norm) => norm.freeze()?.apply(x),
        }
    }
}

impl<F: Real> Tape<F> {
    fn backward(self, dy: &ArrayRef2<F>) -> Result<norm::Gradients<F, Ix2>> {
        match self {
            Tape::Batch(tape) => tape.backward(dy),
            Tape::Renorm(tape) => tape.backward(dy),
        }
    }
}

impl<F: Real> Network<F> {
    /// Two hidden layers. Whatever the normalization, the weights drawn are the same.
    pub fn new(
        [inputs, width, classes]: [usize; 3],
        norm: &Norm<F>,
        seed: u64,
    ) -> Result<Network<F>> {
        let random = &mut Random::new(seed);
        let mut layer = |inputs| {
            let linear = Linear::random((inputs, width), false, Init::He, random)?;
            Ok((linear, norm.clone()))
        };
        let hidden = vec![layer(inputs)?, layer(width)?];
        Ok(Network { hidden, head: Linear::random((width, classes), true, Init::Xavier, random)? })
    }

    /// The loss in training, and its gradient, with respect to each of the parameters in their order.
    pub fn gradient(&mut self, mut x: Array2<F>, labels: &[usize]) -> Result<(F, Vec<ArrayD<F>>)> {
        let mut tapes = Vec::new();
        for (linear, norm) in &mut self.hidden {
            let (a, linear) = linear.forward(x)?;
            let (a, norm) = norm.train(a)?;
            let (y, relu) = Relu.forward(a);
            tapes.push((linear, norm, relu));
            x = y;
        }
        let (logits, head) = self.head.forward(x)?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let head = head.backward(&dy)?;
        let mut all: Vec<_> = head.bias.into_iter().map(|bias| bias.into_dyn()).collect();
        all.push(head.weight.into_dyn());
        let mut dx = head.x;
        for (linear, norm, relu) in tapes.into_iter().rev() {
            let norm = norm.backward(&relu.backward(&dx)?)?;
            let linear = linear.backward(&norm.x)?;
            all.extend([norm.beta.into_dyn(), norm.gamma.into_dyn(), linear.weight.into_dyn()]);
            dx = linear.x;
        }
        all.reverse();
        Ok((loss, all))
    }

    /// Of each hidden layer W, γ and β; of the last W and b.
    pub fn parameters(&mut self) -> Vec<ArrayViewMutD<'_, F>> {
        let mut all = Vec::new();
        for (linear, norm) in &mut self.hidden {
            all.push(linear.weight.view_mut().into_dyn());
            let (gamma, beta) = match norm {
                Norm::Batch(norm) => (&mut norm.gamma, &mut norm.beta),
                Norm::Renorm(norm) => (&mut norm.gamma, &mut norm.beta),
            };
            all.extend(gamma.iter_mut().chain(beta).map(|p| p.view_mut().into_dyn()));
        }
        all.push(self.head.weight.view_mut().into_dyn());
        all.extend(self.head.bias.iter_mut().map(|bias| bias.view_mut().into_dyn()));
        all
    }

    /// w ← w − rate · gradient, for all parameters.
    pub fn step(&mut self, gradients: &[ArrayD<F>], rate: f64) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        let mut pairs = self.parameters().into_iter().zip(gradients);
        pairs.try_for_each(|(mut parameter, gradient)| sgd.step(&mut parameter, gradient))
    }

    /// In use.
    pub fn apply(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut x = x.to_owned();
        for (linear, norm) in &self.hidden {
            x = Relu.apply(norm.infer(&linear.apply(&x)?)?);
        }
        self.head.apply(&x)
    }
}

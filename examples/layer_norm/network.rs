//! A recurrent network that reads a few numbers at each step of time, and its gradient through time.

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::error::Result;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::activation::Activation::Tanh;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::{self, Linear};
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use batchnorm::norm::{self, Tape};
use ndarray::{Array1, Array2, ArrayRef2, Axis, Ix2, concatenate, s};

/// What the summed inputs of the units go through before the tanh.
#[derive(Clone, Debug)]
pub enum Norm<F> {
    None,
    Layer(LayerNorm<F>),
    /// Statistics for each step of time; γ and β are the same in all of them, and remain so.
    Batch(Vec<BatchNorm<F>>),
}

/// hₜ = tanh(norm(W (hₜ₋₁, xₜ) + b)) from h₀ = 0, and a linear layer on the last of them.
#[derive(Clone, Debug)]
pub struct Network<F> {
    /// How many numbers are read at a step.
    pub inputs: usize,
    /// W and, without normalization, b.
    pub cell: Linear<F>,
    pub norm: Norm<F>,
    pub head: Linear<F>,
}

/// The gradients of all parameters.
pub struct Gradients<F> {
    /// Of W and b, summed over time; `x` is that of (h₀, x₁).
    pub cell: linear::Gradients<F>,
    /// Of γ and β, summed over time.
    pub norm: Option<[Array1<F>; 2]>,
    /// `x` is that of the last h.
    pub head: linear::Gradients<F>,
}

/// None, where there is no normalization.
type NormTape<F> = Option<Tape<F, Ix2>>;

impl<F: Real> Norm<F> {
    fn train(&mut self, t: usize, a: Array2<F>) -> Result<(Array2<F>, NormTape<F>)> {
        let (y, tape) = match self {
            Norm::None => return Ok((a, None)),
            Norm::Layer(ln) => ln.forward(a)?,
            Norm::Batch(steps) => steps[t].train(a)?,
        };
        Ok((y, Some(tape)))
    }

    /// A step beyond those of training has the statistics of their last.
    fn infer(&self, t: usize, a: Array2<F>) -> Result<Array2<F>> {
        Ok(match self {
            Norm::None => a,
            Norm::Layer(ln) => ln.forward(a)?.0,
            Norm::Batch(steps) => steps[t.min(steps.len() - 1)].freeze()?.apply(&a)?,
        })
    }
}

impl<F: Real> Network<F>
where
    Config<F>: Default,
{
    /// Whatever the norm, the weights drawn are the same.
    pub fn new(
        [inputs, units, classes]: [usize; 3],
        norm: Norm<F>,
        seed: u64,
    ) -> Result<Network<F>> {
        let random = &mut Random::new(seed);
        // β takes the place of the bias.
        let bias = matches!(norm, Norm::None);
        let cell = Linear::random((units + inputs, units), bias, Init::Xavier, random)?;
        let head = Linear::random((units, classes), true, Init::Xavier, random)?;
        Ok(Network { inputs, cell, norm, head })
    }

    // ANCHOR: through_time
    /// The loss of sequences, one a row, and its gradient through all steps of time.
    pub fn gradient(&mut self, x: &ArrayRef2<F>, labels: &[usize]) -> Result<(F, Gradients<F>)> {
        let Network { inputs, cell, norm, head } = self;
        let units = cell.weight.nrows();
        let mut h = Array2::from_elem((x.nrows(), units), F::ZERO);
        let mut tapes = Vec::new();
        for (t, x) in x.axis_chunks_iter(Axis(1), *inputs).enumerate() {
            let (a, linear) = cell.forward(concatenate![Axis(1), h, x])?;
            let (a, normalized) = norm.train(t, a)?;
            let (y, tanh) = Tanh.forward(a);
            tapes.push((linear, normalized, tanh));
            h = y;
        }
        let (logits, head) = head.forward(h)?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let head = head.backward(&dy)?;
        let mut all = Gradients { cell: nothing(cell), norm: None, head };
        let mut dh = all.head.x.clone();
        for (linear, normalized, tanh) in tapes.into_iter().rev() {
            let mut d = tanh.backward(&dh)?;
            if let Some(tape) = normalized {
                let norm::Gradients { x, gamma, beta } = tape.backward(&d)?;
                all.norm = Some(match all.norm {
                    Some([of_gamma, of_beta]) => [of_gamma + gamma, of_beta + beta],
                    None => [gamma, beta],
                });
                d = x;
            }
            let now = linear.backward(&d)?;
            dh = now.x.slice(s![.., ..units]).to_owned();
            all.cell.x = now.x;
            all.cell.weight = all.cell.weight + now.weight;
            all.cell.bias = all.cell.bias.zip(now.bias).map(|(sum, now)| sum + now);
        }
        Ok((loss, all))
    }
    // ANCHOR_END: through_time

    /// w ← w − rate · gradient, for all parameters.
    pub fn step(&mut self, gradients: &Gradients<F>, rate: f64) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        for (linear, of_linear) in
            [(&mut self.cell, &gradients.cell), (&mut self.head, &gradients.head)]
        {
            sgd.step(&mut linear.weight, &of_linear.weight)?;
            if let (Some(bias), Some(of_bias)) = (&mut linear.bias, &of_linear.bias) {
                sgd.step(bias, of_bias)?;
            }
        }
        let Some(of_norm) = &gradients.norm else { return Ok(()) };
        let parameters: Vec<_> = match &mut self.norm {
            Norm::None => Vec::new(),
            Norm::Layer(ln) => vec![[&mut ln.gamma, &mut ln.beta]],
            Norm::Batch(steps) => {
                steps.iter_mut().map(|bn| [&mut bn.gamma, &mut bn.beta]).collect()
            }
        };
        for (parameter, gradient) in
            parameters.into_iter().flat_map(|both| both.into_iter().zip(of_norm))
        {
            if let Some(parameter) = parameter {
                sgd.step(parameter, gradient)?;
            }
        }
        Ok(())
    }

    /// What it makes of sequences of any length, in use.
    pub fn apply(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut h = Array2::from_elem((x.nrows(), self.cell.weight.nrows()), F::ZERO);
        for (t, x) in x.axis_chunks_iter(Axis(1), self.inputs).enumerate() {
            let a = self.cell.apply(&concatenate![Axis(1), h, x])?;
            h = Tanh.apply(self.norm.infer(t, a)?);
        }
        self.head.apply(&h)
    }
}

fn nothing<F: Real>(layer: &Linear<F>) -> linear::Gradients<F> {
    linear::Gradients {
        x: Array2::from_elem((0, 0), F::ZERO),
        weight: layer.weight.mapv(|_| F::ZERO),
        bias: layer.bias.as_ref().map(|bias| bias.mapv(|_| F::ZERO)),
    }
}

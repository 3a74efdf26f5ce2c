//! Golden vectors: what other implementations answer, and what the library does.
//!
//! `tests/golden/generate.py` asks them; its head says what the files hold.

use super::{Check, Float, How, Norm, Proof};
use batchnorm::affine::Affine;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::folding;
use batchnorm::group_norm::GroupNorm;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::norm::{Gradients, Tape};
use batchnorm::profile::{Profile, Weighs};
use batchnorm::rms_norm::RmsNorm;
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::tracked_instance_norm::TrackedInstanceNorm;
use batchnorm::weight_norm::WeightNorm;
use ndarray::{Array1, Array3, ArrayD, Dimension, Ix4, IxDyn};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What an implementation means by momentum, and which variance it averages.
#[derive(Clone, Copy)]
pub struct Convention {
    pub weighs: Weighs,
    pub running_var: RunningVar,
}

impl From<Profile> for Convention {
    fn from(profile: Profile) -> Self {
        Convention { weighs: profile.weighs(), running_var: profile.running_var() }
    }
}

/// One file of `tests/golden`.
#[derive(Deserialize)]
pub struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    method: String,
    dtype: String,
    shape: Vec<usize>,
    #[serde(default)]
    eps: f64,
    momentum: Option<f64>,
    groups: Option<usize>,
    trailing: Option<usize>,
    inputs: Inputs,
    answers: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct Inputs {
    #[serde(default)]
    batches: Vec<Vec<f64>>,
    #[serde(flatten)]
    others: BTreeMap<String, Vec<f64>>,
}

/// What the library says to a case, by the names of the file.
type Answers<F> = BTreeMap<&'static str, Vec<F>>;

impl Golden {
    /// # Panics
    /// If there is no such file, or it cannot be read.
    pub fn read(name: &str) -> Golden {
        let file = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text =
            std::fs::read_to_string(Path::new(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    /// The library, or what stands for it in training, gives what this implementation gives: each vector
    /// of a case within 256 ulp of its largest element. The implementations round on the way, and have
    /// no promise to keep; a mistake is a thousand times larger.
    pub fn agrees(&self, bn: Norm, convention: Convention) -> Proof {
        let mut checks = Vec::new();
        for scalar in [true, false] {
            checks.extend(if scalar {
                self.compared::<f64>("float64", bn, convention)?
            } else {
                self.compared::<f32>("float32", bn, convention)?
            });
        }
        Ok(checks)
    }

    fn compared<F: Float>(&self, dtype: &str, bn: Norm, convention: Convention) -> Proof {
        let tolerance = 256.0 * F::ULP;
        let (mut worst, mut vectors) = (0.0f64, 0);
        for case in self.cases.iter().filter(|case| case.dtype == dtype) {
            let ours = case.answers::<F>(bn, convention);
            for (name, theirs) in &case.answers {
                let what = format!("{name} of {} {:?}", case.method, case.shape);
                let ours = ours.get(name.as_str()).unwrap_or_else(|| panic!("no {what}"));
                assert_eq!(ours.len(), theirs.len(), "{what}");
                let size = theirs.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                let error = |(a, b): (&F, &f64)| (a.to_f64() - b).abs() / size;
                let error = ours.iter().zip(theirs).map(error).fold(0.0, f64::max);
                if error.is_nan() || error > tolerance {
                    return Err(format!("{what}: an error of {error:.2e}"));
                }
                (worst, vectors) = (worst.max(error), vectors + 1);
            }
        }
        Ok(vec![Check::new(How::Golden, vectors).scalar(F::NAME).within(tolerance, worst)?])
    }
}

impl Case {
    fn answers<F: Float>(&self, bn: Norm, convention: Convention) -> Answers<F> {
        match self.method.as_str() {
            "batch" => self.batch(bn, convention),
            "layer" => {
                let axes = &self.shape[self.shape.len() - self.trailing.expect("trailing")..];
                let mut layer = LayerNorm::over_axes(axes, F::from_f64(self.eps)).expect("axes");
                (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
                self.stateless(layer.forward(self.tensor(0)))
            }
            "channels" => {
                let (channels, eps) = (self.shape[1], F::from_f64(self.eps));
                let mut layer = LayerNorm::over_channels(channels, eps).expect("channels");
                (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
                self.stateless(layer.forward(self.tensor(0)))
            }
            "instance" => {
                let (channels, eps) = (self.shape[1], F::from_f64(self.eps));
                let mut layer = InstanceNorm::new(channels, eps).expect("channels");
                (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
                self.stateless(layer.forward(self.tensor(0)))
            }
            "group" => {
                let (channels, eps) = (self.shape[1], F::from_f64(self.eps));
                let groups = self.groups.expect("groups");
                let mut layer = GroupNorm::new(groups, channels, eps).expect("groups");
                (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
                self.stateless(layer.forward(self.tensor(0)))
            }
            "rms" | "rms_channels" => {
                let features = *self.shape.last().expect("axes");
                let mut layer = RmsNorm::new(features, F::from_f64(self.eps)).expect("features");
                layer.gamma = self.vector("gamma");
                self.stateless(layer.forward(self.tensor(0)))
            }
            "tracked_instance" => self.tracked_instance(),
            "weight" => {
                let layer = WeightNorm {
                    g: self.vector("g").expect("in the file"),
                    v: self.given("v", &self.shape),
                };
                let dw = self.given("dw", &self.shape);
                let (w, gradients) = (layer.weight(), layer.backward(&dw).expect("rows"));
                let (dg, dv) = (list(gradients.g), list(gradients.v));
                [("w", list(w.expect("rows"))), ("dv", dv), ("dg", dg)].into()
            }
            "spectral" => {
                // A step of the library moves v and then u, one of PyTorch u and then v: it is a step
                // of the library for the transposed weights.
                let [u, v] = ["v", "u"].map(|name| self.vector(name).expect("in the file"));
                let turned = |name| self.given(name, &self.shape).reversed_axes();
                let mut layer = SpectralNorm { u, v };
                let (w, tape) = layer.train(turned("w")).expect("a matrix");
                let dw = tape.backward(&turned("dw")).expect("the shape of the matrix");
                let [w, dw] = [w, dw].map(|turned| list(turned.reversed_axes()));
                [("w", w), ("u", layer.v.to_vec()), ("dw", dw)].into()
            }
            "fold" | "fold_transposed" => {
                let weight = self.given("weight", &self.shape);
                let weight = weight.into_dimensionality::<Ix4>().expect("four axes");
                let (bias, map) = (self.vector("bias"), self.map());
                let folded = if self.method == "fold" {
                    folding::into_previous(&weight, bias.as_ref(), &map)
                } else {
                    folding::into_previous_transposed_convolution(&weight, bias.as_ref(), 1, &map)
                };
                let (weight, bias) = folded.expect("as many channels");
                [("weight", list(weight)), ("bias", list(bias))].into()
            }
            other => panic!("no method {other:?}"),
        }
    }

    /// Steps of training, gradients of the last, and inference.
    fn batch<F: Float>(&self, bn: Norm, convention: Convention) -> Answers<F> {
        let average = match (self.momentum, convention.weighs) {
            (None, _) => Average::Cumulative,
            (Some(new), Weighs::New) => Average::Exponential { momentum: F::from_f64(new) },
            (Some(old), Weighs::Old) => Average::Exponential { momentum: F::from_f64(1.0 - old) },
        };
        let (eps, running_var) = (F::from_f64(self.eps), convention.running_var);
        let config = Config { eps, average, running_var, affine: true };
        let mut layer = BatchNorm::with(self.shape[1], config).expect("a valid configuration");
        (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
        for i in 0..self.inputs.batches.len() {
            drop(layer.train(self.tensor::<F>(i)).expect("a valid batch"));
        }
        let x: ArrayD<F> = self.tensor(self.inputs.batches.len() - 1);
        let mut answers: Answers<F> = [
            ("running_mean", layer.running_mean.to_vec()),
            ("running_var", layer.running_var.to_vec()),
            ("inference", list(layer.freeze().and_then(|map| map.apply(&x)).expect("inference"))),
        ]
        .into();
        let flat = self.flat(&x);
        let (gamma, beta) = (layer.gamma.clone().expect("γ"), layer.beta.clone().expect("β"));
        answers.insert("y", list(bn.forward(&flat, &gamma, &beta, eps)));
        if self.inputs.others.contains_key("dy") {
            let dy = self.given("dy", &self.shape);
            add(&mut answers, bn.backward(&flat, &gamma, &beta, eps, &self.flat(&dy)));
            let frozen = layer.frozen_backward(&x, &dy).expect("inference");
            answers.insert("inference_dx", list(frozen.x));
            answers.insert("inference_dgamma", list(frozen.gamma));
            answers.insert("inference_dbeta", list(frozen.beta));
        }
        answers
    }

    /// Steps of training, gradients of the last, and inference, of what PyTorch calls an instance
    /// normalization that tracks running statistics.
    fn tracked_instance<F: Float>(&self) -> Answers<F> {
        let config = Config { eps: F::from_f64(self.eps), ..pytorch() };
        let layer = BatchNorm::with(self.shape[1], config).expect("a valid configuration");
        let mut norm = TrackedInstanceNorm { layer };
        (norm.layer.gamma, norm.layer.beta) = (self.vector("gamma"), self.vector("beta"));
        let last = self.inputs.batches.len() - 1;
        for i in 0..last {
            drop(norm.train(self.tensor::<F>(i)).expect("a valid batch"));
        }
        let x: ArrayD<F> = self.tensor(last);
        let mut answers = self.stateless(norm.train(x.clone()));
        let (map, dy) = (norm.freeze().expect("inference"), self.given("dy", &self.shape));
        let frozen = norm.layer.frozen_backward(&x, &dy).expect("inference");
        answers.insert("inference", list(map.apply(&x).expect("inference")));
        answers.insert("running_mean", norm.layer.running_mean.to_vec());
        answers.insert("running_var", norm.layer.running_var.to_vec());
        answers.insert("inference_dx", list(frozen.x));
        answers.insert("inference_dgamma", list(frozen.gamma));
        answers.insert("inference_dbeta", list(frozen.beta));
        answers
    }

    fn stateless<F: Float>(
        &self,
        forward: batchnorm::error::Result<(ArrayD<F>, Tape<F, IxDyn>)>,
    ) -> Answers<F> {
        let (y, tape) = forward.expect("a valid input");
        let mut answers: Answers<F> = [("y", list(y))].into();
        if self.inputs.others.contains_key("dy") {
            let dy = self.given("dy", &self.shape);
            add(&mut answers, tape.backward(&dy).expect("the shape of the output"));
        }
        answers
    }

    /// The layer of a folding, at inference.
    fn map<F: Float>(&self) -> Affine<F> {
        let vector = |name| self.vector(name).expect("in the file");
        let config = Config { eps: F::from_f64(self.eps), ..pytorch() };
        let mut layer = BatchNorm::with(vector("mean").len(), config).expect("valid");
        (layer.gamma, layer.beta) = (self.vector("gamma"), self.vector("beta"));
        (layer.running_mean, layer.running_var) = (vector("mean"), vector("var"));
        layer.freeze().expect("positive variances")
    }

    fn vector<F: Float>(&self, name: &str) -> Option<Array1<F>> {
        let found = self.inputs.others.get(name)?;
        Some(found.iter().map(|&v| F::from_f64(v)).collect())
    }

    fn given<F: Float>(&self, name: &str, shape: &[usize]) -> ArrayD<F> {
        array(&self.inputs.others[name], shape)
    }

    fn tensor<F: Float>(&self, batch: usize) -> ArrayD<F> {
        array(&self.inputs.batches[batch], &self.shape)
    }

    /// `[N, C, …]` as `[N, C, S]`.
    fn flat<F: Float>(&self, x: &ArrayD<F>) -> Array3<F> {
        let (n, c) = (self.shape[0], self.shape[1]);
        let values: Vec<F> = x.iter().copied().collect();
        Array3::from_shape_vec((n, c, values.len() / (n * c)), values).expect("the same elements")
    }
}

fn pytorch<F: Float>() -> Config<F> {
    let average = Average::Exponential { momentum: F::from_f64(0.1) };
    Config { eps: F::from_f64(1e-5), average, running_var: RunningVar::Unbiased, affine: true }
}

fn array<F: Float>(values: &[f64], shape: &[usize]) -> ArrayD<F> {
    let values = values.iter().map(|&v| F::from_f64(v)).collect();
    ArrayD::from_shape_vec(shape, values).expect("as many values as the shape says")
}

fn list<F: Clone, D: Dimension>(array: ndarray::Array<F, D>) -> Vec<F> {
    array.iter().cloned().collect()
}

fn add<F: Float, D: Dimension>(answers: &mut Answers<F>, gradients: Gradients<F, D>) {
    answers.insert("dx", list(gradients.x));
    answers.insert("dgamma", list(gradients.gamma));
    answers.insert("dbeta", list(gradients.beta));
}

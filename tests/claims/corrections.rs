//! Corrections: sentences that many texts have, as statements that a computed example refutes.

use crate::kit::*;
use batchnorm::affine::Affine;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::activation::Activation;
use ndarray::{Array1, Array2, Array3, array};

/// A wrong sentence: whether it holds of a counterexample, and of another case, of which it happens to be
/// true. A statement that could not be true of anything would be refuted by everything.
struct Sentence {
    says: &'static str,
    holds: fn(Norm) -> [bool; 2],
}

/// One channel with γ = 1 and β = 0.
fn normalized(bn: Norm, x: &[f64], eps: f64) -> Vec<f64> {
    scaled(bn, x, 1.0, 0.0, eps)
}

fn scaled(bn: Norm, x: &[f64], gamma: f64, beta: f64, eps: f64) -> Vec<f64> {
    let x = Array3::from_shape_vec((x.len(), 1, 1), x.to_vec()).expect("a column");
    bn.forward(&x, &array![gamma], &array![beta], eps).into_iter().collect()
}

fn central(x: &[f64], power: i32) -> f64 {
    let mu = mean(x);
    mean_of(x, |v| (v - mu).powi(power))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(&a, &b)| near(a, b))
}

fn averaging(momentum: f64) -> BatchNorm<f64> {
    let average = Average::Exponential { momentum };
    let config = Config { eps: 1e-5, average, running_var: RunningVar::Biased, affine: true };
    BatchNorm::with(1, config).expect("good numbers")
}

fn column(x: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((x.len(), 1), x.to_vec()).expect("a column")
}

fn sentences() -> Vec<Sentence> {
    vec![
        Sentence {
            says: "the output is Gaussian",
            // A Gaussian law has the skewness 0 and the kurtosis 3.
            holds: |bn| {
                let gaussian = |x: &[f64]| {
                    let y = normalized(bn, x, 0.0);
                    let [v, third, fourth] = [2, 3, 4].map(|power| central(&y, power));
                    near(third, 0.0) && near(fourth / (v * v), 3.0)
                };
                // As many zeros as make the kurtosis of ±1 three: one in six of each.
                [gaussian(&[0.0, 0.0, 0.0, 1.0]), gaussian(&[1.0, -1.0, 0.0, 0.0, 0.0, 0.0])]
            },
        },
        Sentence {
            says: "the variance of the output is 1",
            holds: |bn| {
                let one = |eps| near(central(&normalized(bn, &[1.0, 2.0, 3.0, 6.0], eps), 2), 1.0);
                [one(0.5), one(0.0)]
            },
        },
        Sentence {
            says: "the layer makes the variance smaller",
            holds: |bn| {
                let smaller = |x: [f64; 4]| central(&normalized(bn, &x, 1e-5), 2) < central(&x, 2);
                [smaller([0.0, 0.1, 0.2, 0.3]), smaller([1.0, 2.0, 3.0, 6.0])]
            },
        },
        Sentence {
            says: "one mean and one variance serve all features of the layer",
            holds: |bn| {
                let pooled = |second: [f64; 4]| {
                    let first = [1.0, 2.0, 3.0, 6.0];
                    let all = [first, second].concat();
                    let (mu, s) = (mean(&all), central(&all, 2).sqrt());
                    let x = Array3::from_shape_fn((4, 2, 1), |(i, c, _)| [first, second][c][i]);
                    let y = bn.forward(&x, &array![1.0, 1.0], &array![0.0, 0.0], 0.0);
                    let y: Vec<_> = (0..4).map(|i| y[[i, 0, 0]]).collect();
                    same(&y, &first.map(|x| (x - mu) / s))
                };
                [pooled([10.0, 20.0, 30.0, 60.0]), pooled([1.0, 2.0, 3.0, 6.0])]
            },
        },
        Sentence {
            says: "the layer divides by the variance",
            holds: |bn| {
                let divides = |x: [f64; 2]| {
                    let (mu, v) = (mean(&x), central(&x, 2));
                    same(&normalized(bn, &x, 0.0), &x.map(|x| (x - mu) / v))
                };
                [divides([0.0, 4.0]), divides([0.0, 2.0])]
            },
        },
        Sentence {
            says: "a constant channel cannot be normalized",
            holds: |bn| {
                let fails = |eps| {
                    let refused = BatchNorm::with(1, Config { eps, ..Config::default() })
                        .and_then(|mut layer| layer.train(array![[5.0], [5.0]]))
                        .is_err();
                    refused
                        || eps > 0.0 && !same(&scaled(bn, &[5.0, 5.0], 2.0, 3.0, eps), &[3.0; 2])
                };
                [fails(1e-5), fails(0.0)]
            },
        },
        Sentence {
            says: "correlations are removed",
            holds: |bn| {
                let uncorrelated = |second: [f64; 4]| {
                    let pairs = [1.0, 1.0, -1.0, -1.0].into_iter().zip(second);
                    let x: Vec<_> = pairs.flat_map(|(a, b)| [a, b]).collect();
                    let x = Array3::from_shape_vec((4, 2, 1), x).expect("two channels");
                    let y = bn.forward(&x, &array![1.0, 1.0], &array![0.0, 0.0], 0.0);
                    let product = |i: usize| y[[i, 0, 0]] * y[[i, 1, 0]];
                    near((0..4).map(product).sum(), 0.0)
                };
                [uncorrelated([1.0, 1.0, -1.0, -3.0]), uncorrelated([1.0, -1.0, 1.0, -1.0])]
            },
        },
        Sentence {
            says: "γ and β give back the input",
            holds: |bn| {
                let x = [1.0, 2.0, 3.0, 6.0];
                // At the start, and with the values that would do it.
                let back = |gamma, beta| same(&scaled(bn, &x, gamma, beta, 0.5), &x);
                [back(1.0, 0.0), back(2.0, 3.0)]
            },
        },
        Sentence {
            says: "γ and β are not learned",
            holds: |bn| {
                let still = |g: [f64; 4]| {
                    let x = [1.0, 2.0, 3.0, 6.0];
                    let [x, g] = [x, g].map(|v| Array3::from_shape_fn((4, 1, 1), |(i, ..)| v[i]));
                    let gradients = bn.backward(&x, &array![1.0], &array![0.0], 0.5, &g);
                    gradients.gamma[0] == 0.0 && gradients.beta[0] == 0.0
                };
                [still([1.0, 0.0, 0.0, 0.0]), still([0.0; 4])]
            },
        },
        Sentence {
            says: "all that a layer keeps is trained",
            holds: |_| {
                let all = |kept: fn(&BatchNorm<f64>) -> usize| {
                    let mut layer = averaging(0.1);
                    let (y, tape) = layer.train(array![[0.0], [2.0]]).expect("two values");
                    let gradients = tape.backward(&y).expect("fits");
                    gradients.gamma.len() + gradients.beta.len() == kept(&layer)
                };
                [
                    all(|layer| 2 + layer.running_mean.len() + layer.running_var.len()),
                    all(|layer| {
                        [&layer.gamma, &layer.beta].into_iter().flatten().map(Array1::len).sum()
                    }),
                ]
            },
        },
        Sentence {
            says: "behind the layer half of the units die in a ReLU",
            // Dead: zero for every sample.
            holds: |bn| {
                let dead = |beta| {
                    let y = scaled(bn, &[-3.0, -1.0, 1.0, 3.0], 1.0, beta, 1e-5);
                    Activation::Relu.apply(Array1::from(y)).iter().all(|&a| a == 0.0)
                };
                [dead(0.0), dead(-2.0)]
            },
        },
        Sentence {
            says: "the layer keeps a sigmoid near its tangent",
            holds: |bn| {
                let linear = |gamma| {
                    let y = scaled(bn, &[-3.0, -1.0, 1.0, 3.0], gamma, 0.0, 1e-5);
                    let off = |y: &f64| Activation::Sigmoid.apply(array![*y])[0] - 0.5 - y / 4.0;
                    y.iter().all(|y| off(y).abs() < 0.1)
                };
                [linear(8.0), linear(1.0)]
            },
        },
        Sentence {
            says: "a bias before the layer has an effect",
            holds: |bn| {
                let effect = |bias: [f64; 4]| {
                    let x = [1.0, 2.0, 3.0, 6.0];
                    let biased: Vec<_> = x.iter().zip(bias).map(|(x, b)| x + b).collect();
                    !same(&normalized(bn, &biased, 0.5), &normalized(bn, &x, 0.5))
                };
                // Not one for all samples: then it is no bias.
                [effect([7.0; 4]), effect([7.0, 0.0, 0.0, 0.0])]
            },
        },
        Sentence {
            says: "weight decay in front of the layer shrinks the output",
            holds: |bn| {
                let shrinks = |eps| {
                    let x = [1.0, 2.0, 3.0, 6.0];
                    let decayed = normalized(bn, &x.map(|x| 0.5 * x), eps);
                    !same(&decayed, &normalized(bn, &x, eps))
                };
                [shrinks(0.0), shrinks(0.5)]
            },
        },
        Sentence {
            says: "at inference the average of the σ of the batches is used",
            holds: |_| {
                let average = |second: f64| {
                    let config =
                        Config { eps: 1e-5, average: Average::Cumulative, ..Config::default() };
                    let config = Config { running_var: RunningVar::Biased, ..config };
                    let mut layer = BatchNorm::with(1, config).expect("good numbers");
                    let _ = layer.train(column(&[-1.0, 1.0])).expect("two values");
                    let _ = layer.train(column(&[-second, second])).expect("two values");
                    near(layer.running_var[0].sqrt(), (1.0 + second) / 2.0)
                };
                [average(2.0), average(1.0)]
            },
        },
        Sentence {
            says: "the running average is the statistic of the population",
            holds: |_| {
                let reached = |momentum| {
                    let mut layer = averaging(momentum);
                    let _ = layer.train(column(&[1.0, 3.0, 8.0])).expect("three values");
                    near(layer.running_mean[0], 4.0) && near(layer.running_var[0], 26.0 / 3.0)
                };
                [reached(0.1), reached(1.0)]
            },
        },
        Sentence {
            says: "a sample's output is the same in training and at inference",
            holds: |bn| {
                let alike = |momentum| {
                    let mut layer = averaging(momentum);
                    let x = [1.0, 3.0, 8.0];
                    let _ = layer.train(column(&x)).expect("three values");
                    let map: Affine<f64> = layer.freeze().expect("v + ε > 0");
                    let frozen: Vec<_> =
                        map.apply(&column(&x)).expect("one channel").into_iter().collect();
                    same(&normalized(bn, &x, 1e-5), &frozen)
                };
                [alike(0.1), alike(1.0)]
            },
        },
        Sentence {
            says: "one image is too few to train on",
            holds: |_| {
                let refused = |width: usize| {
                    let image = Array3::from_shape_fn((1, 1, width), |(.., s)| s as f64);
                    averaging(0.1).train(image).is_err()
                };
                [refused(4), refused(1)]
            },
        },
        Sentence {
            says: "layer normalization takes each feature map by itself",
            holds: |_| {
                let by_itself = |other: f64| {
                    let run = |second: f64| {
                        let x = array![[[1.0, 2.0], [3.0, second]]];
                        let layer = LayerNorm::over_channels(2, 1e-5).expect("two channels");
                        layer.forward(x).expect("fits").0[[0, 0, 0]]
                    };
                    run(6.0) == run(other)
                };
                [by_itself(7.0), by_itself(6.0)]
            },
        },
        Sentence {
            says: "instance normalization takes each element by itself",
            // A single value is its own mean: x̂ = 0.
            holds: |_| {
                let nothing = |x: Array3<f64>| {
                    let layer = InstanceNorm::new(1, 1e-5).expect("one channel");
                    layer.forward(x).expect("fits").0.iter().all(|&y| y == 0.0)
                };
                [nothing(array![[[0.0, 2.0]]]), nothing(array![[[2.0, 2.0]]])]
            },
        },
    ]
}

/// Each of the sentences that this chapter corrects is refuted by a computed example; each is true of some
/// other case, from which it may come.
///
/// 이 장에서 바로잡는 문장은 저마다 계산한 반례 하나로 반박됩니다. 그 문장이 맞는 다른 경우도 있는데, 오해는 그런 경우에서 나왔을 것입니다.
#[test]
fn every_correction_has_its_counterexample() -> Claim {
    fn refuted(bn: Norm, list: Vec<Sentence>) -> Proof {
        for sentence in &list {
            match (sentence.holds)(bn) {
                [false, true] => {}
                [true, _] => return Err(format!("not refuted: {}", sentence.says)),
                [false, false] => return Err(format!("never true: {}", sentence.says)),
            }
        }
        Ok(vec![Check::new(How::WorkedExample, list.len())])
    }
    fn with(sentence: Sentence) -> Proof {
        refuted(Norm::Library, vec![sentence])
    }
    claim(|bn| {
        all([
            refuted(bn, sentences()),
            once(bn, || {
                wrong("a right sentence among them: the mean of the output is β", {
                    with(Sentence {
                        says: "the mean of the output is β",
                        holds: |bn| {
                            let x = [1.0, 2.0, 3.0, 6.0];
                            [near(mean(&scaled(bn, &x, 2.0, 1.0, 0.5)), 1.0), true]
                        },
                    })
                })
            }),
            once(bn, || {
                wrong("a sentence that nothing could make true", {
                    with(Sentence { says: "never", holds: |_| [false, false] })
                })
            }),
        ])
    })
    .rejects(&[
        Wrong::DividedByVariance,
        Wrong::NoEpsilon,
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::GammaNotApplied,
        Wrong::UnbiasedVariance,
    ])
}

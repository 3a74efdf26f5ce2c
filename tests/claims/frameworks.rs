//! Chapter "Frameworks": what is the same everywhere, and what is not.

use crate::kit::golden::{Convention, Golden};
use crate::kit::{Check, Claim, How, Norm, Proof, Wrong, all, claim, worked_example, wrong};
use batchnorm::batch_norm::{BatchNorm, Config, RunningVar};
use batchnorm::interchange::{Style, Tensors};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential, Summary};
use batchnorm::profile::{Profile, Weighs};
use ndarray::{ArrayD, Dimension, Ix1, Ix2, Ix4};

/// The widths of the textbook's network: pixels, two hidden layers, classes.
const WIDTHS: [usize; 4] = [784, 300, 100, 10];

/// The textbook's network, 784–BN–300–BN–100–BN–10.
fn network(hidden_bias: bool) -> Sequential<f32> {
    let mut random = Random::new(0);
    let mut linear = |inputs, outputs, bias| {
        let layer = Linear::random((inputs, outputs), bias, Init::He, &mut random);
        Layer::Linear(layer.expect("a positive number of weights"))
    };
    let layers = vec![
        Layer::Flatten,
        Layer::BatchNorm(BatchNorm::new(784)),
        linear(784, 300, hidden_bias),
        Layer::Activation(Activation::Elu),
        Layer::BatchNorm(BatchNorm::new(300)),
        linear(300, 100, hidden_bias),
        Layer::Activation(Activation::Elu),
        Layer::BatchNorm(BatchNorm::new(100)),
        linear(100, 10, true),
    ];
    Sequential::new(&[28, 28], layers).expect("every layer fits the one before")
}

/// The network of 784, 300, 100 and 10 units with batch normalization before each layer of weights has
/// 271,346 parameters, of which training moves 268,978 and 2,368 are running statistics; 3,136, 1,200 and
/// 400 are in the three normalization layers, and 270,946 are left without the biases of the hidden layers.
///
/// 784, 300, 100, 10개의 유닛을 잇고 가중치 층마다 그 앞에 배치 정규화를 둔 신경망의 매개변수는 271,346개입니다. 학습되는 것이 268,978개, 이동 통계량이 2,368개이며, 세 정규화 층에 3,136개, 1,200개, 400개가 있고, 은닉층의 편향을 빼면 270,946개가 남습니다.
#[test]
fn textbook_network_has_271346_parameters() -> Claim {
    type Count = fn(bool) -> [usize; 3];

    /// In all, trained, not trained: width by width, with so many numbers a normalized feature.
    fn hand(hidden_bias: bool, trained: usize, not_trained: usize) -> [usize; 3] {
        let weights: usize = WIDTHS.windows(2).map(|w| w[0] * w[1]).sum();
        let biases = 10 + if hidden_bias { 300 + 100 } else { 0 };
        let features = 784 + 300 + 100;
        let learned = weights + biases + trained * features;
        [learned + not_trained * features, learned, not_trained * features]
    }
    fn by_hand(hidden_bias: bool) -> [usize; 3] {
        hand(hidden_bias, 2, 2)
    }
    fn by_summary(hidden_bias: bool) -> [usize; 3] {
        let summary = network(hidden_bias).summary().expect("fits");
        [summary.total(), summary.trained(), summary.not_trained()]
    }
    /// What there is a gradient for, and what else a pass of training moves.
    fn by_training(hidden_bias: bool) -> [usize; 3] {
        let (mut model, mut random) = (network(hidden_bias), Random::new(1));
        let x = ArrayD::from_shape_simple_fn(vec![3, 28, 28], || random.gaussian() as f32);
        let (y, tape) = model.train(x, &mut random).expect("three samples");
        let gradients = tape.backward(&y).expect("its own shape");
        let trained = gradients.layers.iter().flatten().map(ArrayD::len).sum();
        let moved = |layer: &Layer<f32>| match layer {
            Layer::BatchNorm(bn) => {
                let means = bn.running_mean.iter().filter(|&&mean| mean != 0.0);
                means.count() + bn.running_var.iter().filter(|&&var| var != 1.0).count()
            }
            _ => 0,
        };
        let not_trained = model.layers().iter().map(moved).sum();
        [trained + not_trained, trained, not_trained]
    }
    fn counts(count: Count) -> Proof {
        let need = [[271_346, 268_978, 2_368], [270_946, 268_578, 2_368]];
        let got = [count(true), count(false)];
        let errors = got.iter().flatten().zip(need.iter().flatten());
        worked_example(&errors.map(|(a, b)| a.abs_diff(*b) as f64).collect::<Vec<_>>(), 0.0)
    }
    fn in_the_layers(summary: &Summary) -> Proof {
        let norms = summary.rows.iter().filter(|row| row.layer == "BatchNorm").map(|r| r.total());
        let counts: Vec<_> = norms.collect();
        worked_example(&[f64::from(u8::from(counts != [3_136, 1_200, 400]))], 0.0)
    }
    claim(|_| {
        all([
            counts(by_hand),
            counts(by_summary),
            counts(by_training),
            in_the_layers(&network(true).summary().expect("fits")),
            wrong("without the running statistics", counts(|bias| hand(bias, 2, 0))),
            wrong("four trained numbers a feature", counts(|bias| hand(bias, 4, 0))),
            wrong("a bias that is not there", counts(|_| hand(true, 2, 2))),
            wrong("γ and β for the whole layer", counts(|bias| hand(bias, 0, 2))),
        ])
    })
}

/// A layer brought in from a PyTorch file, written under Keras's names and brought in again with the same
/// ε, gives the output at inference that it gave before, and that PyTorch gives.
///
/// PyTorch 파일에서 가져온 층을 Keras의 이름으로 저장했다가 같은 ε으로 다시 가져오면, 추론의 출력은 그대로이고 PyTorch의 출력과도 같습니다.
#[test]
fn moving_weights_keeps_the_output() -> Claim {
    const FILE: &[u8] = include_bytes!("../golden/interchange/pytorch.safetensors");
    /// Layers of the file: name, ε, input and output.
    const LAYERS: [(&str, f32, &str, &str); 2] =
        [("bn1", 1e-5, "example.conv", "example.bn1"), ("bn2", 1e-3, "example.fc", "example.y")];

    /// Changes the file on the way, and gives the ε that the layer is brought in again with.
    type Mistake = fn(&mut Tensors, f32) -> f32;

    fn config(eps: f32) -> Config<f32> {
        Config { eps, ..Profile::PyTorch.config() }
    }
    /// The largest difference between the outputs of the moved layer and those of PyTorch, relative to
    /// the largest output; infinite if they are not, to the last bit, those of the layer before.
    fn distance<D: Dimension>(
        file: &Tensors,
        (name, eps, x, y): (&str, f32, &str, &str),
        mistake: Mistake,
    ) -> Result<f64, String> {
        let why = |e: batchnorm::interchange::Error| e.to_string();
        let before = file.batch_norm(name, Style::PyTorch, config(eps)).map_err(why)?;
        let mut keras = Tensors::default();
        keras.insert_batch_norm(name, Style::Keras, &before).map_err(why)?;
        let mut keras = Tensors::from_bytes(&keras.to_bytes().map_err(why)?).map_err(why)?;
        let eps = mistake(&mut keras, eps);
        let there = keras.batch_norm(name, Style::Keras, config(eps)).map_err(why)?;
        let mut torch = Tensors::default();
        torch.insert_batch_norm(name, Style::PyTorch, &there).map_err(why)?;
        let back = torch.batch_norm::<f32>(name, Style::PyTorch, config(eps)).map_err(why)?;

        let x = file.array::<f32, D>(x).map_err(why)?;
        let y = file.array::<f32, D>(y).map_err(why)?;
        let [first, last] = [&before, &back].map(|bn| bn.freeze().expect("v ≥ 0").apply(&x));
        let (first, last) = (first.expect("fits"), last.expect("fits"));
        if first != last {
            return Err(format!("{name}: the output has changed on the way"));
        }
        let largest = |values: &mut dyn Iterator<Item = f32>| {
            values.fold(0.0f64, |a, b| a.max(f64::from(b.abs())))
        };
        let error = largest(&mut last.iter().zip(&y).map(|(a, b)| a - b));
        Ok(error / largest(&mut y.iter().copied()))
    }
    fn moved(mistake: Mistake) -> Proof {
        let file = Tensors::from_bytes(FILE).map_err(|e| e.to_string())?;
        let errors = [
            distance::<Ix4>(&file, LAYERS[0], mistake)?,
            distance::<Ix2>(&file, LAYERS[1], mistake)?,
        ];
        let check = Check::new(How::Golden, errors.len()).scalar("f32");
        // PyTorch computes in f32 throughout.
        Ok(vec![check.within(8.0 * f64::from(f32::EPSILON), errors[0].max(errors[1]))?])
    }
    /// Gives the tensor `to` the values of `from`, changed.
    fn put(tensors: &mut Tensors, from: &str, to: &str, change: fn(f32) -> f32) {
        for (layer, ..) in LAYERS {
            if let Ok(values) = tensors.array::<f32, Ix1>(&format!("{layer}/{from}")) {
                tensors.insert(&format!("{layer}/{to}"), &values.mapv(change));
            }
        }
    }
    claim(|_| {
        all([
            moved(|_, eps| eps),
            wrong("Keras's ε with PyTorch's vectors", moved(|_, _| Profile::Keras.eps())),
            wrong("PyTorch's ε for every layer", moved(|_, _| Profile::PyTorch.eps())),
            wrong(
                "standard deviations for variances",
                moved(|tensors, eps| {
                    put(tensors, "moving_variance", "moving_variance", f32::sqrt);
                    eps
                }),
            ),
            wrong(
                "β where γ belongs",
                moved(|tensors, eps| {
                    put(tensors, "beta", "gamma", |b| b);
                    eps
                }),
            ),
            wrong(
                "the running mean left behind",
                moved(|tensors, eps| {
                    put(tensors, "moving_mean", "moving_mean", |_| 0.0);
                    eps
                }),
            ),
        ])
    })
}

/// The mistakes of a forward pass that golden vectors must notice.
const FORWARD: &[Wrong] = &[
    Wrong::UnbiasedVariance,
    Wrong::NotCentred,
    Wrong::RunningStatistics,
    Wrong::PerSample,
    Wrong::NoEpsilon,
    Wrong::EpsilonOutsideRoot,
    Wrong::DividedByVariance,
    Wrong::GammaNotApplied,
    Wrong::GammaBetaSwapped,
    Wrong::BetaBeforeGamma,
];

/// The same with those of a backward pass.
const BOTH: &[Wrong] = &[
    Wrong::UnbiasedVariance,
    Wrong::RunningStatistics,
    Wrong::EpsilonOutsideRoot,
    Wrong::MeanDetached,
    Wrong::VarianceDetached,
    Wrong::BothDetached,
    Wrong::EpsilonForgottenBackward,
    Wrong::GammaForgottenBackward,
    Wrong::GammaGradientWithOutput,
    Wrong::BetaGradientIsMean,
];

/// The vectors of an implementation agree under its own convention, and under no other.
fn agrees(name: &str, bn: Norm, profile: Profile) -> Proof {
    let (golden, own) = (Golden::read(name), Convention::from(profile));
    let weighs = match own.weighs {
        Weighs::New => Weighs::Old,
        Weighs::Old => Weighs::New,
    };
    let running_var = match own.running_var {
        RunningVar::Biased => RunningVar::Unbiased,
        RunningVar::Unbiased => RunningVar::Biased,
    };
    let under = |convention| golden.agrees(Norm::Library, convention);
    all([
        golden.agrees(bn, own),
        wrong("momentum read the other way", under(Convention { weighs, ..own })),
        wrong("the other running variance", under(Convention { running_var, ..own })),
    ])
}

/// PyTorch 2.15 gives what the library gives, in training, backward and at inference: batch, layer,
/// instance, group, RMS, weight and spectral normalization, and folding.
///
/// 파이토치 2.15는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS, 가중치, 스펙트럼 정규화와 접기에서 그렇습니다.
#[test]
fn pytorch_gives_the_same() -> Claim {
    claim(|bn| agrees("pytorch", bn, Profile::PyTorch)).rejects(BOTH)
}

/// Keras 3.15 on TensorFlow gives what the library gives, in training, backward and at inference: batch,
/// layer, instance, group and RMS normalization.
///
/// 텐서플로 위의 케라스 3.15는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn keras_gives_the_same() -> Claim {
    claim(|bn| agrees("keras", bn, Profile::Keras)).rejects(BOTH)
}

/// Flax 0.12 gives what the library gives, in training, backward and at inference: batch, layer, instance,
/// group and RMS normalization.
///
/// Flax 0.12는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn flax_gives_the_same() -> Claim {
    claim(|bn| agrees("flax", bn, Profile::Flax)).rejects(BOTH)
}

/// The reference evaluator of ONNX gives what the library gives, in training and at inference: batch,
/// layer, instance, group and RMS normalization.
///
/// ONNX의 참조 실행기는 학습에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn onnx_gives_the_same() -> Claim {
    claim(|bn| agrees("onnx", bn, Profile::Onnx)).rejects(FORWARD)
}

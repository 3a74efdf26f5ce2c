//! Models of other frameworks, read, checked and folded; and whatever else may be in a file.

use batchnorm::batch_norm::{Average, BatchNorm, Config};
use batchnorm::folding::{into_next, into_previous};
use batchnorm::interchange::{Error, Style, Tensors};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::profile::Profile;
use ndarray::{Array, Array1, Array2, Array4, Dimension, Ix1, Ix2, Ix4, array};
use proptest::prelude::*;
use std::path::Path;

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/interchange").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn pytorch() -> Tensors {
    Tensors::from_bytes(&bytes("pytorch.safetensors")).unwrap()
}

fn tensor<D: Dimension>(name: &str) -> Array<f32, D> {
    pytorch().array(name).unwrap()
}

/// Within so many ulp of the largest expected output: the others sum in another order, in `f32`.
#[track_caller]
fn near<D: Dimension>(got: &Array<f32, D>, need: &Array<f32, D>, ulps: f32) {
    assert_eq!(got.shape(), need.shape());
    let largest = need.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    let worst = (got - need).iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    assert!(worst <= ulps * f32::EPSILON * largest, "{worst} of {largest}");
}

fn bn2() -> Config<f32> {
    Config { eps: 1e-3, ..Profile::PyTorch.config() }
}

#[test]
fn a_model_of_pytorch_answers_as_it_does_there() {
    let window = Window { padding: 1, ..Window::default() };
    let conv = Conv2d::new(tensor("conv.weight"), Some(tensor("conv.bias")), window).unwrap();
    let first: BatchNorm<f32> =
        pytorch().batch_norm("bn1", Style::PyTorch, Profile::PyTorch.config()).unwrap();
    assert_eq!((first.batches(), first.channels()), (20, 3));
    let z = conv.apply(&tensor::<Ix4>("example.x")).unwrap();
    near(&z, &tensor("example.conv"), 4.0);
    let y = first.freeze().unwrap().apply(&z).unwrap();
    near(&y, &tensor("example.bn1"), 4.0);

    let linear = Linear::new(tensor("fc.weight"), Some(tensor("fc.bias"))).unwrap();
    let a = Activation::Relu.apply(y).into_shape_with_order((4, 48)).unwrap();
    let z = linear.apply(&a).unwrap();
    near(&z, &tensor("example.fc"), 8.0);
    let last = pytorch().batch_norm("bn2", Style::PyTorch, bn2()).unwrap().freeze().unwrap();
    near(&last.apply(&z).unwrap(), &tensor("example.y"), 8.0);

    // Folded, both layers are gone.
    let map = first.freeze().unwrap();
    let (weight, bias) = into_previous(&conv.weight, conv.bias.as_ref(), &map).unwrap();
    let conv = Conv2d::new(weight, Some(bias), window).unwrap();
    let (weight, bias) = into_previous(&linear.weight, linear.bias.as_ref(), &last).unwrap();
    let linear = Linear::new(weight, Some(bias)).unwrap();
    let a = Activation::Relu.apply(conv.apply(&tensor::<Ix4>("example.x")).unwrap());
    let y = linear.apply(&a.into_shape_with_order((4, 48)).unwrap()).unwrap();
    near(&y, &tensor("example.y"), 16.0);
}

/// The file does not say which ε is right; the answers do.
#[test]
fn another_eps_is_noticed() {
    let last = pytorch().batch_norm("bn2", Style::PyTorch, Profile::PyTorch.config::<f32>());
    let y = last.unwrap().freeze().unwrap().apply(&tensor::<Ix2>("example.fc")).unwrap();
    let need: Array2<f32> = tensor("example.y");
    assert!((y - need).iter().any(|d| d.abs() > 1e-4));
}

#[test]
fn a_model_of_keras_answers_as_it_does_there() {
    let file = Tensors::from_bytes(&bytes("keras.safetensors")).unwrap();
    let kernel: Array2<f32> = file.array("model/dense/kernel").unwrap();
    let dense =
        Linear::new(kernel.reversed_axes(), Some(file.array("model/dense/bias").unwrap())).unwrap();
    let bn: BatchNorm<f32> =
        file.batch_norm("model/bn", Style::Keras, Profile::Keras.config()).unwrap();
    let z = dense.apply(&file.array::<f32, Ix2>("example.x").unwrap()).unwrap();
    let y = bn.freeze().unwrap().apply(&z).unwrap();
    near(&y, &file.array("example.y").unwrap(), 8.0);

    // Into the next layer instead, here one that adds up the outputs.
    let next = Array2::ones((1, 4));
    let (weight, bias) = into_next(&next, None, &bn.freeze().unwrap()).unwrap();
    let sums = Linear::new(weight, Some(bias)).unwrap().apply(&z).unwrap();
    near(&sums, &y.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1)), 16.0);
}

#[test]
fn what_is_written_is_read() {
    let layer: BatchNorm<f32> = pytorch().batch_norm("bn2", Style::PyTorch, bn2()).unwrap();
    for style in [Style::PyTorch, Style::Keras] {
        for prefix in ["", "a", "a.b/c"] {
            let mut tensors = Tensors::default();
            tensors.insert_batch_norm(prefix, style, &layer).unwrap();
            let read = Tensors::from_bytes(&tensors.to_bytes().unwrap()).unwrap();
            assert_eq!(read, tensors);
            let same: BatchNorm<f32> = read.batch_norm(prefix, style, bn2()).unwrap();
            assert_eq!(same.freeze(), layer.freeze());
            assert_eq!(same.batches(), if style == Style::PyTorch { 20 } else { 0 });
            let wide: BatchNorm<f64> = read.batch_norm(prefix, style, Config::default()).unwrap();
            assert_eq!(wide.running_var[0], f64::from(layer.running_var[0]));
        }
    }
    let mut tensors = Tensors::default();
    let turned = Array2::from_shape_fn((2, 3), |(i, j)| (3 * i + j) as f64).reversed_axes();
    tensors.insert("turned", &turned);
    tensors.insert("none", &Array4::<f32>::zeros((2, 0, 1, 3)));
    let read = Tensors::from_bytes(&tensors.to_bytes().unwrap()).unwrap();
    assert_eq!(read.names().collect::<Vec<_>>(), ["none", "turned"]);
    assert_eq!(read.array::<f64, Ix2>("turned").unwrap(), turned);
    assert_eq!(read.array::<f32, Ix4>("none").unwrap().dim(), (2, 0, 1, 3));
}

#[test]
fn without_gamma_and_beta() {
    let config = Config { affine: false, ..Config::default() };
    let layer = BatchNorm::<f64>::with(3, config).unwrap();
    let mut tensors = Tensors::default();
    tensors.insert_batch_norm("bn", Style::PyTorch, &layer).unwrap();
    let names: Vec<_> = tensors.names().collect();
    assert_eq!(names, ["bn.num_batches_tracked", "bn.running_mean", "bn.running_var"]);
    let same: BatchNorm<f64> = tensors.batch_norm("bn", Style::PyTorch, config).unwrap();
    assert_eq!(same.gamma, None);
    let name = || "bn.weight".to_string();
    let read = |tensors: &Tensors, config| {
        tensors.batch_norm::<f64>("bn", Style::PyTorch, config).map(|_| ()).unwrap_err()
    };
    assert_eq!(read(&tensors, Config::default()), Error::Missing { name: name() });
    tensors.insert(&name(), &Array1::<f64>::ones(3));
    assert_eq!(read(&tensors, config), Error::Unexpected { name: name() });
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let good = {
        let mut tensors = Tensors::default();
        tensors.insert_batch_norm("bn", Style::PyTorch, &BatchNorm::<f32>::new(3)).unwrap();
        tensors
    };
    let read = |tensors: &Tensors| {
        tensors.batch_norm::<f32>("bn", Style::PyTorch, Config::default()).map(|_| ())
    };
    assert_eq!(read(&good), Ok(()));
    let with = |name: &str, values: &Array1<f32>| {
        let mut tensors = good.clone();
        tensors.insert(name, values);
        read(&tensors).unwrap_err()
    };
    let value = |name: &str, index, got| Error::Value { name: name.into(), index, got };
    for name in ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"] {
        let error = with(name, &array![1.0, f32::INFINITY, 0.0]);
        assert_eq!(error, value(name, 1, f64::INFINITY));
        let error = with(name, &array![1.0, 2.0, f32::NAN]);
        assert!(matches!(error, Error::Value { index: 2, got, .. } if got.is_nan()));
        let mut tensors = good.clone();
        tensors.insert(name, &Array1::<f64>::ones(3));
        let (need, got) = ("F32", "F64".to_string());
        assert_eq!(read(&tensors), Err(Error::Dtype { name: name.into(), need, got }));
        tensors.insert(name, &Array2::<f32>::ones((3, 1)));
        let got = vec![3, 1];
        assert_eq!(read(&tensors), Err(Error::Rank { name: name.into(), need: 1, got }));
    }
    let error = with("bn.running_var", &array![1.0, 0.0, -0.5]);
    assert_eq!(error, value("bn.running_var", 2, -0.5));
    let error = with("bn.bias", &array![1.0, 0.0]);
    assert_eq!(error, Error::Length { name: "bn.bias".into(), need: 3, got: 2 });
    let name = || "bn.num_batches_tracked".to_string();
    let error = with(&name(), &array![1.0]);
    assert_eq!(error, Error::Dtype { name: name(), need: "I64", got: "F32".into() });
    let nothing = good.batch_norm::<f32>("other", Style::PyTorch, Config::default()).map(|_| ());
    assert_eq!(nothing, Err(Error::Missing { name: "other.running_mean".into() }));
    let eps = Config { eps: -1.0, ..Config::default() };
    let error = good.batch_norm::<f32>("bn", Style::PyTorch, eps).map(|_| ());
    assert!(matches!(error, Err(Error::Layer(batchnorm::error::Error::Eps { .. }))));
    // As they are, the tensors can be read all the same.
    let mut tensors = good;
    tensors.insert("bn.bias", &array![f32::NAN]);
    assert!(tensors.array::<f32, Ix1>("bn.bias").unwrap()[0].is_nan());

    let mut layer = BatchNorm::<f32>::new(2);
    layer.beta = Some(array![0.0]);
    let error = tensors.insert_batch_norm("bn", Style::Keras, &layer);
    assert_eq!(error, Err(Error::Length { name: "bn/beta".into(), need: 2, got: 1 }));
    assert!(tensors.names().all(|name| !name.contains('/')), "half a layer has been written");
}

/// Headers made by hand: what a file may say that this crate cannot write.
#[test]
fn counts_and_types_of_other_files() {
    let file = |header: &str, data: &[u8]| {
        let length = (header.len() as u64).to_le_bytes();
        let tensors = Tensors::from_bytes(&[&length, header.as_bytes(), data].concat())?;
        let mut all = tensors.clone();
        all.insert_batch_norm("bn", Style::Keras, &BatchNorm::<f32>::new(1))?;
        for (from, to) in [
            ("bn/gamma", "weight"),
            ("bn/beta", "bias"),
            ("bn/moving_mean", "running_mean"),
            ("bn/moving_variance", "running_var"),
        ] {
            let vector: Array1<f32> = all.array(from)?;
            all.insert(to, &vector);
        }
        let average = Average::Cumulative;
        all.batch_norm::<f32>("", Style::PyTorch, Config { average, ..Config::default() })
            .map(|bn| bn.batches())
    };
    let count = |shape: &str, data: &[u8]| {
        let end = data.len();
        let header = format!(
            r#"{{"num_batches_tracked":{{"dtype":"I64","shape":{shape},"data_offsets":[0,{end}]}}}}"#
        );
        file(&header, data)
    };
    let name = || "num_batches_tracked".to_string();
    assert_eq!(count("[]", &7_i64.to_le_bytes()), Ok(7));
    assert_eq!(count("[1]", &7_i64.to_le_bytes()), Ok(7));
    let negative = Error::Value { name: name(), index: 0, got: -7.0 };
    assert_eq!(count("[]", &(-7_i64).to_le_bytes()), Err(negative));
    let many = Error::Rank { name: name(), need: 0, got: vec![2] };
    assert_eq!(count("[2]", &[0; 16]), Err(many));
    // The next batch after as many as can be counted.
    let far = count("[]", &i64::MAX.to_le_bytes()).unwrap();
    let mut bn = BatchNorm::<f32>::new(1);
    bn.set_batches(far);
    bn.set_batches(usize::MAX);
    assert!(bn.train(array![[1.0], [2.0]]).is_ok());

    let half = r#"{"x":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#;
    let length = (half.len() as u64).to_le_bytes();
    let half = Tensors::from_bytes(&[&length, half.as_bytes(), &[0, 0]].concat()).unwrap();
    let error = half.array::<f64, Ix1>("x").unwrap_err();
    assert_eq!(error.to_string(), "`x`: need elements of type F64 or F32, got F16");
}

#[test]
fn a_file_that_is_cut_short_is_refused_at_every_length() {
    let whole = bytes("keras.safetensors");
    for length in 0..whole.len() {
        let error = Tensors::from_bytes(&whole[..length]).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{length}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(Tensors::from_bytes(&longer).is_err());
}

/// A result or an error, whatever has happened to the bytes; and what can be read can be written.
#[test]
fn damaged_files_do_not_panic() {
    let (whole, mut random) = (bytes("keras.safetensors"), Random::new(0));
    for _ in 0..2000 {
        let mut damaged = whole.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        read_everything(&damaged);
    }
}

fn read_everything(bytes: &[u8]) {
    let Ok(tensors) = Tensors::from_bytes(bytes) else { return };
    for name in tensors.names() {
        let _ = tensors.array::<f32, Ix1>(name);
        let _ = tensors.array::<f64, Ix2>(name);
        let prefix = name.rsplit_once(['.', '/']).map_or("", |(prefix, _)| prefix);
        for style in [Style::PyTorch, Style::Keras] {
            if let Ok(bn) = tensors.batch_norm::<f64>(prefix, style, Config::default()) {
                assert!(bn.freeze().is_ok());
            }
        }
    }
    assert_eq!(Tensors::from_bytes(&tensors.to_bytes().unwrap()).unwrap(), tensors);
}

proptest! {
    #[test]
    fn any_header_is_read_or_refused(
        dtype in "F16|F32|F64|I64|BOOL|F4",
        shape in prop::collection::vec(prop_oneof![0..4u64, any::<u64>()], 0..4),
        end in prop_oneof![0..32u64, any::<u64>()],
        data in prop::collection::vec(any::<u8>(), 0..32),
    ) {
        let header = format!(
            r#"{{"running_mean":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[0,{end}]}}}}"#
        );
        let length = (header.len() as u64).to_le_bytes();
        read_everything(&[&length, header.as_bytes(), &data[..]].concat());
    }
}

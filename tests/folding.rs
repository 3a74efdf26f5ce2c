//! Folding an affine map into a neighbour does not change what the two compute together.

use batchnorm::affine::Affine;
use batchnorm::batch_norm::BatchNorm;
use batchnorm::error::Error;
use batchnorm::folding::{into_next, into_next_convolution, into_previous};
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use ndarray::{Array, Array1, Array4, Dimension, IntoDimension, array};

fn draw<S: IntoDimension>(shape: S, random: &mut Random) -> Array<f64, S::Dim> {
    Array::from_shape_simple_fn(shape, || random.gaussian())
}

/// A layer at inference whose statistics and parameters are nothing special.
fn frozen(channels: usize, random: &mut Random) -> Affine<f64> {
    let mut bn = BatchNorm::new(channels);
    bn.running_mean = draw(channels, random) * 10.0;
    bn.running_var = draw(channels, random).exp();
    bn.gamma = Some(draw(channels, random));
    bn.beta = Some(draw(channels, random));
    bn.freeze().unwrap()
}

/// Rounding of sums of some dozen products of numbers near 100.
fn same<D: Dimension>(a: &Array<f64, D>, b: &Array<f64, D>) {
    assert_eq!(a.shape(), b.shape());
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-11, "{worst}");
}

#[test]
fn into_a_linear_layer_before_it() {
    let random = &mut Random::new(1);
    for bias in [true, false] {
        let bias = bias.then(|| draw(5, random));
        let linear = Linear::new(draw((5, 3), random), bias).unwrap();
        let (map, x) = (frozen(5, random), draw((7, 3), random));
        let (w, b) = into_previous(&linear.weight, linear.bias.as_ref(), &map).unwrap();
        let folded = Linear::new(w, Some(b)).unwrap();
        same(&folded.apply(&x).unwrap(), &map.apply(&linear.apply(&x).unwrap()).unwrap());
    }
}

#[test]
fn into_a_convolution_before_it_with_any_window() {
    let random = &mut Random::new(2);
    for (stride, padding, groups) in [(1, 0, 1), (2, 1, 2), (1, 2, 4)] {
        let window = Window { stride, padding, groups };
        let weight = draw((8, 4 / groups, 3, 3), random);
        let conv = Conv2d::new(weight, Some(draw(8, random)), window).unwrap();
        let (map, x) = (frozen(8, random), draw((2, 4, 6, 5), random));
        let (w, b) = into_previous(&conv.weight, conv.bias.as_ref(), &map).unwrap();
        let folded = Conv2d::new(w, Some(b), window).unwrap();
        same(&folded.apply(&x).unwrap(), &map.apply(&conv.apply(&x).unwrap()).unwrap());
    }
}

#[test]
fn into_a_linear_layer_behind_it() {
    let random = &mut Random::new(3);
    let linear = Linear::new(draw((5, 3), random), Some(draw(5, random))).unwrap();
    let (map, x) = (frozen(3, random), draw((7, 3), random));
    let (w, b) = into_next(&linear.weight, linear.bias.as_ref(), &map).unwrap();
    let folded = Linear::new(w, Some(b)).unwrap();
    same(&folded.apply(&x).unwrap(), &linear.apply(&map.apply(&x).unwrap()).unwrap());
}

#[test]
fn into_a_convolution_behind_it_without_padding() {
    let random = &mut Random::new(4);
    for (stride, groups) in [(1, 1), (2, 2), (1, 4)] {
        let window = Window { stride, padding: 0, groups };
        let weight = draw((8, 4 / groups, 3, 3), random);
        let conv = Conv2d::new(weight, Some(draw(8, random)), window).unwrap();
        let (map, x) = (frozen(4, random), draw((2, 4, 6, 5), random));
        let (w, b) =
            into_next_convolution(&conv.weight, conv.bias.as_ref(), groups, 0, &map).unwrap();
        let folded = Conv2d::new(w, Some(b), window).unwrap();
        same(&folded.apply(&x).unwrap(), &conv.apply(&map.apply(&x).unwrap()).unwrap());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let map = Affine::new(array![0.0, 0.0], array![1.0, 1.0], array![0.0, 0.0]).unwrap();
    let weight = Array4::<f64>::ones((6, 2, 3, 3));
    let length = |what, need, got| Error::Length { what, need, got };
    let next = |groups, padding| into_next_convolution(&weight, None, groups, padding, &map);
    assert_eq!(next(1, 2), Err(Error::Padding { got: 2 }));
    assert_eq!(next(4, 0), Err(Error::Groups { groups: 4, channels: 6 }));
    assert_eq!(next(0, 0), Err(Error::Groups { groups: 0, channels: 6 }));
    assert_eq!(next(3, 0), Err(length("channels of the map", 6, 2)));
    assert!(next(1, 0).is_ok());

    let rows = |bias: Option<&Array1<f64>>, map| into_previous(&weight, bias, map).map(|_| ());
    assert_eq!(rows(None, &map), Err(length("channels of the map", 6, 2)));
    let six = Affine::new(Array1::zeros(6), Array1::ones(6), Array1::zeros(6)).unwrap();
    assert_eq!(rows(Some(&array![1.0]), &six), Err(length("bias", 6, 1)));
    assert_eq!(rows(None, &six), Ok(()));
}

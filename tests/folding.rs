//! Folding an affine map into a neighbour does not change what the two compute together.

use batchnorm::affine::Affine;
use batchnorm::batch_norm::BatchNorm;
use batchnorm::error::Error;
use batchnorm::folding::{
    Transposed, into_next, into_next_convolution, into_next_transposed_convolution, into_previous,
    into_previous_transposed_convolution,
};
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

/// A convolution by its definition: the pixel i of the small side and the weight p belong to the pixel
/// i·stride + p·dilation − padding of the large side, if there is one. The convolution sums over what
/// belongs to a small pixel; the transposed convolution over what belongs to a large one.
struct Definition {
    window: Transposed,
    transposed: bool,
}

impl Definition {
    fn apply(&self, x: &Array4<f64>, weight: &Array4<f64>, bias: &Array1<f64>) -> Array4<f64> {
        let Transposed { stride, padding, dilation, groups } = self.window;
        let (n, _, height, width) = x.dim();
        let (first, depth, kh, kw) = weight.dim();
        let size = |length: usize, k: usize| match (k - 1) * dilation {
            reach if self.transposed => (length - 1) * stride + reach + 1 - 2 * padding,
            reach => (length + 2 * padding - reach - 1) / stride + 1,
        };
        let large = |i: usize, p: usize, length: usize| {
            (i * stride + p * dilation).checked_sub(padding).filter(|&i| i < length)
        };
        let outputs = if self.transposed { groups * depth } else { first };
        let shape = (n, outputs, size(height, kh), size(width, kw));
        let mut y = Array4::from_shape_fn(shape, |(_, o, ..)| bias[o]);
        let (_, _, rows, columns) = if self.transposed { x.dim() } else { shape };
        let (_, _, large_rows, large_columns) = if self.transposed { shape } else { x.dim() };
        for ((a, b, p, q), w) in weight.indexed_iter() {
            // The b-th channel of the group on the other side.
            let other = a / (first / groups) * depth + b;
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let large = large(i, p, large_rows).zip(large(j, q, large_columns));
                let Some((k, l)) = large else { continue };
                for n in 0..n {
                    if self.transposed {
                        y[[n, other, k, l]] += w * x[[n, a, i, j]];
                    } else {
                        y[[n, a, i, j]] += w * x[[n, other, k, l]];
                    }
                }
            }
        }
        y
    }
}

/// Every window with these strides, paddings, dilations and groups, and a kernel of these sides.
fn windows() -> impl Iterator<Item = (Transposed, [usize; 2])> {
    let kernels = [[1, 1], [2, 2], [3, 2]];
    (0..3 * 4 * 2 * 2 * 3).map(move |code: usize| {
        let (stride, padding) = (1 + code % 3, code / 3 % 4);
        let (dilation, groups) = (1 + code / 12 % 2, 1 + code / 24 % 2);
        (Transposed { stride, padding, dilation, groups }, kernels[code / 48])
    })
}

#[test]
fn the_definition_is_the_convolution_of_the_kit() {
    let random = &mut Random::new(5);
    for (window, [kh, kw]) in windows().filter(|(window, _)| window.dilation == 1) {
        let Transposed { stride, padding, groups, .. } = window;
        let (x, bias) = (draw((2, 4, 7, 6), random), draw(6, random));
        let weight = draw((6, 4 / groups, kh, kw), random);
        let y = Definition { window, transposed: false }.apply(&x, &weight, &bias);
        let conv = Conv2d::new(weight, Some(bias), Window { stride, padding, groups }).unwrap();
        same(&y, &conv.apply(&x).unwrap());
    }
}

/// ⟨conv(x), y⟩ = ⟨x, conv_transposed(y)⟩: hence the name.
#[test]
fn the_transposed_convolution_is_the_transpose() {
    let random = &mut Random::new(6);
    for (window, [kh, kw]) in windows() {
        let weight = draw((6, 4 / window.groups, kh, kw), random);
        let y: Array4<f64> = draw((2, 6, 7, 8), random);
        let down = Definition { window, transposed: true }.apply(&y, &weight, &Array1::zeros(4));
        let x = draw(down.raw_dim(), random);
        let up = Definition { window, transposed: false }.apply(&x, &weight, &Array1::zeros(6));
        // Rows that the stride leaves over make `up` no larger.
        assert_eq!(up.dim(), y.dim());
        let (left, right) = ((&up * &y).sum(), (&x * &down).sum());
        assert!((left - right).abs() < 1e-10, "{left} {right}");
    }
}

#[test]
fn into_a_convolution_before_it_with_any_dilation() {
    let random = &mut Random::new(7);
    for (window, [kh, kw]) in windows() {
        let (weight, bias) = (draw((6, 4 / window.groups, kh, kw), random), draw(6, random));
        let (map, x) = (frozen(6, random), draw((2, 4, 7, 6), random));
        let conv = Definition { window, transposed: false };
        let (w, b) = into_previous(&weight, Some(&bias), &map).unwrap();
        same(&conv.apply(&x, &w, &b), &map.apply(&conv.apply(&x, &weight, &bias)).unwrap());
    }
}

#[test]
fn into_a_transposed_convolution_before_it_with_any_window() {
    let random = &mut Random::new(8);
    for (window, [kh, kw]) in windows() {
        let (weight, bias) = (draw((4, 6 / window.groups, kh, kw), random), draw(6, random));
        let (map, x) = (frozen(6, random), draw((2, 4, 7, 8), random));
        let conv = Definition { window, transposed: true };
        let fold = |bias| {
            into_previous_transposed_convolution(&weight, bias, window.groups, &map).unwrap()
        };
        let (w, b) = fold(Some(&bias));
        same(&conv.apply(&x, &w, &b), &map.apply(&conv.apply(&x, &weight, &bias)).unwrap());
        let (w, b) = fold(None);
        let without = conv.apply(&x, &weight, &Array1::zeros(6));
        same(&conv.apply(&x, &w, &b), &map.apply(&without).unwrap());
    }
}

/// Where a map in front is refused no bias at all would do, and where it is not the one given does.
#[test]
fn into_a_convolution_behind_it_just_where_one_bias_is_right() {
    let random = &mut Random::new(9);
    let mut exact = [0, 0];
    for (window, [kh, kw]) in windows() {
        let (map, x) = (frozen(4, random), draw((2, 4, 9, 8), random));
        let mapped = map.apply(&x).unwrap();
        for transposed in [false, true] {
            let conv = Definition { window, transposed };
            let depth = if transposed { 6 } else { 4 } / window.groups;
            let weight = draw((if transposed { 4 } else { 6 }, depth, kh, kw), random);
            let bias = draw(6, random);
            let (b, g) = (Some(&bias), window.groups);
            let folded = if transposed {
                into_next_transposed_convolution(&weight, b, window, &map)
            } else {
                into_next_convolution(&weight, b, g, window.padding, &map)
            };
            let y = conv.apply(&mapped, &weight, &bias);
            if let Ok((w, b)) = folded {
                same(&conv.apply(&x, &w, &b), &y);
                exact[usize::from(transposed)] += 1;
                continue;
            }
            // The weights must be those of the map's slope; what is left is to be one bias per channel.
            let mut scaled = weight.clone();
            for ((a, b, ..), w) in scaled.indexed_iter_mut() {
                let input = if transposed { a } else { a / (6 / g) * depth + b };
                *w *= map.slope()[input];
            }
            let left = y - conv.apply(&x, &scaled, &bias);
            let channel = left.index_axis(ndarray::Axis(1), 0);
            assert!(channel.iter().any(|v| (v - channel[[0, 0, 0]]).abs() > 1e-6), "{window:?}");
        }
    }
    assert!(exact.into_iter().all(|n| n > 5), "{exact:?}");
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

    let transposed = |groups| into_previous_transposed_convolution(&weight, None, groups, &map);
    assert!(transposed(1).is_ok());
    assert_eq!(transposed(4), Err(Error::Groups { groups: 4, channels: 6 }));
    assert_eq!(transposed(3), Err(length("channels of the map", 6, 2)));
    let window = |stride, padding| Transposed { stride, padding, dilation: 2, groups: 2 };
    let next = |window| into_next_transposed_convolution(&weight, Some(&array![1.0]), window, &six);
    assert_eq!(next(window(2, 9)), Err(Error::Transposed { stride: 2, padding: 9, need: 4 }));
    assert_eq!(next(window(1, 3)), Err(Error::Transposed { stride: 1, padding: 3, need: 4 }));
    assert_eq!(next(window(1, 4)), Err(length("bias", 4, 1)));
}

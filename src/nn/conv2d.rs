//! The convolution of images.

use super::init::Init;
use super::product::product;
use super::random::Random;
use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::{check_length, check_shape};
use crate::scalar::{Field, Scalar};
use crate::split::check_groups;
use ndarray::{Array1, Array2, Array4, ArrayRef3, ArrayRef4, ArrayView4, Axis};
use std::ops::Range;

/// How a window goes over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// By how many pixels the window moves, in both directions.
    pub stride: usize,
    /// How many zeros surround the image, on every side.
    pub padding: usize,
    /// Into how many groups the channels are divided; a group of outputs sees one group of inputs.
    pub groups: usize,
}

impl Default for Window {
    /// Every position of the image itself, every input channel.
    fn default() -> Self {
        Window { stride: 1, padding: 0, groups: 1 }
    }
}

/// Convolution of `[N, in, H, W]` with weights `[out, in/groups, kh, kw]`:
///
/// y\[n,o,i,j\] = b\[o\] + Σ w\[o,c,p,q\] · x\[n, c + (first channel of o's group), i·stride + p − padding,
/// j·stride + q − padding\],
///
/// with zeros beyond the border. The output is `[N, out, (H + 2·padding − kh)/stride + 1, …]`, rounded
/// down. (As everywhere in the field the kernel is not flipped: mathematicians call this correlation.)
///
/// ```
/// use batchnorm::nn::conv2d::{Conv2d, Window};
/// use ndarray::{array, Array4};
///
/// let sum = Conv2d::new(Array4::ones((1, 1, 2, 2)), None, Window::default())?;
/// let x = Array4::from_shape_fn((1, 1, 2, 3), |(_, _, i, j)| (3 * i + j) as f64);
/// assert_eq!(sum.apply(&x)?, array![[[[8.0, 12.0]]]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d<F> {
    /// w, `[out, in/groups, kh, kw]`.
    pub weight: Array4<F>,
    /// b, one for each output channel; `None` where the layer has none.
    pub bias: Option<Array1<F>>,
    window: Window,
}

/// What the backward pass needs of the forward pass: the layer and its input.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<'a, F> {
    layer: &'a Conv2d<F>,
    x: Array4<F>,
}

/// The gradients of the loss with respect to the layer's input and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F> {
    /// ∂L/∂x, `[N, in, H, W]`.
    pub x: Array4<F>,
    /// ∂L/∂w, `[out, in/groups, kh, kw]`.
    pub weight: Array4<F>,
    /// ∂L/∂b; `None` where there is no b.
    pub bias: Option<Array1<F>>,
}

impl<F: Scalar> Conv2d<F> {
    /// The layer with these parameters.
    ///
    /// # Errors
    /// [`Error::Groups`] if the groups do not divide the output channels, [`Error::Window`] for a
    /// kernel without elements or a stride of 0, [`Error::Length`] if the bias does not have one element
    /// for each output channel.
    pub fn new(weight: Array4<F>, bias: Option<Array1<F>>, window: Window) -> Result<Self> {
        let layer = Conv2d { weight, bias, window };
        layer.check_parameters()?;
        Ok(layer)
    }

    /// A layer with random weights of shape `[out, in/groups, kh, kw]` and, if asked for, a bias of 0.
    ///
    /// # Errors
    /// As [`Init::draw`] and [`new`](Self::new).
    pub fn random(
        shape: [usize; 4],
        bias: bool,
        window: Window,
        init: Init,
        random: &mut Random,
    ) -> Result<Self>
    where
        F: Real,
    {
        let weight = init.draw(shape, random)?;
        Conv2d::new(weight, bias.then(|| Array1::from_elem(shape[0], F::ZERO)), window)
    }

    /// How the window goes over the image.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The shape of y, for x of this shape.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn output_shape(&self, x: [usize; 4]) -> Result<[usize; 4]> {
        let patches = self.patches(x)?;
        Ok([x[0], self.weight.shape()[0], patches.rows.steps, patches.columns.steps])
    }

    /// y, for x of shape `[N, in, H, W]`.
    ///
    /// A matrix product for each image and group, of the weights with the image's patches.
    ///
    /// # Errors
    /// [`Error::Length`] if x does not have `in` channels, [`Error::Window`] if the kernel is larger
    /// than the padded image, or the padding beyond all measure; as [`new`](Self::new) if the public
    /// parameters have changed shape.
    pub fn apply(&self, x: &ArrayRef4<F>) -> Result<Array4<F>> {
        let patches = self.patches(x.dim().into())?;
        let (samples, outputs) = (x.shape()[0], self.weight.shape()[0]);
        let weights = self.weights();
        let mut y = Vec::with_capacity(samples * outputs * patches.positions());
        for image in x.as_standard_layout().outer_iter() {
            for (group, weight) in weights.iter().enumerate() {
                let maps = product(weight, &patches.gather(&image, group))?;
                y.extend_from_slice(maps.as_slice().expect("products are row-major"));
            }
        }
        if let Some(bias) = &self.bias {
            let maps = y.chunks_exact_mut(patches.positions());
            for (map, &b) in maps.zip(bias.iter().cycle()) {
                map.iter_mut().for_each(|y| *y = *y + b);
            }
        }
        let shape = (samples, outputs, patches.rows.steps, patches.columns.steps);
        Ok(Array4::from_shape_vec(shape, y).expect("a map for each sample and output"))
    }

    /// As [`apply`](Self::apply), with the tape for the backward pass, which keeps x.
    ///
    /// # Errors
    /// As `apply`.
    pub fn forward(&self, x: Array4<F>) -> Result<(Array4<F>, Tape<'_, F>)> {
        Ok((self.apply(&x)?, Tape { layer: self, x }))
    }

    /// The weights of each group as a matrix, `[out/groups, in/groups · kh · kw]`.
    fn weights(&self) -> Vec<Array2<F>> {
        let taps = self.weight.shape()[1..].iter().product();
        let matrix = |group: ArrayView4<F>| {
            let weights = group.iter().copied().collect();
            Array2::from_shape_vec((group.shape()[0], taps), weights).expect("its own shape")
        };
        self.weight.axis_chunks_iter(Axis(0), self.share()).map(matrix).collect()
    }

    /// How many outputs a group has.
    fn share(&self) -> usize {
        (self.weight.shape()[0] / self.window.groups).max(1)
    }

    fn patches(&self, [samples, channels, height, width]: [usize; 4]) -> Result<Patches> {
        self.check_parameters()?;
        let Window { stride, padding, groups } = self.window;
        let (outputs, depth, kh, kw) = self.weight.dim();
        check_length("channels", depth * groups, channels)?;
        let side = |size: usize, taps: usize| {
            let steps = size.checked_add(padding.checked_mul(2)?)?.checked_sub(taps)? / stride + 1;
            Some(Side { taps, steps, size, stride, padding })
        };
        let sides = || {
            let (rows, columns) = (side(height, kh)?, side(width, kw)?);
            // What has no number of bytes has no place in memory either.
            let all = [samples.max(1), outputs.max(depth * kh * kw), rows.steps, columns.steps];
            all.iter().try_fold(size_of::<F::Wide>(), |n, &length| n.checked_mul(length))?;
            Some(Patches { depth, rows, columns })
        };
        let padded = [height, width].map(|size| size.saturating_add(padding.saturating_mul(2)));
        sides().ok_or(Error::Window { kernel: [kh, kw], input: padded, stride })
    }

    /// Weights and bias are public: their shapes are checked where they are used.
    fn check_parameters(&self) -> Result<()> {
        let Window { stride, padding, groups } = self.window;
        let (out, _, kh, kw) = self.weight.dim();
        check_groups(groups, out)?;
        if kh == 0 || kw == 0 || stride == 0 {
            return Err(Error::Window {
                kernel: [kh, kw],
                input: [padding.saturating_mul(2); 2],
                stride,
            });
        }
        check_length("bias", out, self.bias.as_ref().map_or(out, Array1::len))
    }
}

impl<F: Scalar> Tape<'_, F> {
    /// The gradients, for g = ∂L/∂y: by the transposed products.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of y.
    pub fn backward(self, dy: &ArrayRef4<F>) -> Result<Gradients<F>> {
        let Tape { layer, x } = self;
        let patches = layer.patches(x.dim().into())?;
        let (samples, outputs) = (x.shape()[0], layer.weight.shape()[0]);
        let shape = [samples, outputs, patches.rows.steps, patches.columns.steps];
        check_shape("dy", &shape, dy.shape())?;
        let weights = layer.weights();
        let turned: Vec<_> =
            weights.iter().map(|w| w.t().as_standard_layout().to_owned()).collect();
        let mut dw: Vec<_> = weights.iter().map(|w| w.map(|_| F::Wide::ZERO)).collect();
        let mut db = vec![F::Wide::ZERO; outputs];
        let x = x.as_standard_layout();
        let mut dx = Array4::from_elem(x.raw_dim(), F::ZERO);

        let dy = dy.as_standard_layout();
        for ((image, dy), mut dx) in x.outer_iter().zip(dy.outer_iter()).zip(dx.outer_iter_mut()) {
            let g = dy.into_shape_with_order((outputs, patches.positions()));
            let g = g.expect("the two last axes as one");
            for (sum, row) in db.iter_mut().zip(g.rows()) {
                *sum = row.iter().fold(*sum, |sum, g| sum + g.widen());
            }
            let groups = g.axis_chunks_iter(Axis(0), layer.share());
            for (group, ((g, turned), dw)) in groups.zip(&turned).zip(&mut dw).enumerate() {
                let of_this = product(&g, &patches.gather(&image, group).t())?;
                dw.zip_mut_with(&of_this, |sum, d| *sum = *sum + d.widen());
                patches.scatter(&product(turned, &g)?, &mut dx, group);
            }
        }
        let dw = dw.into_iter().flatten().map(F::narrow).collect();
        Ok(Gradients {
            x: dx,
            weight: Array4::from_shape_vec(layer.weight.dim(), dw).expect("as many as weights"),
            bias: layer.bias.as_ref().map(|_| db.into_iter().map(F::narrow).collect()),
        })
    }
}

/// One direction of the window's way over the padded image.
#[derive(Clone, Copy)]
struct Side {
    /// How many pixels the window covers.
    taps: usize,
    /// How many places it takes.
    steps: usize,
    /// How many pixels the image has.
    size: usize,
    stride: usize,
    padding: usize,
}

impl Side {
    /// The places at which this tap meets a pixel, rather than the padding; and the first such pixel.
    /// From place to place it moves by the stride.
    fn inside(self, tap: usize) -> (Range<usize>, usize) {
        let first = self.padding.saturating_sub(tap).div_ceil(self.stride);
        let end = (self.size + self.padding).saturating_sub(tap).div_ceil(self.stride);
        let end = end.min(self.steps);
        let pixel = first.saturating_mul(self.stride).saturating_add(tap);
        (first.min(end)..end, pixel.saturating_sub(self.padding))
    }
}

/// Where the window's taps meet the pixels of an image.
struct Patches {
    /// Channels of a group.
    depth: usize,
    rows: Side,
    columns: Side,
}

impl Patches {
    /// How many places the window takes.
    fn positions(&self) -> usize {
        self.rows.steps * self.columns.steps
    }

    /// What each tap meets at each place, 0 for the padding: a line for each of the in/groups · kh · kw taps.
    fn gather<F: Scalar>(&self, image: &ArrayRef3<F>, group: usize) -> Array2<F> {
        let pixels = image.as_slice().expect("row-major at the door");
        let (taps, places) = (self.depth * self.rows.taps * self.columns.taps, self.positions());
        let mut patches = Array2::from_elem((taps, places), F::ZERO);
        let values = patches.as_slice_mut().expect("new arrays are row-major");
        self.meetings(group, |tap, place, pixel| {
            let values = &mut values[tap * places..][place];
            match self.columns.stride {
                1 => values.copy_from_slice(&pixels[pixel..][..values.len()]),
                stride => {
                    let met = pixels[pixel..].iter().step_by(stride);
                    values.iter_mut().zip(met).for_each(|(value, &pixel)| *value = pixel);
                }
            }
        });
        patches
    }

    /// Adds each element of such a matrix, with a line for each tap, to the pixel that it comes from.
    fn scatter<F: Scalar>(&self, patches: &Array2<F>, image: &mut ArrayRef3<F>, group: usize) {
        let pixels = image.as_slice_mut().expect("row-major at the door");
        let values = patches.as_slice().expect("products are row-major");
        self.meetings(group, |tap, place, pixel| {
            let values = &values[tap * self.positions()..][place];
            let add = |(pixel, &d): (&mut F, &F)| *pixel = *pixel + d;
            match self.columns.stride {
                1 => pixels[pixel..].iter_mut().zip(values).for_each(add),
                stride => pixels[pixel..].iter_mut().step_by(stride).zip(values).for_each(add),
            }
        });
    }

    /// Calls with a tap, a range of places along a row at which it meets pixels, and the first of these.
    fn meetings(&self, group: usize, mut f: impl FnMut(usize, Range<usize>, usize)) {
        let across: Vec<_> = (0..self.columns.taps).map(|q| self.columns.inside(q)).collect();
        let mut tap = 0;
        for channel in group * self.depth..(group + 1) * self.depth {
            for p in 0..self.rows.taps {
                let (down, top) = self.rows.inside(p);
                for (across, left) in &across {
                    if !across.is_empty() {
                        for (step, i) in down.clone().enumerate() {
                            let line = channel * self.rows.size + top + step * self.rows.stride;
                            let start = i * self.columns.steps;
                            let places = start + across.start..start + across.end;
                            f(tap, places, line * self.columns.size + left);
                        }
                    }
                    tap += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{check_gradient, draw};

    #[test]
    fn gradients_are_central_differences() {
        for (stride, padding, groups) in [(1, 0, 1), (1, 1, 2), (2, 1, 1), (2, 0, 2), (3, 2, 4)] {
            let window = Window { stride, padding, groups };
            let weight = draw([4, 4 / groups, 3, 2], 1);
            let layer = Conv2d::new(weight, Some(draw([4], 2)), window).unwrap();
            let x = draw([2, 4, 5, 4], 3);
            let (y, tape) = layer.forward(x.clone()).unwrap();
            let dy = draw(y.raw_dim(), 4);
            let gradients = tape.backward(&dy).unwrap();
            check_gradient(&x, &gradients.x, &dy, |x| layer.apply(x).unwrap());
            check_gradient(&layer.weight, &gradients.weight, &dy, |weight| {
                Conv2d { weight: weight.clone(), ..layer.clone() }.apply(&x).unwrap()
            });
            let (bias, gradient) = (layer.bias.as_ref().unwrap(), gradients.bias.unwrap());
            check_gradient(bias, &gradient, &dy, |bias| {
                Conv2d { bias: Some(bias.clone()), ..layer.clone() }.apply(&x).unwrap()
            });
        }
    }

    /// The definition in words: zeros around the image, then a sum over every position of the window.
    #[test]
    fn is_the_sum_over_a_padded_copy() {
        let (n, height, width, pad) = (2, 5, 4, 2);
        let (weight, x) = (draw([6, 2, 3, 2], 5), draw([n, 4, height, width], 6));
        let mut padded = Array4::<f64>::zeros((n, 4, height + 2 * pad, width + 2 * pad));
        for ((n, c, i, j), v) in x.indexed_iter() {
            padded[[n, c, i + pad, j + pad]] = *v;
        }
        let window = Window { stride: 2, padding: pad, groups: 2 };
        let y = Conv2d::new(weight.clone(), None, window).unwrap().apply(&x).unwrap();
        assert_eq!(y.dim(), (2, 6, 4, 4));
        for ((n, o, i, j), &got) in y.indexed_iter() {
            let mut sum = 0.0;
            for c in 0..2 {
                for p in 0..3 {
                    for q in 0..2 {
                        // Outputs 0, 1, 2 see channels 0 and 1; outputs 3, 4, 5 see 2 and 3.
                        let channel = if o < 3 { c } else { c + 2 };
                        sum += weight[[o, c, p, q]] * padded[[n, channel, 2 * i + p, 2 * j + q]];
                    }
                }
            }
            assert!((got - sum).abs() < 1e-14, "{got} {sum}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let make = |shape, bias: Option<usize>, window| {
            Conv2d::<f32>::new(Array4::zeros(shape), bias.map(Array1::zeros), window)
        };
        let usual = Window::default();
        let groups = |groups| Window { groups, ..usual };
        let refused = |got: Result<Conv2d<f32>>| got.unwrap_err();
        assert_eq!(
            refused(make((4, 1, 3, 3), None, groups(3))),
            Error::Groups { groups: 3, channels: 4 }
        );
        assert_eq!(
            refused(make((4, 1, 3, 3), None, groups(0))),
            Error::Groups { groups: 0, channels: 4 }
        );
        assert!(matches!(
            make((4, 1, 3, 3), None, Window { stride: 0, ..usual }),
            Err(Error::Window { stride: 0, .. })
        ));
        assert!(matches!(make((4, 1, 0, 3), None, usual), Err(Error::Window { .. })));
        let need = Error::Length { what: "bias", need: 4, got: 3 };
        assert_eq!(refused(make((4, 1, 3, 3), Some(3), usual)), need);

        let layer = make((4, 1, 3, 3), None, groups(2)).unwrap();
        let need = Error::Length { what: "channels", need: 2, got: 3 };
        assert_eq!(layer.apply(&Array4::zeros((1, 3, 8, 8))), Err(need));
        let need = Error::Window { kernel: [3, 3], input: [2, 8], stride: 1 };
        assert_eq!(layer.apply(&Array4::zeros((1, 2, 2, 8))), Err(need));
        for (stride, padding) in [(1, usize::MAX), (usize::MAX, usize::MAX / 2 - 8), (7, 1 << 61)] {
            let window = Window { stride, padding, groups: 2 };
            let far = make((4, 1, 3, 3), None, window).unwrap().apply(&Array4::zeros((1, 2, 4, 8)));
            assert!(
                matches!(far, Err(Error::Window { .. })) == (stride != usize::MAX),
                "{window:?}"
            );
        }
        let (_, tape) = layer.forward(Array4::zeros((1, 2, 4, 8))).unwrap();
        let need = Error::Shape { what: "dy", need: vec![1, 4, 2, 6], got: vec![1, 4, 4, 8] };
        assert_eq!(tape.backward(&Array4::zeros((1, 4, 4, 8))), Err(need));
    }
}

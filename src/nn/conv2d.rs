//! The convolution of images.

use super::init::Init;
use super::random::Random;
use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::{check_length, check_shape};
use crate::scalar::{Field, Scalar};
use crate::split::check_groups;
use ndarray::{Array1, Array4, ArrayRef4};

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

    /// y, for x of shape `[N, in, H, W]`.
    ///
    /// # Errors
    /// [`Error::Length`] if x does not have `in` channels, [`Error::Window`] if the kernel is larger
    /// than the padded image; as [`new`](Self::new) if the public parameters have changed shape.
    pub fn apply(&self, x: &ArrayRef4<F>) -> Result<Array4<F>> {
        let (rows, columns) = self.output_size(x)?;
        let bias = |o: usize| self.bias.as_ref().map_or(F::ZERO, |b| b[o]);
        let shape = (x.shape()[0], self.weight.shape()[0], rows, columns);
        Ok(Array4::from_shape_fn(shape, |(n, o, i, j)| {
            let sum = self.taps(x, o, i, j).fold(bias(o).widen(), |sum, (w, [c, row, column])| {
                sum + self.weight[w].widen() * x[[n, c, row, column]].widen()
            });
            F::narrow(sum)
        }))
    }

    /// As [`apply`](Self::apply), with the tape for the backward pass, which keeps x.
    ///
    /// # Errors
    /// As `apply`.
    pub fn forward(&self, x: Array4<F>) -> Result<(Array4<F>, Tape<'_, F>)> {
        Ok((self.apply(&x)?, Tape { layer: self, x }))
    }

    /// The weights that meet a pixel, rather than the padding, where output channel `o` is computed at
    /// row `i` and column `j`: index of the weight, and channel, row and column of the pixel.
    fn taps(
        &self,
        x: &ArrayRef4<F>,
        o: usize,
        i: usize,
        j: usize,
    ) -> impl Iterator<Item = ([usize; 4], [usize; 3])> {
        let Window { stride, padding, groups } = self.window;
        let (out, depth, kh, kw) = self.weight.dim();
        let (_, _, height, width) = x.dim();
        let first = o / (out / groups) * depth;
        let inside = move |at: usize, tap: usize, size: usize| {
            (at * stride + tap).checked_sub(padding).filter(|&place| place < size)
        };
        let places = move |at: usize, taps: usize, size: usize| {
            (0..taps).filter_map(move |tap| Some((tap, inside(at, tap, size)?)))
        };
        (0..depth).flat_map(move |c| {
            places(i, kh, height).flat_map(move |(p, row)| {
                places(j, kw, width)
                    .map(move |(q, column)| ([o, c, p, q], [first + c, row, column]))
            })
        })
    }

    fn output_size(&self, x: &ArrayRef4<F>) -> Result<(usize, usize)> {
        self.check_parameters()?;
        let Window { stride, padding, groups } = self.window;
        let (_, depth, kh, kw) = self.weight.dim();
        let (_, channels, height, width) = x.dim();
        check_length("channels", depth * groups, channels)?;
        let input = [height + 2 * padding, width + 2 * padding];
        if kh > input[0] || kw > input[1] {
            return Err(Error::Window { kernel: [kh, kw], input, stride });
        }
        Ok(((input[0] - kh) / stride + 1, (input[1] - kw) / stride + 1))
    }

    /// Weights and bias are public: their shapes are checked where they are used.
    fn check_parameters(&self) -> Result<()> {
        let Window { stride, padding, groups } = self.window;
        let (out, _, kh, kw) = self.weight.dim();
        check_groups(groups, out)?;
        if kh == 0 || kw == 0 || stride == 0 {
            return Err(Error::Window { kernel: [kh, kw], input: [2 * padding; 2], stride });
        }
        check_length("bias", out, self.bias.as_ref().map_or(out, Array1::len))
    }
}

impl<F: Scalar> Tape<'_, F> {
    /// The gradients, for g = ∂L/∂y: what each product w·x of the forward pass hands back.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of y.
    pub fn backward(self, dy: &ArrayRef4<F>) -> Result<Gradients<F>> {
        let Tape { layer, x } = self;
        let (rows, columns) = layer.output_size(&x)?;
        check_shape("dy", &[x.shape()[0], layer.weight.shape()[0], rows, columns], dy.shape())?;
        let mut dx = x.map(|_| F::Wide::ZERO);
        let mut dw = layer.weight.map(|_| F::Wide::ZERO);
        let mut db = vec![F::Wide::ZERO; layer.weight.shape()[0]];
        for ((n, o, i, j), g) in dy.indexed_iter() {
            let g = g.widen();
            db[o] = db[o] + g;
            for (w, [c, row, column]) in layer.taps(&x, o, i, j) {
                let pixel = [n, c, row, column];
                dx[pixel] = dx[pixel] + g * layer.weight[w].widen();
                dw[w] = dw[w] + g * x[pixel].widen();
            }
        }
        Ok(Gradients {
            x: dx.mapv(F::narrow),
            weight: dw.mapv(F::narrow),
            bias: layer.bias.as_ref().map(|_| db.into_iter().map(F::narrow).collect()),
        })
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
        let (_, tape) = layer.forward(Array4::zeros((1, 2, 4, 8))).unwrap();
        let need = Error::Shape { what: "dy", need: vec![1, 4, 2, 6], got: vec![1, 4, 4, 8] };
        assert_eq!(tape.backward(&Array4::zeros((1, 4, 4, 8))), Err(need));
    }
}

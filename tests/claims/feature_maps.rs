//! Batch normalization of feature maps: one mean for all positions of a channel.

use crate::kit::*;
use crate::ways;
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::layout;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::norm;
use batchnorm::scalar::Field;
use batchnorm::split::Plan;
use ndarray::{Array1, Array2, Array3, Array4, ArrayD, Axis, array};

const LAYER: &[Layer] = &[Layer::Batch];

/// A channel has one mean and one variance, those of all its m = N·p·q values: over the N images of the
/// batch and over all p·q positions.
///
/// 한 채널의 평균과 분산은 하나씩입니다. 배치의 이미지 N장과 자리 p·q곳 전부에 걸친 m = N·p·q개의 값에서 구합니다.
#[test]
fn statistics_are_over_the_batch_and_all_positions() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sides = |set: Set<F>| {
            let (xhat, top) = (set.normalized(), largest(&set.xhat));
            let pairs: Vec<_> = set.xhat.into_iter().zip(xhat).collect();
            pairs.into_iter().map(move |(a, b)| equal(a, b).to(top))
        };
        case.sets(by).into_iter().flat_map(sides).collect()
    }
    claim(|_| {
        let mistakes = [
            Slip::WholeSample,
            Slip::WholeTensor,
            Slip::PerMap,
            Slip::PerPixel,
            Slip::UnbiasedVariance,
        ];
        // Two images with one map of 1×2; a batch of 3 with maps of 4×5 has 60 values a channel.
        let x = array![[[[1.0, 1.0]]], [[[4.0, 10.0]]]];
        let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() }).expect("good ε");
        let (y, tape) = bn.train(x).expect("four values");
        let values = [tape.mean()[0] - 4.0, tape.var()[0] - 13.5, tape.count() as f64 - 4.0];
        let of_y = y - array![[[[-0.75, -0.75]]], [[[0.0, 1.5]]]];
        let x = Array4::from_shape_fn((3, 2, 4, 5), |(n, c, i, j)| (n + c + i * j) as f64);
        let (_, tape) = BatchNorm::new(2).train(x).expect("sixty values");
        let errors = of_y.into_iter().chain(values).chain([tape.count() as f64 - 60.0]);
        let errors: Vec<f64> = errors.map(f64::abs).collect();
        all([proves(LAYER, &ways!(holds), &mistakes), worked_example(&errors, 0.0)])
    })
}

/// x̂ of a case whose maps are read as maps with these axes.
fn normalize_as<F: Number>(case: &Case<F>, map: &[usize]) -> Vec<F> {
    let (n, c, _) = case.x.dim();
    let shape = [&[n, c], map].concat();
    let x = case.x.to_shape(shape.clone()).expect("as many values").to_owned();
    let plan = Plan::batch(&shape).expect("samples and channels");
    let forward = norm::forward(x, plan, None, None, case.eps);
    forward.expect("a valid case").0.into_iter().collect()
}

/// All ways to read S positions as rows and columns, and as planes of them.
fn readings(s: usize) -> Vec<Vec<usize>> {
    let divisors = |s: usize| (1..=s).filter(move |&d| s.is_multiple_of(d));
    let flat = divisors(s).map(|h| vec![h, s / h]);
    let deep = divisors(s).flat_map(|d| divisors(s / d).map(move |h| vec![d, h, s / d / h]));
    flat.chain(deep).collect()
}

/// Whether a map is one row of values, rows and columns, or planes of them does not matter: the same
/// values have the same output, to the last bit.
///
/// 맵이 1차원이든 2차원이든 3차원이든 상관없습니다. 값이 같으면 출력도 마지막 비트까지 같습니다.
#[test]
fn rank_does_not_matter() -> Claim {
    fn compare<F: Number>(
        by: By,
        case: &Case<F>,
        read: fn(&Case<F>, &[usize]) -> Vec<F>,
    ) -> Vec<Sides<F>> {
        let expected = case.normalize(by);
        let same = |map: Vec<usize>| {
            let pairs = read(case, &map).into_iter().zip(&expected);
            pairs.map(|(a, &b)| equal(a.widen(), b.widen()).exactly()).collect::<Vec<_>>()
        };
        readings(case.x.dim().2).into_iter().flat_map(same).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        compare(by, case, normalize_as)
    }
    /// A layer that keeps the axes before the last as if they were channels.
    fn last_axis_alone<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        // Rows of a map may be constant.
        let case = case.with_eps(case.spare[0]);
        compare(by, &case, |case, map| {
            let ((n, c, s), last) = (case.x.dim(), map[map.len() - 1]);
            let x = case.x.to_shape((n, c * s / last, last)).expect("as many values").to_owned();
            normalize_as(&case.with_x(x), &[last])
        })
    }
    claim(|_| {
        // The library alone: it is its reading of shapes that is in question.
        let [field, single, double] = ways!(holds);
        let library = [field, single, double].map(|way| way(By::Library, LAYER));
        let wrong = "statistics over the batch and the last axis alone";
        all([all(library), refutes(wrong, LAYER, &ways!(last_axis_alone))])
    })
}

/// Channels first or channels last makes no difference: `[N, H, W, C]`, read as a table of N·H·W rows and
/// C columns, normalizes to the same numbers.
///
/// 채널이 앞에 있든 뒤에 있든 차이가 없습니다. `[N, H, W, C]`를 N·H·W행 C열의 표로 읽어 정규화하면 같은 수가 나옵니다.
#[test]
fn channels_last_gives_the_same() -> Claim {
    fn compare<F: Number>(
        by: By,
        case: &Case<F>,
        table: fn(&Array3<F>) -> Array3<F>,
    ) -> Vec<Sides<F>> {
        let (y, expected) = (case.with_x(table(&case.x)).normalize(by), table(&case.normalize(by)));
        let top = expected.iter().map(|v| v.widen().size()).fold(0.0, f64::max);
        let pairs = y.into_iter().zip(expected);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(2.0 * top)).collect()
    }
    /// `[N, S, C]`, with its elements in this order.
    fn channels_last<F: Number>(x: &Array3<F>) -> Array3<F> {
        let last = layout::channels_last(x.clone()).expect("three axes");
        last.as_standard_layout().into_owned()
    }
    /// `[N, C, S]` as `[N·S, C, 1]`, by way of `[N, S, C]`; and back from there to `[N, C, S]`.
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let back = layout::channels_first(channels_last(&case.x)).expect("three axes");
        let pairs = case.with_x(back).normalize(by).into_iter().zip(case.normalize(by));
        let same = pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly());
        let as_table = compare(by, case, |x| {
            let (n, c, s) = x.dim();
            channels_last(x).into_shape_with_order((n * s, c, 1)).expect("as many values")
        });
        same.chain(as_table).collect()
    }
    /// The same memory, but the axes taken for those of `[N, C, S]`.
    fn misread<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        // What is taken for a channel may be constant.
        compare(by, &case.with_eps(case.spare[0]), |x| {
            channels_last(x).into_shape_with_order(x.dim()).expect("as many values")
        })
    }
    claim(|_| {
        let mistakes = [Slip::WholeSample, Slip::PerMap, Slip::PerPixel];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            refutes("channels last taken for channels first", LAYER, &ways!(misread)),
        ])
    })
}

/// Flattened to `[N, C·H·W]`, every pixel has a mean and a variance of its own: the two agree only where
/// all pixels of a channel have the same mean and the same variance over the batch, as with H·W = 1.
///
/// `[N, C·H·W]`로 펼치면 픽셀마다 평균과 분산이 따로 생깁니다. 두 결과는 한 채널의 모든 픽셀에서 배치에 걸친 평균이 서로 같고 분산도 서로 같을 때만 같습니다. H·W = 1이면 늘 그렇습니다.
// Why only there: see `parts_and_whole`.
#[test]
fn differs_from_flattened_batch_norm() -> Claim {
    /// A table of images × pixels, normalized as `[N, 1, S]` or as `[N, S]`.
    fn train(x: ArrayD<f64>) -> Array2<f64> {
        let rows = (x.shape()[0], x.len() / x.shape()[0]);
        let config = Config { eps: 0.5, ..Config::default() };
        let mut bn = BatchNorm::with(x.shape()[1], config).expect("a good ε");
        let (y, _) = bn.train(x).expect("two images");
        y.into_shape_with_order(rows).expect("as many values")
    }
    fn flattened(table: &Array2<f64>) -> Array2<f64> {
        train(table.clone().into_dyn())
    }
    fn maps(table: &Array2<f64>) -> Array2<f64> {
        train(table.clone().insert_axis(Axis(1)).into_dyn())
    }
    /// At random points they are equal if a map is one pixel, and otherwise not.
    fn one_pixel<F: Number>(_: By, case: &Case<F>) -> Vec<Sides<F>> {
        let (n, c, s) = case.x.dim();
        let x = case.x.to_shape((n, c * s, 1)).expect("as many values").to_owned();
        // A pixel may be constant over the batch, of one image it is.
        let case = case.with_eps(case.spare[0]);
        let same = normalize_as(&case.with_x(x), &[1]) == normalize_as(&case, &[s]);
        vec![equal(F::Wide::count(usize::from(same)), F::Wide::count(usize::from(s == 1)))]
    }
    claim(|_| {
        let [field, ..] = ways!(one_pixel);
        all([
            field(By::Library, LAYER),
            parts_and_whole(flattened, maps, alike),
            wrong("they always agree", parts_and_whole(flattened, maps, |_| true)),
            wrong("they never agree", parts_and_whole(flattened, maps, |_| false)),
            wrong("equal means are enough", parts_and_whole(flattened, maps, equal_means)),
        ])
    })
}

/// However large the maps, a channel has two trained parameters, one γ and one β for all its positions,
/// and two running statistics: y = γx̂ + β.
///
/// 맵이 아무리 커도 채널 하나에서 학습되는 매개변수는 모든 자리가 함께 쓰는 γ와 β 둘이고, 이동 통계도 둘입니다. y = γx̂ + β입니다.
#[test]
fn two_parameters_a_channel() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sides = |set: Set<F>| {
            let c = set.at[0].1;
            let (gamma, beta) = (case.gamma[c].widen(), case.beta[c].widen());
            let scale = largest(&set.y) + (gamma.size() * largest(&set.xhat));
            let pairs: Vec<_> = set.y.into_iter().zip(set.xhat).collect();
            pairs.into_iter().map(move |(y, xhat)| equal(y, gamma * xhat + beta).to(scale))
        };
        case.sets(by).into_iter().flat_map(sides).collect()
    }
    /// The numbers that are trained, and those that are kept, for maps of every small size.
    fn counts(expected: fn(usize, usize) -> usize) -> Proof {
        let sizes = || (1..=4usize).flat_map(|c| (1..=6usize).map(move |pixels| (c, pixels)));
        for (c, pixels) in sizes() {
            let x = Array4::from_shape_fn((2, c, 1, pixels), |(n, c, _, s)| (n + c * s) as f64);
            let (g, mut bn) = (x.map(|v| v * v - 1.0), BatchNorm::new(c));
            let (_, tape) = bn.train(x).map_err(|e| e.to_string())?;
            let gradients = tape.backward(&g).map_err(|e| e.to_string())?;
            let trained = gradients.gamma.len() + gradients.beta.len();
            let kept = bn.running_mean.len() + bn.running_var.len();
            if [trained, kept] != [expected(c, pixels); 2] {
                return Err(format!("{c} channels of {pixels}: {trained} and {kept}"));
            }
        }
        Ok(vec![Check::new(How::Enumeration, sizes().count())])
    }
    claim(|_| {
        let mistakes = [
            Slip::GammaPerPixel,
            Slip::GammaPerSample,
            Slip::GammaNotApplied,
            Slip::BetaBeforeGamma,
        ];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            counts(|c, _| 2 * c),
            wrong("two for each pixel", counts(|c, pixels| 2 * c * pixels)),
        ])
    })
}

/// Each map moved: the value at position s of sample n is that from position `from(n, s)`.
fn moved<F: Number>(x: &Array3<F>, from: impl Fn(usize, usize) -> usize) -> Array3<F> {
    Array3::from_shape_fn(x.raw_dim(), |(n, c, s)| x[[n, c, from(n, s)]])
}

/// Permuting the positions of an image, in another order in each image, permutes its output, and nothing
/// else.
///
/// 한 이미지의 자리를 섞으면, 섞는 순서가 이미지마다 달라도, 출력의 자리가 똑같이 섞일 뿐입니다.
#[test]
fn commutes_with_any_permutation_of_positions() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        // A permutation from the numbers of each image: the ranks of its upstream gradients.
        let order = |n: usize| {
            let mut order: Vec<_> = (0..case.x.dim().2).collect();
            order.sort_by(|&a, &b| {
                case.g[[n, 0, a]].to_f64().total_cmp(&case.g[[n, 0, b]].to_f64())
            });
            order
        };
        let orders: Vec<_> = (0..case.x.dim().0).map(order).collect();
        let permute = |x: &Array3<F>| moved(x, |n, s| orders[n][s]);
        let (then, first) = (case.with_x(permute(&case.x)).forward(by), permute(&case.forward(by)));
        let top = first.iter().map(|v| v.widen().size()).fold(0.0, f64::max);
        let pairs = then.into_iter().zip(first);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(2.0 * top)).collect()
    }
    claim(|_| proves(LAYER, &ways!(holds), &[Slip::PerPixel, Slip::GammaPerPixel]))
}

/// The maps `[N, C, S]` as images of one row.
fn rows<F: Number>(x: &Array3<F>) -> Array4<F> {
    x.clone().insert_axis(Axis(2))
}

/// A convolution of images of one row with some kernel, to as many maps as there were.
fn convolved<F: Number>(
    case: &Case<F>,
    x: &Array3<F>,
    padding: Padding,
    bias: Option<Array1<F>>,
) -> Array3<F> {
    let (n, c, s) = x.dim();
    // A kernel of width 3 for each map; with a row of zeros above and below for zero padding.
    let weight =
        Array4::from_shape_fn((c, 1, 1, 3), |(c, _, _, k)| case.spare[k] * case.spare[c % 3]);
    let padded = Array3::from_shape_fn((n, c, s + 2), |(n, c, k)| match (k, padding) {
        (0, Padding::Circular) => x[[n, c, s - 1]],
        (k, Padding::Circular) if k == s + 1 => x[[n, c, 0]],
        (k, _) if k == 0 || k == s + 1 => F::ZERO,
        _ => x[[n, c, k - 1]],
    });
    let window = Window { groups: c, ..Window::default() };
    let conv = Conv2d::new(weight, bias, window).expect("a kernel for each map");
    let y = conv.apply(&rows(&padded)).expect("three columns or more");
    y.index_axis(Axis(2), 0).to_owned()
}

/// What a convolution sees beyond the border.
#[derive(Clone, Copy, PartialEq)]
enum Padding {
    Zeros,
    Circular,
}

/// With circular padding, a convolution and the batch normalization behind it turn a shifted image into
/// the shifted output, another shift in each image or not.
///
/// 순환 패딩을 쓰면, 합성곱과 그 뒤의 배치 정규화는 옮긴 이미지에서 똑같이 옮긴 출력을 냅니다. 이미지마다 다르게 옮겨도 그렇습니다.
#[test]
fn a_shifted_image_gives_a_shifted_output() -> Claim {
    fn shifts<F: Number>(by: By, case: &Case<F>, padding: Padding) -> Vec<Sides<F>> {
        let s = case.x.dim().2;
        let shift = |x: &Array3<F>| moved(x, |n, k| (k + n + 1) % s);
        // What the kernel makes of a map may be constant.
        let case = case.with_eps(case.spare[0]);
        let layers = |x: &Array3<F>| case.with_x(convolved(&case, x, padding, None)).forward(by);
        let (then, first) = (layers(&shift(&case.x)), shift(&layers(&case.x)));
        let top = first.iter().map(|v| v.widen().size()).fold(0.0, f64::max);
        let pairs = then.into_iter().zip(first);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(2.0 * top)).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        shifts(by, case, Padding::Circular)
    }
    fn zeros<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        shifts(by, case, Padding::Zeros)
    }
    claim(|_| {
        all([
            proves(LAYER, &ways!(holds), &[Slip::PerPixel, Slip::GammaPerPixel]),
            refutes("zero padding", LAYER, &ways!(zeros)),
        ])
    })
}

/// For a batch of one image batch normalization is instance normalization, to the last bit, forward and
/// backward; for several images it is in general not.
///
/// 이미지가 하나뿐인 배치에서는 배치 정규화가 인스턴스 정규화와 같습니다. 순전파도 역전파도 마지막 비트까지 같습니다. 이미지가 여럿이면 일반적으로 그렇지 않습니다.
#[test]
fn one_sample_is_instance_norm() -> Claim {
    fn compare<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let right = if by == By::Library { By::Library } else { By::Textbook };
        let batch = Case { layer: Layer::Batch, ..case.clone() };
        let (a, b) = (batch.backward(by), case.backward(right));
        let outputs = batch.forward(by).into_iter().zip(case.forward(right));
        let gradients = a.x.into_iter().zip(b.x).chain(a.gamma.into_iter().zip(b.gamma));
        let same = |(a, b): (F, F)| equal(a.widen(), b.widen()).exactly();
        outputs.chain(gradients).map(same).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        compare(by, &case.sample(0))
    }
    claim(|_| {
        let mistakes =
            [Slip::WholeTensor, Slip::PerPixel, Slip::UnbiasedVariance, Slip::NotCentred];
        all([
            proves(&[Layer::Instance], &ways!(holds), &mistakes),
            refutes("several images", &[Layer::Instance], &ways!(compare)),
        ])
    })
}

/// A bias of the convolution before the layer changes no output, and its gradient is zero.
///
/// 층 앞에 있는 합성곱의 편향은 출력을 전혀 바꾸지 않고, 그 그레이디언트는 0입니다.
#[test]
fn a_convolution_bias_cancels() -> Claim {
    fn compare<F: Number>(
        by: By,
        case: &Case<F>,
        bias: fn(&Case<F>) -> Array3<F>,
    ) -> Vec<Sides<F>> {
        // What the kernel makes of a map may be constant.
        let case = case.with_eps(case.spare[0]);
        let convolved = convolved(&case, &case.x, Padding::Zeros, None);
        let (without, biased) = (case.with_x(convolved), case.with_x(bias(&case)));
        let same = same_xhat(by, &biased, &without, F::Wide::ONE);
        // The gradient of a bias is the sum of those of all the values that it was added to.
        let gradient = |set: Set<F>| {
            let scale = largest(&set.dx) + largest(&set.g) / set.s.size();
            equal(sum(set.dx.iter().copied()), F::Wide::ZERO).to(set.dx.len() as f64 * scale)
        };
        same.into_iter().chain(biased.sets(by).into_iter().map(gradient)).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        compare(by, case, |case| {
            let bias = (0..case.x.dim().1).map(|c| case.spare[1] * case.x[[0, c, 0]]).collect();
            convolved(case, &case.x, Padding::Zeros, Some(bias))
        })
    }
    fn in_one_image<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        compare(by, case, |case| {
            let mut z = convolved(case, &case.x, Padding::Zeros, None);
            let first = case.spare[1] * case.x[[0, 0, 0]];
            z[[0, 0, 0]] = z[[0, 0, 0]] + first;
            z
        })
    }
    claim(|_| {
        let mistakes = [Slip::NotCentred, Slip::RootMeanSquare, Slip::MeanDetached];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            refutes("a bias at one position alone", LAYER, &ways!(in_one_image)),
        ])
    })
}

/// Zero padding behind the layer shifts the statistics that it has just set: where a share f of a padded
/// map is pixels, its mean is fβ instead of β, and its variance fγ²ρ + f(1−f)β² instead of γ²ρ.
///
/// 층 뒤에서 0으로 패딩하면 층이 맞추어 놓은 통계가 다시 옮겨집니다. 패딩한 맵에서 픽셀의 비율이 f이면 평균은 β가 아니라 fβ이고, 분산은 γ²ρ가 아니라 fγ²ρ + f(1−f)β²입니다.
// The pixels have mean β and variance γ²ρ, the zeros 0 and 0: the mean of the variances is fγ²ρ, and the
// variance of the means f(1−f)β².
#[test]
fn zero_padding_shifts_the_statistics() -> Claim {
    type Part<W> = fn(W, W, W) -> W;
    fn padded<F: Number>(
        by: By,
        case: &Case<F>,
        center: Part<F::Wide>,
        between: Part<F::Wide>,
    ) -> Vec<Sides<F>> {
        let (n, channels, s) = case.x.dim();
        // A kernel of one pixel with the weight 1 shows what a convolution with padding sees.
        let identity = Array4::from_elem((channels, 1, 1, 1), F::ONE);
        let window = Window { padding: 1, groups: channels, ..Window::default() };
        let conv = Conv2d::new(identity, None, window).expect("a kernel for each map");
        let seen = conv.apply(&rows(&case.forward(by))).expect("no image is too small");
        let f = F::Wide::count(n * s) / F::Wide::count(n * 3 * (s + 2));
        let sides = |(c, set): (usize, Set<F>)| {
            let seen: Vec<_> = seen.index_axis(Axis(1), c).iter().map(|v| v.widen()).collect();
            let (mu, gamma, beta) = (mean(&seen), case.gamma[c].widen(), case.beta[c].widen());
            let var = mean_of(&seen, |v| (v - mu) * (v - mu));
            let within = gamma * gamma * set.rho;
            let top = largest(&set.y) + gamma.size() * largest(&set.xhat);
            [
                equal(mu, center(f, beta, within)).to(top),
                equal(var, f * within + between(f, beta, within)).to(2.0 * top.powi(2)),
            ]
        };
        case.sets(by).into_iter().enumerate().flat_map(sides).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        padded(by, case, |f, beta, _| f * beta, |f, beta, _| f * (F::Wide::ONE - f) * beta * beta)
    }
    fn means_forgotten<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        padded(by, case, |f, beta, _| f * beta, |_, _, _| F::Wide::ZERO)
    }
    fn unchanged<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        padded(by, case, |_, beta, _| beta, |f, _, within| (F::Wide::ONE - f) * within)
    }
    claim(|_| {
        let mistakes =
            [Slip::GammaNotApplied, Slip::BetaBeforeGamma, Slip::UnbiasedVariance, Slip::NoEpsilon];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            refutes(
                "the variance without the part between pixels and zeros",
                LAYER,
                &ways!(means_forgotten),
            ),
            refutes("mean and variance unchanged", LAYER, &ways!(unchanged)),
        ])
    })
}

//! One thread and many give the same bits. `cargo test --features parallel --test threads`

use batchnorm::norm::forward;
use batchnorm::split::Plan;
use ndarray::{Array1, ArrayD, Axis};
use proptest::prelude::*;

/// All that a layer computes, as bits.
fn bits(plan: Plan, x: &ArrayD<f32>, g: &ArrayD<f32>, gamma: &Array1<f32>) -> Vec<u32> {
    let (y, tape) = forward(x.clone(), plan, Some(gamma), None, 1e-5).unwrap();
    let moments: Vec<f32> = tape.mean().into_iter().chain(tape.var()).collect();
    let d = tape.backward(g).unwrap();
    let all = y.into_iter().chain(moments).chain(d.x).chain(d.gamma).chain(d.beta);
    all.map(f32::to_bits).collect()
}

fn in_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_number_of_threads_gives_the_same_bits(
        // Large enough to be cut into several pieces of 2¹⁶ elements, and of no round size.
        n in 33_usize..50,
        c in prop::sample::select(vec![6_usize, 30, 78, 210]),
        s in prop::sample::select(vec![1_usize, 7, 49, 130]),
        offset in prop::sample::select(vec![0.0_f32, 1e4]),
        seed in any::<u32>(),
    ) {
        let n = n * (300_000 / (n * c * s)).max(1);
        let mut state = seed;
        let mut draw = |offset: f32| {
            ArrayD::from_shape_simple_fn(vec![n, c, s], || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                offset + (state >> 8) as f32 / 1e7
            })
        };
        let (x, g) = (draw(offset), draw(-0.8));
        let shape = [n, c, s];
        let plans = [
            Plan::batch(&shape),
            Plan::group(&shape, 3),
            Plan::layer(&shape),
            Plan::trailing(&shape, 2),
            Plan::trailing(&shape, 2).map(Plan::uncentred),
        ];
        for plan in plans {
            let plan = plan.unwrap();
            let gamma = Array1::from_shape_fn(plan.parameters().kept, |i| 0.5 + i as f32 / 7.0);
            let one = in_threads(1, || bits(plan, &x, &g, &gamma));
            for threads in [2, 5] {
                prop_assert_eq!(&in_threads(threads, || bits(plan, &x, &g, &gamma)), &one);
            }
        }
    }
}

type Make = fn(&[usize]) -> batchnorm::error::Result<Plan>;

/// More than a million elements are written another way than fewer: where each sample is normalized by itself,
/// the parts of a tensor must give what the whole gives.
#[test]
fn a_large_tensor_gives_the_bits_of_its_parts() {
    for shape in [[4300, 6, 49], [1300, 831, 1]] {
        let mut state = 1_u32;
        let x = ArrayD::from_shape_simple_fn(shape.to_vec(), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 1e7
        });
        let (part, rest) = x.view().split_at(Axis(0), 700);
        let plans: [Make; 4] = [
            Plan::layer,
            |shape| Plan::group(shape, 3),
            |shape| Plan::trailing(shape, 2),
            |shape| Ok(Plan::trailing(shape, 2)?.uncentred()),
        ];
        for plan in plans {
            let y = |x: ArrayD<f32>| {
                let plan = plan(x.shape()).unwrap();
                let gamma = Array1::from_shape_fn(plan.parameters().kept, |i| 0.5 + i as f32 / 7.0);
                let (y, _) = forward(x, plan, Some(&gamma), None, 1e-5).unwrap();
                y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let parts = [part.to_owned(), rest.to_owned()].map(y).concat();
            assert!(y(x.clone()) == parts, "{shape:?}");
        }
    }
}

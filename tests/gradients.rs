//! The gradients of networks that experiments have written by hand, against central differences.

#[allow(dead_code)]
#[path = "../examples/without_batches/network.rs"]
mod connected;
#[allow(dead_code)]
#[path = "../examples/feature_maps/network.rs"]
mod convolutional;
#[allow(dead_code)] // what only the example uses
#[path = "../examples/layer_norm/network.rs"]
mod recurrent;
#[allow(dead_code)]
#[path = "../examples/rms_norm/network.rs"]
mod residual;
#[allow(dead_code)]
#[path = "../examples/common/steps.rs"]
mod steps;
#[allow(dead_code)]
#[path = "../examples/common/connected.rs"]
mod stepwise;

use batchnorm::batch_norm::BatchNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use ndarray::{Array2, Array4, ArrayD};
use recurrent::{Gradients, Network, Norm};

const LABELS: [usize; 5] = [0, 2, 1, 1, 0];
const STEPS: usize = 4;

/// Each parameter; where it is in several places, all of them.
fn parameters(network: &mut Network<f64>) -> Vec<Vec<&mut f64>> {
    fn of(layer: &mut Linear<f64>) -> impl Iterator<Item = &mut f64> {
        layer.weight.iter_mut().chain(layer.bias.iter_mut().flatten())
    }
    let mut all: Vec<Vec<&mut f64>> = of(&mut network.cell).map(|w| vec![w]).collect();
    all.extend(of(&mut network.head).map(|w| vec![w]));
    let norms: Vec<_> = match &mut network.norm {
        Norm::None => return all,
        Norm::Layer(ln) => vec![(&mut ln.gamma, &mut ln.beta)],
        Norm::Batch(steps) => steps.iter_mut().map(|bn| (&mut bn.gamma, &mut bn.beta)).collect(),
    };
    let first = all.len();
    for (gamma, beta) in norms {
        for (i, w) in gamma.iter_mut().flatten().chain(beta.iter_mut().flatten()).enumerate() {
            if first + i == all.len() {
                all.push(Vec::new());
            }
            all[first + i].push(w);
        }
    }
    all
}

/// In the same order.
fn gradients(of: &Gradients<f64>) -> Vec<f64> {
    let layers = [&of.cell, &of.head].into_iter();
    let mut all: Vec<f64> = layers
        .flat_map(|layer| layer.weight.iter().chain(layer.bias.iter().flatten()))
        .copied()
        .collect();
    all.extend(of.norm.iter().flatten().flatten());
    all
}

#[test]
fn the_gradient_of_the_recurrent_network_goes_through_time() {
    let norms = [
        Norm::None,
        Norm::Layer(LayerNorm::new(3, 0.1).unwrap()),
        Norm::Batch(vec![BatchNorm::new(3); STEPS]),
    ];
    for norm in norms {
        let name = format!("{norm:?}");
        let mut network = Network::new([2, 3, 3], norm, 1).unwrap();
        let random = &mut Random::new(2);
        for places in parameters(&mut network) {
            let by = 0.3 * random.gaussian();
            places.into_iter().for_each(|w| *w += by);
        }
        let x = Array2::from_shape_simple_fn((LABELS.len(), 2 * STEPS), || random.gaussian());
        let loss = |network: &Network<f64>, x: &Array2<f64>| {
            network.clone().gradient(x, &LABELS).unwrap().0
        };
        let (_, found) = network.clone().gradient(&x, &LABELS).unwrap();

        let h = 2.0_f64.powi(-17);
        let near = |what: &str, i: usize, [above, below]: [f64; 2], found: f64| {
            let difference = (above - below) / (2.0 * h);
            assert!((difference - found).abs() < 1e-8, "{name}, {what} {i}: {difference} {found}");
        };
        for (i, &gradient) in gradients(&found).iter().enumerate() {
            let moved = [h, -h].map(|by| {
                let mut network = network.clone();
                parameters(&mut network)[i].iter_mut().for_each(|w| **w += by);
                loss(&network, &x)
            });
            near("parameter", i, moved, gradient);
        }
        assert_eq!(gradients(&found).len(), parameters(&mut network).len());
        // What is read first has the longest way.
        for (i, (sample, column)) in (0..LABELS.len()).flat_map(|n| [(n, 0), (n, 1)]).enumerate() {
            let moved = [h, -h].map(|by| {
                let mut x = x.clone();
                x[(sample, column)] += by;
                loss(&network, &x)
            });
            near("input", i, moved, found.cell.x[(sample, 3 + column)]);
        }
    }
}

#[test]
fn gamma_and_beta_are_the_same_at_all_steps() {
    let norm = Norm::Batch(vec![BatchNorm::new(3); STEPS]);
    let mut network = Network::<f64>::new([2, 3, 3], norm, 1).unwrap();
    let random = &mut Random::new(2);
    let x = Array2::from_shape_simple_fn((LABELS.len(), 2 * STEPS), || random.gaussian());
    for _ in 0..3 {
        let (_, gradients) = network.gradient(&x, &LABELS).unwrap();
        network.step(&gradients, 0.5).unwrap();
    }
    let Norm::Batch(steps) = &network.norm else { unreachable!() };
    assert_ne!(steps[0].gamma, BatchNorm::new(3).gamma);
    assert_ne!(steps[0].running_mean, steps[1].running_mean);
    for bn in steps {
        assert_eq!((&bn.gamma, &bn.beta), (&steps[0].gamma, &steps[0].beta));
    }
}

/// Holds the gradients against the loss when the j-th number of the i-th parameter is moved.
fn central_differences(
    name: &str,
    gradients: &[ArrayD<f64>],
    loss: impl Fn(usize, usize, f64) -> f64,
) {
    let h = 2.0_f64.powi(-17);
    for (i, gradient) in gradients.iter().enumerate() {
        for (j, &found) in gradient.iter().enumerate() {
            let difference = (loss(i, j, h) - loss(i, j, -h)) / (2.0 * h);
            let off = (difference - found).abs();
            assert!(off < 1e-8, "{name}, {i}, {j}: {difference} {found}");
        }
    }
}

#[test]
fn the_gradient_of_the_residual_network_goes_through_all_blocks() {
    use residual::{Kind, Network};
    for kind in [Kind::None, Kind::Layer, Kind::Rms] {
        let mut network = Network::<f64>::new([2, 4, 3, 3], kind, 1).unwrap();
        let random = &mut Random::new(2);
        for mut parameter in network.parameters() {
            parameter.mapv_inplace(|w| w + 0.3 * random.gaussian());
        }
        let x = Array2::from_shape_simple_fn((LABELS.len(), 2), || random.gaussian());
        let (_, gradients) = network.gradient(x.clone(), &LABELS).unwrap();
        let shapes = network.parameters().into_iter().map(|p| p.shape().to_vec());
        assert!(shapes.eq(gradients.iter().map(|g| g.shape().to_vec())), "{kind:?}");
        central_differences(&format!("{kind:?}"), &gradients, |i, j, by| {
            let mut network = network.clone();
            *network.parameters()[i].iter_mut().nth(j).unwrap() += by;
            network.gradient(x.clone(), &LABELS).unwrap().0
        });
    }
}

#[test]
fn the_gradient_of_the_connected_network_is_that_of_central_differences() {
    use batchnorm::batch_renorm::BatchRenorm;
    use connected::{Network, Norm};
    let mut network = Network::<f64>::new([2, 4, 3], &Norm::Batch(BatchNorm::new(4)), 1).unwrap();
    let random = &mut Random::new(2);
    for mut parameter in network.parameters() {
        parameter.mapv_inplace(|w| w + 0.3 * random.gaussian());
    }
    let x = Array2::from_shape_simple_fn((LABELS.len(), 2), || random.gaussian());
    let (loss, gradients) = network.clone().gradient(x.clone(), &LABELS).unwrap();
    central_differences("batch", &gradients, |i, j, by| {
        let mut network = network.clone();
        *network.parameters()[i].iter_mut().nth(j).unwrap() += by;
        network.gradient(x.clone(), &LABELS).unwrap().0
    });
    // Renormalization that may not correct anything is normalization.
    let renorm = Norm::Renorm(BatchRenorm::new(4, 1e-5, 0.1).unwrap());
    let mut other = Network::<f64>::new([2, 4, 3], &renorm, 1).unwrap();
    for (_, norm) in &mut other.hidden {
        let Norm::Renorm(norm) = norm else { unreachable!() };
        norm.clips = batchnorm::batch_renorm::Clips::ALL;
    }
    for (mut to, from) in other.parameters().into_iter().zip(network.parameters()) {
        to.assign(&from);
    }
    let (same_loss, same) = other.gradient(x, &LABELS).unwrap();
    assert!((loss - same_loss).abs() < 1e-12);
    for (a, b) in gradients.iter().zip(&same) {
        assert!((a - b).iter().all(|d| d.abs() < 1e-12));
    }
}

#[test]
fn the_gradient_of_every_way_to_take_the_steps_is_that_of_central_differences() {
    use steps::{Divisor, RIGHT, Steps};
    use stepwise::Network;
    let ways = [
        RIGHT,
        Steps { axis: 1, ..RIGHT },
        Steps { subtract: false, ..RIGHT },
        Steps { divisor: Divisor::One, ..RIGHT },
        Steps { divisor: Divisor::One, subtract: false, gamma: false, ..RIGHT },
        Steps { divisor: Divisor::RootPlus, ..RIGHT },
        Steps { divisor: Divisor::Variance, ..RIGHT },
        Steps { unbiased: true, ..RIGHT },
        Steps { gamma: false, beta: false, ..RIGHT },
    ];
    for way in ways {
        let name = format!("{way:?}");
        let mut network = Network::<f64>::new([2, 4, 2, 3], way, true, 1).unwrap();
        let random = &mut Random::new(2);
        for (_, mut parameter) in network.parameters() {
            parameter.mapv_inplace(|w| w + 0.3 * random.gaussian());
        }
        let x = Array2::from_shape_simple_fn((LABELS.len(), 2), || random.gaussian());
        let (_, gradients) = network.clone().gradient(x.clone(), &LABELS).unwrap();
        let parts = network.parameters().into_iter().map(|(part, p)| (part, p.shape().to_vec()));
        assert!(parts.eq(gradients.iter().map(|(part, g)| (*part, g.shape().to_vec()))), "{name}");
        let gradients: Vec<_> = gradients.into_iter().map(|(_, gradient)| gradient).collect();
        central_differences(&name, &gradients, |i, j, by| {
            let mut network = network.clone();
            *network.parameters()[i].1.iter_mut().nth(j).unwrap() += by;
            network.gradient(x.clone(), &LABELS).unwrap().0
        });
    }
}

#[test]
fn the_right_steps_are_those_of_the_library() {
    use steps::{Norm, RIGHT};
    let random = &mut Random::new(3);
    let mut draw = || Array2::from_shape_simple_fn((5, 3), || random.gaussian());
    let (mut own, mut library) = (Norm::<f64>::new(3, RIGHT), BatchNorm::new(3));
    for _ in 0..3 {
        let (x, dy) = (draw(), draw());
        let ((a, own), (b, tape)) = (own.train(x.clone()), library.train(x).unwrap());
        let (own, tape) = (own.backward(&dy), tape.backward(&dy).unwrap());
        let near = |a: &Array2<f64>, b: &Array2<f64>| (a - b).iter().all(|d| d.abs() < 1e-12);
        assert!(near(&a, &b) && near(&own.x, &tape.x));
        assert!((own.gamma.unwrap() - tape.gamma).iter().all(|d| d.abs() < 1e-12));
        assert!((own.beta.unwrap() - tape.beta).iter().all(|d| d.abs() < 1e-12));
    }
    let x = draw();
    let difference = own.infer(x.clone()) - library.freeze().unwrap().apply(&x).unwrap();
    assert!(difference.iter().all(|d| d.abs() < 1e-12));
}

#[test]
fn the_gradient_of_the_convolutional_network_goes_through_both_ways_to_share_a_mean() {
    use convolutional::{Kind, Network};
    for (kind, learned) in
        [(Kind::None, 0), (Kind::Channel, 10), (Kind::Place, 2 * (2 * 16 + 3 * 4))]
    {
        let mut network = Network::<f64>::new([6, 2, 3, 3], kind, 1).unwrap();
        assert_eq!(network.scales_and_shifts(), learned);
        let random = &mut Random::new(2);
        for mut parameter in network.parameters() {
            parameter.mapv_inplace(|w| w + 0.3 * random.gaussian());
        }
        let x = Array4::from_shape_simple_fn((LABELS.len(), 1, 6, 6), || random.gaussian());
        let (_, gradients) = network.clone().gradient(x.clone(), &LABELS).unwrap();
        let shapes = network.parameters().into_iter().map(|p| p.shape().to_vec());
        assert!(shapes.eq(gradients.iter().map(|g| g.shape().to_vec())), "{kind:?}");
        central_differences(&format!("{kind:?}"), &gradients, |i, j, by| {
            let mut network = network.clone();
            *network.parameters()[i].iter_mut().nth(j).unwrap() += by;
            network.gradient(x.clone(), &LABELS).unwrap().0
        });
    }
}

//! Draws every figure with made-up numbers, to look at: `cargo run -p figures --example gallery -- DIR`, then open
//! `DIR/light.html` and `DIR/dark.html`.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs, io};

use figures::backward::{detached, finite_difference, graph, jacobian, projection};
use figures::batch::{Path, how_large, noise as gradient_noise, paths, sizes};
use figures::corrections::mistakes;
use figures::covariate_shift::{
    Descent, Domain, covariate_shift, depth_drift, learning_curves, percentile_bands,
    quadratic_paths, sigmoid_gradient,
};
use figures::feature_maps::{View, cube, padding, places, views};
use figures::forward::{
    BatchHistogram, Channel, Outliers, Pipeline, ablation, affine_slopes, before_after, bound,
    pipeline, rho, shape_unchanged, small_batches,
};
use figures::generalization::{Knob, four_ways, gains, gap, noise as statistics_noise};
use figures::group_norm::{
    ByBatchSize, error_by_batch_size, noise as batch_noise, published, spectrum,
};
use figures::instance_norm::{Version, contrast, lighting};
use figures::introduction::{four_checks, notebook_map};
use figures::layer_norm::rows_and_columns;
use figures::numerics::{Method, cancellation, epsilon, offset};
use figures::placement::{Rectified, experiment, relu, sigmoid, two_orders};
use figures::rms_norm::{Point, recentering, sphere};
use figures::train_and_test::{
    ModeAccuracy, batch_mates, bias_by_batch_size, ema, folding, mode_bug, stale,
};
use figures::without_batches::{Iteration, Weights, power_iteration, three_batches, weight_norm};
use figures::without_normalization::{Curves, Growth, dynamic_tanh, residual_growth};
use figures::{Band, Histogram, Interval, Lang, Named, Series};

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: gallery DIR"));
    };
    fs::create_dir_all(&directory)?;
    let mut body = String::new();
    for (i, (name, _)) in all(Lang::Ko).iter().enumerate() {
        body += "<div>";
        for lang in Lang::ALL {
            let svg = &all(lang)[i].1;
            fs::write(directory.join(format!("{name}.{lang}.svg")), svg)?;
            let _ = writeln!(body, "<figure>{svg}<figcaption>{name}.{lang}</figcaption></figure>");
        }
        body += "</div>\n";
    }
    for (theme, colors) in [
        ("light", "--bg:#fff;color:#222"),
        (
            "dark",
            "--bg:#161923;color:#c8c9db;--fig-1:#5bb4e5;--fig-2:#f08a4b;--fig-3:#3fc79a;--fig-4:#e0a0c8;\
             --fig-5:#f2c14e;--fig-6:#8fd0f5;--fig-grid:#3a3f4f;--fig-muted:#8d93a5",
        ),
    ] {
        let page = format!(
            "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
             <style>body{{{colors};background:var(--bg);font-family:'Open Sans',sans-serif;margin:8px}}\
             div{{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:24px}}\
             figure{{margin:0 0 24px}}figcaption{{text-align:center}}</style>\n{body}"
        );
        fs::write(directory.join(format!("{theme}.html")), page)?;
    }
    Ok(())
}

/// Numbers that look random and are not.
fn noise(seed: u32) -> impl FnMut() -> f64 {
    let mut state = u64::from(seed) * 2 + 1;
    move || {
        // A sum of twelve uniform numbers is close to Gaussian.
        let sum: f64 = (0..12)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 53) as f64
            })
            .sum();
        sum - 6.0
    }
}

fn band(n: u32, step: f64, f: impl Fn(f64) -> (f64, f64, f64)) -> Vec<Interval> {
    (0..n)
        .map(|i| f64::from(i) * step)
        .map(|x| {
            let (low, mid, high) = f(x);
            Interval { x, low, mid, high }
        })
        .collect()
}

fn points(n: u32, f: impl Fn(f64) -> (f64, f64)) -> Vec<(f64, f64)> {
    (0..n).map(|i| f(f64::from(i))).collect()
}

fn descend(curvature: (f64, f64), rate: f64, steps: usize) -> Vec<(f64, f64)> {
    let mut path = vec![(4.0, 1.2)];
    for _ in 0..steps {
        if let Some(&(x, y)) = path.last() {
            path.push((x - rate * curvature.0 * x, y - rate * curvature.1 * y));
        }
    }
    path
}

fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

fn normalize(x: &[f64]) -> Vec<f64> {
    let (mean, sd) = moments(x);
    x.iter().map(|v| (v - mean) / sd).collect()
}

fn all(lang: Lang) -> Vec<(&'static str, String)> {
    let mut drawn = vec![
        ("notebook_map", notebook_map(lang)),
        ("four_checks", four_checks(lang)),
        ("graph", graph(lang)),
        ("projection", projection(lang)),
        ("folding", folding(lang)),
        ("rho", rho(&[1e-3, 1e-5], lang)),
        ("affine_slopes", affine_slopes(&[(1.0, 0.0), (2.0, 0.0), (0.5, 2.0)], lang)),
    ];
    drawn.extend(covariate(lang));
    drawn.extend(forward(lang));
    drawn.extend(backward(lang));
    drawn.extend(train_and_test(lang));
    drawn.extend(other_axes(lang));
    drawn.extend(without(lang));
    drawn.extend(batches(lang));
    drawn.extend(generalization(lang));
    drawn.extend(placement(lang));
    drawn
}

fn batches(lang: Lang) -> Vec<(&'static str, String)> {
    let full = descend((1.0, 1.5), 0.1, 40);
    let mut random = noise(7);
    let mini: Vec<_> = full.iter().map(|(w, b)| (w + 0.2 * random(), b + 0.2 * random())).collect();
    let panels = [Path { label: "64", points: &full }, Path { label: "1", points: &mini }];
    let times = |k: f64| {
        let around =
            |(x, y): (f64, f64)| Interval { x, low: 0.8 * k * y, mid: k * y, high: 1.3 * k * y };
        [(1.0, 400.0), (16.0, 40.0), (256.0, 12.0), (1297.0, 7.0)].map(around)
    };
    let (steps, epochs) = (times(1.0), times(0.05));
    let band = |points| Band { label: "", points };
    let (again, once) = ([(1.0, 4.0), (8.0, 0.5), (64.0, 0.06)], [(8.0, 0.44), (64.0, 0.0)]);
    let points = times(0.01);
    let lines =
        [Band { label: "BN", points: &points[..2] }, Band { label: "GN", points: &points[1..] }];
    vec![
        ("paths", paths(&panels, (0.0, 0.0), (1.0, 1.5, 0.2), lang)),
        ("gradient_noise", gradient_noise(&again, &once, 64, 4.0, lang)),
        ("how_large", how_large(&band(&steps), &band(&epochs), lang)),
        ("sizes", sizes(&steps, epochs[2], &epochs, lang)),
        (
            "error_by_batch_size",
            error_by_batch_size(&[2, 8], &[("1", &lines), ("2", &lines)], lang),
        ),
        ("stale", stale(&lines, 100.0, lang)),
    ]
}

fn rows(names: &[&str]) -> Vec<Named> {
    let row = |(i, label): (usize, &&str)| {
        let mid = 1.5 - i as f64;
        Named { label: (*label).into(), low: mid - 0.8, mid, high: mid + 1.1 }
    };
    names.iter().enumerate().map(row).collect()
}

fn generalization(lang: Lang) -> Vec<(&'static str, String)> {
    let training = points(20, |d| (d + 1.0, 0.25 * (1.0 - d / 30.0) + 0.5 * (-d).exp()));
    let test = points(20, |d| (d + 1.0, 0.25 * (1.0 + d / 30.0) + 0.5 * (-d).exp()));
    let knob = |logarithmic| Knob {
        logarithmic,
        training: training.clone(),
        test: test.clone(),
        without: 0.6,
    };
    let [plain, log] = [knob(false), knob(true)];
    let curve = points(8, |i| (2f64.powf(i), 2f64.powf(-i)));
    let series = [Series { label: "1/m", points: &curve }];
    let ways = rows(&[lang.pick("드롭아웃", "dropout"), "BN", "BN + L2"]);
    vec![
        ("gap", gap(&training, &test, 0.25, lang)),
        ("four_ways", four_ways([&plain, &log, &log, &log], lang)),
        ("statistics_noise", statistics_noise(&series, &series, lang)),
        ("gains", gains(&ways, &rows(&["5", "10", "100"]), lang)),
    ]
}

fn placement(lang: Lang) -> Vec<(&'static str, String)> {
    let panels = [(1.0, 0.0, 0.5, 0.4), (1.0, 1.0, 0.16, 1.08), (1.0, -1.0, 0.84, 0.08)];
    let panels = panels.map(|(gamma, beta, zero, mean)| Rectified { gamma, beta, zero, mean });
    let places = rows(&[lang.pick("활성화 앞", "before"), lang.pick("활성화 뒤", "after")]);
    vec![
        ("two_orders", two_orders(lang)),
        ("relu", relu(&panels, lang)),
        ("sigmoid", sigmoid(&[(1.0, 0.207, 0.984), (4.0, 0.091, 0.838)], lang)),
        ("places", experiment(&places, &places, lang)),
    ]
}

fn choices(lang: Lang) -> String {
    let rates = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
    let line =
        |bears: f64| rates.map(|r: f64| (r, (0.4 / r + (r / bears).powi(4)).clamp(2.0, 90.0)));
    let row =
        |label: &str, mid| Named { label: label.into(), low: mid - 0.5, mid, high: mid + 0.6 };
    let panel = |title, other| figures::choosing::Panel {
        title,
        lines: [1.0, 5.0, 2.0].map(|bears| line(bears).to_vec()).into(),
        less_batch: vec![row("–", 1.5), row("LN", other)],
    };
    figures::choosing::methods(&["–", "BN", "LN"], &[panel("A", 0.7), panel("B", 0.2)], lang)
}

fn changed_light(lang: Lang) -> String {
    let points = |xs: [f64; 5], slope: f64| {
        xs.map(|x| {
            let off = slope * if xs[0] > 0.0 { x.ln().min(0.0).abs() } else { x.abs() };
            Interval { x, low: 3.0 + 0.7 * off, mid: 3.0 + off, high: 3.0 + 1.3 * off }
        })
    };
    let slopes = [("BN", 25.0), ("LN", 10.0), ("IN", 0.0)];
    let [contrast, brightness] = [[0.125, 0.25, 0.5, 1.0, 2.0], [-2.0, -1.0, 0.0, 1.0, 2.0]]
        .map(|xs| slopes.map(|(label, slope)| (label, points(xs, slope))));
    let [contrast, brightness] = [&contrast, &brightness]
        .map(|lines| lines.each_ref().map(|(label, points)| Band { label, points }));
    lighting(&contrast, &brightness, lang)
}

fn by_offset(lang: Lang) -> String {
    let names = ["0", "64", "512", "4096"].map(String::from);
    let lines = [("(x − x̄)²", 0.0), ("x² − x̄²", 9.0)].map(|(label, slope)| {
        let points = [0.0, 1.0, 2.0, 3.0].map(|x: f64| {
            let mid = 5.0 + slope * x * x;
            Interval { x, low: 0.8 * mid, mid, high: 1.1 * mid }
        });
        (label, points)
    });
    offset(&names, &lines.each_ref().map(|(label, points)| Band { label, points }), lang)
}

fn other_axes(lang: Lang) -> Vec<(&'static str, String)> {
    let view = |label, outer, kept, inner| View { label, outer, kept, inner };
    let statistics = [view("BN", 2, 4, 6), view("LN", 1, 2, 24), view("IN", 1, 8, 6)];
    let parameters = view("γ, β", 2, 4, 6);

    let frame = |corner: f64, edge: f64, inside: f64| {
        let (outer, inner) = (vec![corner, edge, edge, corner], vec![edge, inside, inside, edge]);
        vec![outer.clone(), inner.clone(), inner, outer]
    };
    let (white, sums) = (frame(1.0, 1.0, 1.0), frame(4.0, 6.0, 9.0));
    let x_hat = frame(-1.26, -0.14, 1.54);

    let table = [vec![1.0, 1.0, 4.0, 10.0], vec![11.0, 11.0, 14.0, 20.0], vec![5.0, 2.0, 0.0, 1.0]];
    let by_rows = table.each_ref().map(|row| normalize(row));
    let columns: Vec<_> = (0..4).map(|j| normalize(&table.each_ref().map(|row| row[j]))).collect();
    let by_columns: Vec<Vec<_>> =
        (0..3).map(|i| columns.iter().map(|column| column[i]).collect()).collect();

    let ring: Vec<f64> = (0..64)
        .map(|i| {
            let (row, column) = (f64::from(i / 8) - 3.5, f64::from(i % 8) - 3.5);
            (1.0 - (row.hypot(column) - 2.5).abs() / 1.5).max(0.0)
        })
        .collect();
    let lights = [("1", 1.0, 0.0), ("2", 0.5, 0.5), ("3", 0.35, 0.0), ("4", 0.2, 0.4)]
        .map(|(label, a, b)| (label, ring.iter().map(|x| a * x + b).collect::<Vec<_>>()));
    let after = normalize(&ring);
    let lights = lights.each_ref().map(|(label, before)| Version { label, before, after: &after });

    let sizes = [(32, 23.5), (8, 25.0), (2, 35.0)];
    let errors = sizes.map(|(batch_size, batch)| ByBatchSize { batch_size, batch, group: 24.0 });
    let noisy = sizes.map(|(m, _)| (m, 0.15 / (m as f64).sqrt()));
    let noisy = noisy.map(|(batch_size, batch)| ByBatchSize { batch_size, batch, group: 0.0 });

    let points = [(0.5, 3.5), (3.0, -1.0), (-2.0, -3.0)].map(|(a, b): (f64, f64)| {
        let (sign, r) = ((a - b).signum(), ((a * a + b * b) / 2.0).sqrt());
        Point { x: (a, b), layer: (sign, -sign), rms: (a / r, b / r) }
    });
    let ratios = [1.0, 1e2, 1e4, 1e6];
    let curve = |error: fn(f64) -> f64| ratios.map(|ratio| (ratio, error(ratio))).to_vec();
    let methods = [
        Method { name: "x² − x̄²", points: curve(|ratio| 6e-8 * ratio * ratio) },
        Method { name: "(x − x̄)²", points: curve(|_| 3e-7) },
    ];
    let chapters = [("A", &[1, 3][..]), ("B", &[2, 23])]
        .map(|(title, corrections)| figures::corrections::Chapter { title, corrections });
    vec![
        ("cube", cube(lang)),
        ("views", views(&[2, 4, 2, 3], &statistics, &parameters, lang)),
        ("padding", padding(&white, &sums, &x_hat, lang)),
        ("rows_and_columns", rows_and_columns(&table, &by_columns, &by_rows, lang)),
        ("contrast", contrast(8, &lights, lang)),
        ("spectrum", spectrum(6, lang)),
        ("published", published(&errors, lang)),
        ("noise", batch_noise(&noisy, lang)),
        ("sphere", sphere(&points, lang)),
        ("places", places(&rows(&["channel", "place"]), &rows(&["channel", "place"]), lang)),
        (
            "detached",
            detached(
                &["right", "μ"],
                &[20.0, 30.0].map(|e| vec![(0.1, e), (1.0, 3.0), (10.0, 90.0)]),
                &rows(&["μ", "v"]),
                lang,
            ),
        ),
        ("ablation", ablation(&rows(&["μ", "s"]), &rows(&["γ, β"]), lang)),
        ("mistakes", mistakes(&rows(&["ε", "m − 1"]), &rows(&["μ"]), lang)),
        ("recentering", recentering(&rows(&["LN", "RMS"]), &rows(&["LN − RMS"]), lang)),
        ("cancellation", cancellation(&methods, 6e-8, lang)),
        ("epsilon", epsilon(&[1e-3, 1e-5], lang)),
        ("offset", by_offset(lang)),
        ("inputs", figures::introduction::inputs(&rows(&["1", "2"]), &rows(&["1 − 2"]), lang)),
        (
            "copied",
            figures::frameworks::copied(&[(8, rows(&["p", "ε"])), (64, rows(&["p"]))], lang),
        ),
        ("decision", figures::choosing::decision(lang)),
        ("methods", choices(lang)),
        ("lighting", changed_light(lang)),
        ("map", figures::corrections::map(&chapters, lang)),
    ]
}

fn covariate(lang: Lang) -> Vec<(&'static str, String)> {
    let mut random = noise(1);
    let rule = points(121, |i| (-2.0 + i * 0.05, (-2.0 + i * 0.05f64).sin() * 2.0));
    let mut samples = |mean: f64, sd: f64| -> Vec<(f64, f64)> {
        (0..40)
            .map(|_| {
                let x = mean + sd * random();
                (x, 2.0 * x.sin() + 0.2 * random())
            })
            .collect()
    };
    let (seen, met) = (samples(0.2, 0.5), samples(2.2, 0.5));
    let train = Domain { mean: 0.2, sd: 0.5, samples: &seen, intercept: 0.05, slope: 1.75 };
    let test = Domain { mean: 2.2, sd: 0.5, samples: &met, intercept: 3.8, slope: -1.1 };

    let plain = points(21, |d| (d, 0.22f64.powf(d)));
    let scaled = points(21, |d| (d, 0.82f64.powf(d)));
    let xavier = points(21, |d| (d, 0.1f64.powf(d * 0.9)));
    let gradients = [
        Series { label: lang.pick("시그모이드", "sigmoid"), points: &plain },
        Series { label: lang.pick("시그모이드 + BN", "sigmoid + BN"), points: &scaled },
        Series { label: lang.pick("작은 초기값", "small init"), points: &xavier },
    ];

    let (zigzag, straight) = (descend((1.0, 25.0), 0.07, 40), descend((1.0, 1.0), 0.5, 12));
    let long = Descent { curvature: (1.0, 25.0), path: &zigzag };
    let round = Descent { curvature: (1.0, 1.0), path: &straight };

    let drift = |rate: f64| {
        band(6, 1.0, |i| (rate * i * 0.7, rate * i, rate * i * 1.3))
            .into_iter()
            .skip(1)
            .collect::<Vec<_>>()
    };
    let (far, near) = (drift(0.4), drift(0.05));
    let bands = [
        Band { label: lang.pick("BN 없이", "without BN"), points: &far },
        Band { label: lang.pick("BN과 함께", "with BN"), points: &near },
    ];

    let slow = band(101, 20.0, |x| {
        let y = 0.1 + 0.82 / (1.0 + (-(x - 900.0) / 100.0).exp());
        (y - 0.05, y, y + 0.04)
    });
    let fast = band(101, 20.0, |x| {
        let y = 0.97 - 0.87 * (-x / 60.0).exp();
        (y - 0.01, y, y + 0.01)
    });
    let curves = [Band { points: &slow, ..bands[0] }, Band { points: &fast, ..bands[1] }];

    let collapse = band(101, 20.0, |x| {
        let (m, w) = (-2.2 * (1.0 - (-x / 300.0).exp()), (-x / 200.0).exp() * 0.8);
        (m - w, m, m + w)
    });
    let stay = band(101, 20.0, |x| {
        let m = 0.1 * (x / 80.0).sin();
        (m - 1.0, m, m + 1.0)
    });
    let panels = [Band { points: &collapse, ..bands[0] }, Band { points: &stay, ..bands[1] }];
    let drift_name = lang.pick("옮겨 간 거리 (표준편차)", "distance moved (standard deviations)");
    vec![
        ("covariate_shift", covariate_shift(&rule, &train, &test, lang)),
        ("sigmoid_gradient", sigmoid_gradient(&gradients, lang)),
        ("quadratic_paths", quadratic_paths(&long, &round, lang)),
        ("depth_drift", depth_drift(&bands, drift_name, lang)),
        ("learning_curves", learning_curves(&curves, lang)),
        ("percentile_bands", percentile_bands(&panels, lang)),
    ]
}

fn forward(lang: Lang) -> Vec<(&'static str, String)> {
    let mut random = noise(2);
    let numbers = Pipeline {
        x: &[1.0, 2.0, 3.0, 6.0],
        mean: 3.0,
        variance: 3.5,
        eps: 0.5,
        x_hat: &[-1.0, -0.5, 0.0, 1.5],
        gamma: 2.0,
        beta: 1.0,
        y: &[-1.0, 0.0, 1.0, 4.0],
    };

    let mut seen = |m: usize| {
        let mut all = Vec::new();
        for _ in 0..20_000 / m {
            all.extend(normalize(&(0..m).map(|_| random()).collect::<Vec<_>>()));
        }
        Histogram::of(all, -3.2, 3.2, 64)
    };
    let histograms = [2, 3, 4, 8, 64].map(|m| (m, seen(m)));
    let batches: Vec<_> =
        histograms.iter().map(|(m, seen)| BatchHistogram { m: *m, seen }).collect();

    let skewed: Vec<_> = (0..4000).map(|_| 10.0 + 2.0 * (0.7 * random()).exp()).collect();
    let (mean, sd) = moments(&skewed);
    let before = Histogram::of(skewed.iter().copied(), 8.0, 23.0, 45);
    let after = Histogram::of(normalize(&skewed), (8.0 - mean) / sd, (23.0 - mean) / sd, 45);

    let raw = [(3.0, 0.4), (-2.0, 2.0), (8.0, 1.0)]
        .map(|(mean, sd)| (0..24).map(|_| mean + sd * random()).collect::<Vec<f64>>());
    let flat = raw.each_ref().map(|x| normalize(x));
    let channels: Vec<_> =
        raw.iter().zip(&flat).map(|(before, after)| Channel { before, after }).collect();

    let outliers = |m: usize| {
        points(61, |i| {
            let size = 10f64.powf(i / 15.0);
            let mut x: Vec<f64> = (0..m).map(|k| (k as f64 * 2.4).sin()).collect();
            x[0] = size;
            (size, normalize(&x).iter().fold(0.0, |a: f64, b| a.max(b.abs())))
        })
    };
    let saturating = [4, 8, 32].map(|m| (m, outliers(m)));
    let saturating: Vec<_> =
        saturating.iter().map(|(m, points)| Outliers { m: *m, points }).collect();
    vec![
        ("pipeline", pipeline(&numbers, lang)),
        ("small_batches", small_batches(&batches, lang)),
        ("shape_unchanged", shape_unchanged(&before, &after, lang)),
        ("before_after", before_after(&channels, lang)),
        ("bound", bound(&saturating, lang)),
    ]
}

fn backward(lang: Lang) -> Vec<(&'static str, String)> {
    let x_hat = normalize(&[1.0, 2.0, 3.0, 6.0, 2.5, 0.5]);
    let m = x_hat.len() as f64;
    let rows: Vec<Vec<f64>> = (0..x_hat.len())
        .map(|i| {
            (0..x_hat.len())
                .map(|j| f64::from(u8::from(i == j)) - 1.0 / m - x_hat[i] * x_hat[j] / m)
                .collect()
        })
        .collect();
    let error = |unit: f64| {
        points(71, move |i| {
            let h = 10f64.powf(-11.0 + i * 0.15);
            (h, h * h / 6.0 + unit / h * (1.2 + (i * 5.7).sin()) / 2.0)
        })
    };
    let (single, double) = (error(6e-8), error(1e-16));
    let series =
        [Series { label: "f32", points: &single }, Series { label: "f64", points: &double }];
    vec![
        ("jacobian", jacobian(&rows, lang)),
        ("finite_difference", finite_difference(&series, lang)),
    ]
}

fn train_and_test(lang: Lang) -> Vec<(&'static str, String)> {
    let mut random = noise(3);
    let means: Vec<_> = (1..=300).map(|t| (f64::from(t), 2.0 + 0.35 * random())).collect();
    let running = |p: f64| {
        let mut r = 0.0;
        let mut line = vec![(0.0, 0.0)];
        for &(t, mean) in &means {
            r += p * (mean - r);
            line.push((t, r));
        }
        line
    };
    let mut sum = 0.0;
    let average: Vec<_> = means
        .iter()
        .map(|&(t, mean)| {
            sum += mean;
            (t, sum / t)
        })
        .collect();
    let (quick, slow) = (running(0.1), running(0.01));
    let series = [
        Series { label: lang.pick("계수 0.1", "momentum 0.1"), points: &quick },
        Series { label: lang.pick("계수 0.01", "momentum 0.01"), points: &slow },
        Series { label: lang.pick("누적 평균", "cumulative"), points: &average },
    ];
    let measured = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0].map(|m| {
        let mid = (m - 1.0) / m + 0.01 * random();
        Interval { x: m, low: mid - 0.04, mid, high: mid + 0.04 }
    });
    let outputs: Vec<_> = (0..200).map(|_| 0.6 + 0.25 * random()).collect();
    let rows =
        [(1, f64::NAN), (2, 0.42), (4, 0.71), (8, 0.86), (16, 0.92), (32, 0.945), (128, 0.96)]
            .map(|(batch_size, batch)| ModeAccuracy { batch_size, batch, running: 0.965 });
    vec![
        ("ema", ema(2.0, &means, &series, lang)),
        ("bias_by_batch_size", bias_by_batch_size(&measured, lang)),
        ("batch_mates", batch_mates(&outputs, 0.58, lang)),
        ("mode_bug", mode_bug(&rows, lang)),
    ]
}

fn without(lang: Lang) -> Vec<(&'static str, String)> {
    let weights = Weights {
        v: (3.0, 2.0),
        v_then: (2.6, 2.6),
        w: (1.25, 0.83),
        w_then: (1.06, 1.06),
        pull: (0.1, 0.5),
    };
    let iteration = |ratio: f64| {
        let estimates = (0..20).map(|k| 1.0 - 0.4 * ratio.powi(2 * k)).collect();
        Iteration { ratio, estimates }
    };
    let iterations = [iteration(0.5), iteration(0.9), iteration(0.99)];
    let growth = Growth {
        plain: band(40, 1.0, |l| (0.9 * l.exp2(), l.exp2(), 1.1 * l.exp2())),
        batch: band(40, 1.0, |l| (0.9 * (l + 1.0), l + 1.0, 1.1 * (l + 1.0))),
        skip: band(40, 1.0, |_| (0.98, 1.0, 1.02)),
    };
    let curve = |f: fn(f64) -> f64| {
        (-100..=100).map(|i| f64::from(i) / 5.0).map(|x| (x, 2.65 * f(x))).collect()
    };
    let curves = Curves {
        normalized: curve(|x| x / (8.0 + x * x).sqrt()),
        tanh: curve(|x| (0.35 * x).tanh()),
        bound: 2.65,
    };
    vec![
        ("three_batches", three_batches(lang)),
        ("power_iteration", power_iteration(&iterations, lang)),
        ("weight_norm", weight_norm(&weights, lang)),
        ("residual_growth", residual_growth(&growth, lang)),
        ("dynamic_tanh", dynamic_tanh(&curves, lang)),
    ]
}

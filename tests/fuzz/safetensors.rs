//! Whatever the bytes are: a typed error, or tensors that can be read, checked and written again.

#![no_main]

use batchnorm::batch_norm::{Average, BatchNorm, Config};
use batchnorm::interchange::{Style, Tensors};
use libfuzzer_sys::fuzz_target;
use ndarray::{Ix1, Ix2, IxDyn, array};

fuzz_target!(|bytes: &[u8]| {
    let Ok(tensors) = Tensors::from_bytes(bytes) else { return };
    for name in tensors.names() {
        let _ = tensors.array::<f32, IxDyn>(name);
        let _ = tensors.array::<f32, Ix2>(name);
        let _ = tensors.array::<f64, Ix1>(name);
        let prefix = name.rsplit_once(['.', '/']).map_or("", |(prefix, _)| prefix);
        for style in [Style::PyTorch, Style::Keras] {
            for affine in [false, true] {
                let config = Config { affine, average: Average::Cumulative, ..Config::default() };
                if let Ok(layer) = tensors.batch_norm::<f32>(prefix, style, config) {
                    check(layer, prefix, style);
                }
            }
        }
    }
    let written = tensors.to_bytes().expect("what was read can be written");
    assert_eq!(Tensors::from_bytes(&written).expect("what was written can be read"), tensors);
});

/// A layer that was let in can be used, trained and written.
fn check(mut layer: BatchNorm<f32>, prefix: &str, style: Style) {
    let map = layer.freeze().expect("finite vectors and a variance that is not negative");
    let mut tensors = Tensors::default();
    tensors.insert_batch_norm(prefix, style, &layer).expect("as many of each");
    let config = *layer.config();
    let same: BatchNorm<f32> = tensors.batch_norm(prefix, style, config).expect("as written");
    assert_eq!(same.freeze().expect("the same"), map);
    if layer.channels() == 1 {
        assert!(layer.train(array![[1.0], [2.0]]).is_ok());
    }
}

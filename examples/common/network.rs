//! Two small networks with a normalization of one's choice before each ReLU.

use super::{Lang, Result};
use batchnorm::batch_norm::BatchNorm;
use batchnorm::group_norm::GroupNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::rms_norm::RmsNorm;
use serde::{Deserialize, Serialize};

/// The normalization before each ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// None, and biases in its place.
    Without,
    Batch,
    Layer,
    Group,
    /// Of maps; in a fully connected network a map is one value, which is refused.
    Instance,
    /// Of features; in a convolutional network they are not the last axis, which is refused.
    Rms,
}

/// Two hidden layers of 64 units; or two convolutions of 3 × 3, to 8 maps and to 16 of half the size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Connected,
    Convolutional,
}

impl Norm {
    /// The layer, with ε = 1e-5, for so many channels, and groups for those that have groups.
    pub fn layer(self, channels: usize, groups: usize) -> Result<Option<Layer<f32>>> {
        Ok(Some(match self {
            Norm::Without => return Ok(None),
            Norm::Batch => Layer::BatchNorm(BatchNorm::new(channels)),
            Norm::Layer => Layer::LayerNorm(LayerNorm::over_channels(channels, 1e-5)?),
            Norm::Group => Layer::GroupNorm(GroupNorm::new(groups, channels, 1e-5)?),
            // A group for each channel.
            Norm::Instance => Layer::GroupNorm(GroupNorm::new(channels, channels, 1e-5)?),
            Norm::Rms => Layer::RmsNorm(RmsNorm::new(channels, 1e-5)?),
        }))
    }

    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Norm::Without => lang.pick("없음", "none"),
            Norm::Batch => lang.pick("배치", "batch"),
            Norm::Layer => lang.pick("층", "layer"),
            Norm::Group => lang.pick("그룹", "group"),
            Norm::Instance => lang.pick("인스턴스", "instance"),
            Norm::Rms => "RMS",
        }
    }
}

impl Kind {
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Kind::Connected => lang.pick("완전 연결 신경망", "fully connected"),
            Kind::Convolutional => lang.pick("합성곱 신경망", "convolutional"),
        }
    }

    /// The network with the first weights of this seed, the same for every normalization.
    pub fn model(
        self,
        pixels: usize,
        classes: usize,
        norm: Norm,
        seed: u64,
    ) -> Result<Sequential<f32>> {
        let (random, bias) = (&mut Random::new(seed), norm == Norm::Without);
        let side = pixels.isqrt();
        let mut layers = Vec::new();
        let (input, last) = match self {
            Kind::Connected => {
                for size in [(pixels, 64), (64, 64)] {
                    layers.push(Layer::Linear(Linear::random(size, bias, Init::He, random)?));
                    layers.extend(norm.layer(64, 4)?);
                    layers.push(Layer::Activation(Activation::Relu));
                }
                (vec![pixels], 64)
            }
            Kind::Convolutional => {
                for (shape, stride) in [([8, 1, 3, 3], 1), ([16, 8, 3, 3], 2)] {
                    let window = Window { stride, padding: 1, groups: 1 };
                    let [maps, ..] = shape;
                    let convolution = Conv2d::random(shape, bias, window, Init::He, random)?;
                    layers.push(Layer::Conv2d(convolution));
                    layers.extend(norm.layer(maps, maps / 4)?);
                    layers.push(Layer::Activation(Activation::Relu));
                }
                layers.push(Layer::Flatten);
                (vec![1, side, side], 16 * side.div_ceil(2).pow(2))
            }
        };
        layers.push(Layer::Linear(Linear::random((last, classes), true, Init::Xavier, random)?));
        Ok(Sequential::new(&input, layers)?)
    }
}

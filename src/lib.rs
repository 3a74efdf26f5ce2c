//! The reference implementation of the Batch Normalization Notebook: one idea a file, meant to be read
//! and copied.
//!
//! Start with [`definition`], which is ten lines; then [`batch_norm`] is the layer, [`norm`] the one
//! forward and the one backward behind it, [`split`] how a shape becomes a plan, [`scalar`] what a
//! number is to the kernels, and [`affine`] what is left of the layer at inference, which [`folding`]
//! takes into a neighbour. [`streaming`] gathers statistics piece by piece, and [`population`] those of
//! whole channels. Where the statistics are not those of the batch at hand, as in [`batch_renorm`],
//! [`ghost_batch_norm`] and [`synchronized`], [`channelwise`] normalizes by what it is given. [`profile`]
//! says what the frameworks mean, [`interchange`] reads and writes their files, and [`nn`] is the small kit
//! of the experiments.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod affine;
pub mod batch_norm;
pub mod batch_renorm;
pub mod channelwise;
pub mod definition;
pub mod dynamic_tanh;
pub mod error;
pub mod fixup;
pub mod folding;
pub mod ghost_batch_norm;
pub mod gradient_clipping;
pub mod group_norm;
pub mod instance_norm;
#[cfg(feature = "interchange")]
pub mod interchange;
pub mod layer_norm;
pub mod layout;
#[cfg(feature = "nn")]
pub mod nn;
pub mod norm;
pub mod population;
pub mod profile;
pub mod rms_norm;
mod rows;
pub mod scalar;
mod simd;
pub mod skip_init;
pub mod spectral_norm;
pub mod split;
pub mod streaming;
pub mod synchronized;
pub mod tracked_instance_norm;
pub mod weight_norm;
pub mod weight_standardization;

// The Rust blocks in the chapters of the book, and in the README, are documentation tests.
#[cfg(doctest)]
macro_rules! chapters {
    ($($stem:ident)*) => {$(
        mod $stem {
            #[doc = include_str!(concat!("../book/ko/", stringify!($stem), ".md"))]
            mod ko {}
            #[doc = include_str!(concat!("../book/en/", stringify!($stem), ".md"))]
            mod en {}
        }
    )*};
}
#[cfg(doctest)]
mod book {
    chapters! {
        introduction batch covariate_shift forward backward train_and_test feature_maps placement
        why_it_works generalization layer_norm instance_norm group_norm rms_norm without_batches
        without_normalization numerics frameworks choosing corrections
    }
}
#[cfg(doctest)]
mod readme {
    #[doc = include_str!("../README.md")]
    mod en {}
    #[doc = include_str!("../README.ko.md")]
    mod ko {}
}

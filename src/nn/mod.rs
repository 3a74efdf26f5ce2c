//! The small kit that the experiments need: layers, a loss, a step of gradient descent.
//!
//! No automatic differentiation: every layer's `forward` returns its output and a tape, and the
//! tape's `backward` takes ∂L/∂y to the gradients, as for batch normalization.
//!
//! Not a fast kit but a reproducible one. Sums are taken in a fixed order, and exp, ln and cos are
//! those of `libm`, so that an experiment gives the same digits on every machine.

pub mod activation;
pub mod conv2d;
pub mod dropout;
mod exponential;
pub mod init;
pub mod linear;
pub mod loss;
pub mod product;
pub mod random;
pub mod real;
pub mod sequential;
pub mod sgd;

#[cfg(test)]
mod testing;

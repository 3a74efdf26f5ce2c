//! What the layers ask of the memory: the output, and a few vectors with an element for each group. No
//! copy of x̂, and no buffer of the size of the tensor that is not handed out.
//!
//! (With the feature `parallel` the threads have queues of their own, which are not counted.)
#![cfg(not(feature = "parallel"))]

use batchnorm::batch_norm::BatchNorm;
use batchnorm::group_norm::GroupNorm;
use batchnorm::layer_norm::LayerNorm;
use ndarray::{Array, Array2, Array4, Dimension, array};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// The bytes that this thread has ever asked for.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// The allocator of the system, counting.
struct Counting;

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `f` gives, and the bytes asked for meanwhile.
fn counted<T>(f: impl FnOnce() -> T) -> (T, usize) {
    let before = ASKED.get();
    let result = f();
    (result, ASKED.get() - before)
}

/// How many bytes may be asked for beside tensors: some 20 `f64` for each mean and each γ, and a little
/// that does not grow at all.
fn vectors(groups: usize, parameters: usize) -> usize {
    160 * (groups + parameters) + 1000
}

fn tensor<D: Dimension>(shape: impl ndarray::ShapeBuilder<Dim = D>) -> Array<f32, D> {
    let mut i = 0_u32;
    Array::from_shape_simple_fn(shape, || {
        i = i.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (i >> 8) as f32 / 1e7
    })
}

/// The bytes asked for are those of so many tensors, and no more than a few vectors.
fn within(what: &str, asked: usize, tensors: usize, vectors: usize) {
    assert!(asked >= tensors, "{what}: {asked} bytes, and the output alone has {tensors}");
    let besides = asked - tensors;
    assert!(besides <= vectors, "{what}: {besides} bytes besides the output, expected {vectors}");
}

#[test]
fn the_count_sees_a_copy() {
    let x: Array4<f32> = tensor((4, 8, 16, 16));
    let (_copy, asked) = counted(|| x.clone());
    assert_eq!(asked, 4 * x.len());
}

#[test]
fn batch_normalization_allocates_its_output_and_vectors() {
    // Feature maps, and columns; and maps far from zero, where the variance takes a second pass.
    for (shape, offset) in [((16, 8, 20, 20), 0.0), ((512, 64, 1, 1), 0.0), ((16, 8, 20, 20), 1e5)]
    {
        let (x, dy): (Array4<f32>, Array4<f32>) = (tensor(shape) + offset, tensor(shape));
        let (bytes, vectors) = (4 * x.len(), vectors(shape.1, shape.1));
        assert!(bytes > vectors, "the test could not tell a tensor from the vectors");
        let mut bn = BatchNorm::new(shape.1);

        let ((_y, tape), asked) = counted(|| bn.train(x.clone()).unwrap());
        within("train", asked, 2 * bytes, vectors); // the clone is the test's
        let (_gradients, asked) = counted(|| tape.backward(&dy).unwrap());
        within("backward", asked, 0, vectors);

        let map = bn.freeze().unwrap();
        let (_y, asked) = counted(|| map.apply(&x).unwrap());
        within("inference", asked, bytes, vectors);
        let (_gradients, asked) = counted(|| map.backward(&x, &dy).unwrap());
        within("backward of inference", asked, bytes, vectors);
    }
}

#[test]
fn layer_and_group_normalization_allocate_their_output_and_vectors() {
    let (x, dy): (Array2<f32>, Array2<f32>) = (tensor((64, 768)), tensor((64, 768)));
    let (bytes, vectors_of_rows) = (4 * x.len(), vectors(64, 768));
    assert!(bytes > vectors_of_rows);
    let ln = LayerNorm::new(768, 1e-5).unwrap();
    let ((_y, tape), asked) = counted(|| ln.forward(x).unwrap());
    within("layer normalization", asked, bytes, vectors_of_rows);
    let (_gradients, asked) = counted(|| tape.backward(&dy).unwrap());
    within("its backward", asked, 0, vectors_of_rows);

    let (x, dy): (Array4<f32>, Array4<f32>) = (tensor((4, 32, 14, 14)), tensor((4, 32, 14, 14)));
    let (bytes, vectors) = (4 * x.len(), vectors(4 * 8, 32));
    assert!(bytes > vectors);
    let gn = GroupNorm::new(8, 32, 1e-5).unwrap();
    let ((_y, tape), asked) = counted(|| gn.forward(x).unwrap());
    within("group normalization", asked, bytes, vectors);
    let (_gradients, asked) = counted(|| tape.backward(&dy).unwrap());
    within("its backward", asked, 0, vectors);
}

#[test]
fn what_is_not_row_major_is_copied_once() {
    let x = array![[1.0_f32, 2.0, 4.0], [8.0, 7.0, 6.0]];
    let x =
        Array2::from_shape_fn((40, 1000), |(i, j)| x[[i % 2, j % 3]] + j as f32).reversed_axes();
    let bytes = 4 * x.len();
    let ((_y, _tape), asked) = counted(|| BatchNorm::new(40).train(x).unwrap());
    within("of a turned tensor", asked, 2 * bytes, vectors(40, 40));
}

"""What an element costs in PyTorch, ONNX Runtime and JAX, in nanoseconds: the shortest of many runs.

Prints a line `peer layer shape forward forward+backward inference` for each peer and shape, nan where the
peer has no such operation. Started by run.sh, with the number of threads as its
argument.
"""

import os
import sys
import time

THREADS = int(sys.argv[1])
os.environ["OMP_NUM_THREADS"] = str(THREADS)
if THREADS == 1:  # JAX takes as many threads as there are processors it may run on.
    os.sched_setaffinity(0, {0})

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper

SHAPES = [
    ("batch", (32, 64, 56, 56)),
    ("batch", (128, 32, 28, 28)),
    ("batch", (8, 256, 14, 14)),
    ("batch", (256, 1024)),
    ("batch", (64, 784)),
    ("layer", (512, 768)),
    ("group", (8, 256, 28, 28)),
]
SECONDS, EPS, GROUPS = 0.6, 1e-5, 32
NAN = float("nan")


def shortest(run):
    run()
    best, runs, start = float("inf"), 0, time.perf_counter()
    while runs < 10 or time.perf_counter() - start < SECONDS:
        before = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - before)
        del result
        runs += 1
    return best


def with_torch(layer, shape, x, g):
    torch.set_num_threads(THREADS)
    x, g = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)
    if layer == "batch":
        norm = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(shape[1], EPS)
    elif layer == "layer":
        norm = torch.nn.LayerNorm(shape[-1], EPS)
    else:
        norm = torch.nn.GroupNorm(GROUPS, shape[1], EPS)

    def both():
        x.grad = None
        norm.zero_grad(set_to_none=True)
        norm(x).backward(g)

    forward = shortest(lambda: norm(x))
    both = shortest(both)
    if layer != "batch":
        return forward, both, NAN
    norm.eval()
    with torch.inference_mode():
        return forward, both, shortest(lambda: norm(x))


def with_jax(layer, shape, x, g):
    axes = {"batch": (0, *range(2, len(shape))), "layer": (-1,), "group": (2, 3, 4)}[layer]
    split = (shape[0], GROUPS, shape[1] // GROUPS, *shape[2:]) if layer == "group" else shape
    features = shape[-1] if layer == "layer" else shape[1]
    per_feature = (features,) if layer == "layer" else (1, features) + (1,) * (len(shape) - 2)

    def forward(x, gamma, beta):
        grouped = x.reshape(split)
        mean = grouped.mean(axes, keepdims=True)
        var = ((grouped - mean) ** 2).mean(axes, keepdims=True)
        y = ((grouped - mean) * jax.lax.rsqrt(var + EPS)).reshape(shape)
        return y * gamma.reshape(per_feature) + beta.reshape(per_feature)

    def inference(x, gamma, beta, mean, var):
        scale = gamma * jax.lax.rsqrt(var + EPS)
        return x * scale.reshape(per_feature) + (beta - mean * scale).reshape(per_feature)

    def both(x, gamma, beta, g):
        y, pull = jax.vjp(forward, x, gamma, beta)
        return y, pull(g)

    x, g, ones, zeros = jnp.asarray(x), jnp.asarray(g), jnp.ones(features), jnp.zeros(features)
    run = lambda f, *arguments: shortest(lambda: jax.block_until_ready(f(*arguments)))
    times = run(jax.jit(forward), x, ones, zeros), run(jax.jit(both), x, ones, zeros, g)
    if layer != "batch":
        return *times, NAN
    return *times, run(jax.jit(inference), x, ones, zeros, zeros, ones)


def with_onnxruntime(layer, shape, x, _):
    """ONNX Runtime infers only: of layers without running statistics that is the forward pass."""
    features = shape[-1] if layer == "layer" else shape[1]
    values = {"scale": np.ones(features, "f"), "B": np.zeros(features, "f")}
    if layer == "batch":
        values |= {"mean": np.zeros(features, "f"), "var": np.ones(features, "f")}
        node = helper.make_node("BatchNormalization", ["X", *values], ["Y"], epsilon=EPS)
    elif layer == "layer":
        node = helper.make_node("LayerNormalization", ["X", *values], ["Y"], axis=-1, epsilon=EPS)
    else:
        node = helper.make_node(
            "GroupNormalization", ["X", *values], ["Y"], num_groups=GROUPS, epsilon=EPS
        )
    tensor = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph([node], "norm", [tensor("X")], [tensor("Y")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    binding = session.io_binding()
    binding.bind_cpu_input("X", x)
    binding.bind_output("Y")
    time = shortest(lambda: session.run_with_iobinding(binding))
    return (NAN, NAN, time) if layer == "batch" else (time, NAN, NAN)


random = np.random.default_rng(0)
for layer, shape in SHAPES:
    x, g = (random.uniform(-1, 1, shape).astype("f") for _ in range(2))
    peers = {"PyTorch": with_torch, "JAX": with_jax, "ONNX-Runtime": with_onnxruntime}
    for peer, measure in peers.items():
        times = [seconds * 1e9 / x.size for seconds in measure(layer, shape, x, g)]
        print(peer, layer, "x".join(map(str, shape)), *times, flush=True)

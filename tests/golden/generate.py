"""Writes the golden vectors of this directory: what other implementations answer.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py            # all frameworks, or: generate.py pytorch flax

Tensors are written channels first, row-major, whatever the framework's own layout is, and every momentum
as the framework means it. A case holds the inputs (`batches`, `gamma`, `beta`, and `dy`, which belongs to
the last batch) and the answers. JSON has no binary floating point; Python writes the shortest decimal
that reads back as the same number, and a float32 is written as the float64 of equal value.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras on JAX or torch computes float64 batch norm in float32.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

HERE = Path(__file__).parent
DTYPES = ["float64", "float32"]


def flat(array):
    return np.asarray(array, dtype=np.float64).ravel().tolist()


def draw(seed, dtype, shape, batches=1):
    """Batches with another mean and size in each channel, parameters, and an upstream gradient."""
    random = np.random.default_rng(seed)
    channels = (1, shape[1]) + (1,) * (len(shape) - 2)
    mean = random.normal(size=channels) * 3
    sd = np.exp(random.normal(size=channels))
    x = [(mean + sd * random.normal(size=shape)).astype(dtype) for _ in range(batches)]
    dy = random.normal(size=shape).astype(dtype)
    return random, x, dy


def parameters(random, dtype, length):
    return random.normal(size=length).astype(dtype), random.normal(size=length).astype(dtype)


def to_last(x):
    return np.moveaxis(np.asarray(x), 1, -1)


def to_first(x):
    return np.moveaxis(np.asarray(x), -1, 1)


class Cases:
    """What is written to one file."""

    def __init__(self, framework, version):
        self.head = {"framework": framework, "version": version}
        self.cases = []

    def add(self, method, dtype, shape, inputs, answers, **settings):
        arrays = {k: [flat(b) for b in v] if k == "batches" else flat(v) for k, v in inputs.items()}
        answers = {k: flat(v) for k, v in answers.items()}
        case = {"method": method, "dtype": dtype, "shape": list(shape), **settings}
        self.cases.append({**case, "inputs": arrays, "answers": answers})

    def write(self, name):
        lines = ",\n".join(json.dumps(case) for case in self.cases)
        head = json.dumps(self.head)[1:-1]
        (HERE / f"{name}.json").write_text(f'{{{head}, "cases": [\n{lines}\n]}}\n')
        print(f"{name}.json: {len(self.cases)} cases")


BATCH_SHAPES = [(5, 3), (3, 2, 4), (2, 3, 4, 2)]
IMAGES = (2, 4, 3, 2)


def pytorch():
    import torch
    from torch import nn

    cases = Cases("PyTorch", torch.__version__.split("+")[0])

    def run(layer, x, dy):
        x = torch.tensor(x, requires_grad=True)
        y = layer(x)
        y.backward(torch.tensor(dy))
        return {"y": y.detach(), "dx": x.grad}

    def gradients(layer):
        found = {"dgamma": layer.weight.grad}
        if getattr(layer, "bias", None) is not None:
            found["dbeta"] = layer.bias.grad
        return found

    def load(layer, dtype, gamma, beta=None):
        layer = layer.to(getattr(torch, dtype))
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(gamma))
            if beta is not None:
                layer.bias.copy_(torch.tensor(beta))
        return layer

    def batch_like(method, make, dtype, shape, seed, eps, momentum):
        random, x, dy = draw(seed, dtype, shape, batches=3)
        gamma, beta = parameters(random, dtype, shape[1])
        layer = load(make(shape[1], eps=eps, momentum=momentum), dtype, gamma, beta)
        for batch in x[:-1]:
            layer(torch.tensor(batch))
        answers = run(layer, x[-1], dy) | gradients(layer)
        layer.eval()
        for parameter in layer.parameters():
            parameter.grad = None
        frozen = run(layer, x[-1], dy)
        answers |= {"running_mean": layer.running_mean, "running_var": layer.running_var}
        answers |= {"inference": frozen["y"], "inference_dx": frozen["dx"]}
        answers |= {f"inference_{k}": v for k, v in gradients(layer).items()}
        inputs = {"batches": x, "gamma": gamma, "beta": beta, "dy": dy}
        cases.add(method, dtype, shape, inputs, answers, eps=eps, momentum=momentum)

    for i, dtype in enumerate(DTYPES):
        for j, shape in enumerate(BATCH_SHAPES):
            kind = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d][j]
            for k, (eps, momentum) in enumerate([(1e-5, 0.1), (0.5, 0.3), (1e-5, None)]):
                batch_like("batch", kind, dtype, shape, 100 + 10 * j + k + i, eps, momentum)

        def tracked(channels, **settings):
            return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True, **settings)

        batch_like("tracked_instance", tracked, dtype, IMAGES, 140 + i, 1e-5, 0.1)

        def stateless(method, layer, shape, length, seed, eps, **settings):
            random, x, dy = draw(seed, dtype, shape)
            gamma, beta = parameters(random, dtype, length)
            has_beta = getattr(layer, "bias", None) is not None
            if getattr(layer, "normalized_shape", None):
                gamma, beta = (p.reshape(layer.normalized_shape) for p in (gamma, beta))
            layer = load(layer, dtype, gamma, beta if has_beta else None)
            answers = run(layer, x[0], dy) | gradients(layer)
            inputs = {"batches": x, "gamma": gamma, "dy": dy} | ({"beta": beta} if has_beta else {})
            cases.add(method, dtype, shape, inputs, answers, eps=eps, **settings)

        stateless("layer", nn.LayerNorm(6, eps=1e-5), (2, 3, 6), 6, 200 + i, 1e-5, trailing=1)
        stateless("layer", nn.LayerNorm((3, 2), eps=0.3), IMAGES, 6, 202 + i, 0.3, trailing=2)
        stateless("rms", nn.RMSNorm(6, eps=1e-5), (2, 3, 6), 6, 204 + i, 1e-5)
        instance = nn.InstanceNorm2d(4, eps=1e-5, affine=True)
        stateless("instance", instance, IMAGES, 4, 206 + i, 1e-5)
        for groups in [1, 2, 4]:
            group = nn.GroupNorm(groups, 4, eps=1e-5)
            stateless("group", group, IMAGES, 4, 208 + 2 * groups + i, 1e-5, groups=groups)

        # Weight norm: w = g v/‖v‖, with the gradients of g and v for a given gradient of w.
        random = np.random.default_rng(300 + i)
        v, g, dw = (random.normal(size=s).astype(dtype) for s in [(3, 5), (3, 1), (3, 5)])
        v_, g_ = (torch.tensor(a, requires_grad=True) for a in (v, g))
        w = torch._weight_norm(v_, g_, 0)
        w.backward(torch.tensor(dw))
        inputs = {"v": v, "g": g, "dw": dw}
        cases.add("weight", dtype, (3, 5), inputs, {"w": w.detach(), "dv": v_.grad, "dg": g_.grad})

        # Spectral norm: training steps of the power iteration from a known u, then the gradient.
        linear = nn.Linear(5, 3, bias=False, dtype=getattr(torch, dtype))
        weight, dw = (random.normal(size=(3, 5)).astype(dtype) for _ in range(2))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
        nn.utils.parametrizations.spectral_norm(linear, n_power_iterations=1, eps=1e-12)
        start = linear.parametrizations.weight[0]
        u, v = start._u.clone(), start._v.clone()
        w = linear.weight  # in training, an access moves u and v by one iteration
        w.backward(torch.tensor(dw))
        answers = {"w": w.detach(), "u": start._u, "dw": linear.parametrizations.weight.original.grad}
        cases.add("spectral", dtype, (3, 5), {"w": weight, "u": u, "v": v, "dw": dw}, answers)

        # Folding: a convolution, or a transposed one, and batch normalization behind it.
        from torch.nn.utils.fusion import fuse_conv_bn_weights

        for transpose in [False, True]:
            # PyTorch 2.15 folds transposed convolutions of one group only.
            shape = (4, 2, 3, 3) if not transpose else (2, 4, 3, 3)
            weight = random.normal(size=shape).astype(dtype)
            bias, mean, gamma, beta = (random.normal(size=4).astype(dtype) for _ in range(4))
            var = np.exp(random.normal(size=4)).astype(dtype)
            tensors = [torch.tensor(a) for a in (weight, bias, mean, var)]
            folded = fuse_conv_bn_weights(
                *tensors, 1e-5, torch.tensor(gamma), torch.tensor(beta), transpose=transpose
            )
            inputs = {"weight": weight, "bias": bias, "mean": mean, "var": var}
            inputs |= {"gamma": gamma, "beta": beta}
            answers = {"weight": folded[0].detach(), "bias": folded[1].detach()}
            method = "fold_transposed" if transpose else "fold"
            cases.add(method, dtype, shape, inputs, answers, eps=1e-5)
    cases.write("pytorch")


def keras():
    import keras
    import tensorflow as tf

    cases = Cases("Keras", keras.__version__)

    def run(layer, x, dy, **how):
        x = tf.constant(to_last(x))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **how)
        wanted = [x] + [v.value for v in layer.trainable_variables]
        dx, *rest = tape.gradient(y, wanted, output_gradients=tf.constant(to_last(dy)))
        return {"y": to_first(y), "dx": to_first(dx)} | dict(zip(["dgamma", "dbeta"], rest))

    for i, dtype in enumerate(DTYPES):
        def batch(method, shape, seed, eps, momentum, **renorm):
            random, x, dy = draw(seed, dtype, shape, batches=3)
            gamma, beta = parameters(random, dtype, shape[1])
            settings = {"epsilon": eps, "momentum": momentum, "dtype": dtype}
            layer = keras.layers.BatchNormalization(**settings, **renorm)
            layer.build(to_last(x[0]).shape)
            layer.gamma.assign(gamma)
            layer.beta.assign(beta)
            for batch in x[:-1]:
                layer(tf.constant(to_last(batch)), training=True)
            before = {"mean_before": layer.moving_mean.numpy(), "var_before": layer.moving_variance.numpy()}
            answers = run(layer, x[-1], dy, training=True)
            answers |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
            frozen = run(layer, x[-1], dy, training=False)
            answers["inference"] = frozen.pop("y")
            answers |= {f"inference_{k}": v for k, v in frozen.items()}
            inputs = {"batches": x, "gamma": gamma, "beta": beta, "dy": dy}
            cases.add(method, dtype, shape, inputs, answers, eps=eps, momentum=momentum)

        for j, shape in enumerate(BATCH_SHAPES):
            for k, (eps, momentum) in enumerate([(1e-3, 0.99), (0.5, 0.7)]):
                batch("batch", shape, 400 + 10 * j + k + i, eps, momentum)

        def stateless(method, layer, shape, seed, length, eps, **settings):
            random, x, dy = draw(seed, dtype, shape)
            gamma, beta = parameters(random, dtype, length)
            layer.build(to_last(x[0]).shape)
            parts = [gamma, beta][: len(layer.trainable_variables)]
            for variable, value in zip(layer.trainable_variables, parts):
                variable.assign(value)
            answers = run(layer, x[0], dy)
            inputs = {"batches": x, "dy": dy} | dict(zip(["gamma", "beta"], parts))
            cases.add(method, dtype, shape, inputs, answers, eps=eps, **settings)

        layers = keras.layers
        norm = layers.LayerNormalization(epsilon=1e-3, dtype=dtype)
        stateless("channels", norm, (3, 5), 500 + i, 5, 1e-3)
        norm = layers.RMSNormalization(epsilon=1e-6, dtype=dtype)
        stateless("rms_channels", norm, (3, 5), 502 + i, 5, 1e-6)
        for groups, method in [(2, "group"), (-1, "instance")]:
            norm = layers.GroupNormalization(groups=groups, epsilon=1e-3, dtype=dtype)
            settings = {"groups": groups} if groups > 0 else {}
            stateless(method, norm, IMAGES, 504 + groups + i, 4, 1e-3, **settings)
    cases.write("keras")


def flax():
    import jax

    jax.config.update("jax_enable_x64", True)
    import flax as package
    import jax.numpy as jnp
    from flax import nnx

    cases = Cases("Flax", package.__version__)

    def run(layer, x, dy):
        graph, parameters, rest = nnx.split(layer, nnx.Param, ...)

        def apply(parameters, x):
            return nnx.merge(graph, parameters, rest, copy=True)(x)

        y, back = jax.vjp(apply, parameters, jnp.asarray(to_last(x)))
        dparameters, dx = back(jnp.asarray(to_last(dy)))
        answers = {"y": to_first(y), "dx": to_first(dx), "dgamma": dparameters["scale"][...]}
        return answers | ({"dbeta": dparameters["bias"][...]} if "bias" in dparameters else {})

    def load(layer, gamma, beta):
        layer.scale[...] = jnp.asarray(gamma)
        if getattr(layer, "bias", None) is not None:
            layer.bias[...] = jnp.asarray(beta)
        return layer

    for i, dtype in enumerate(DTYPES):
        same = {"dtype": dtype, "param_dtype": dtype, "rngs": nnx.Rngs(0), "use_fast_variance": False}
        for j, shape in enumerate(BATCH_SHAPES):
            for k, (eps, momentum) in enumerate([(1e-5, 0.99), (0.5, 0.7)]):
                random, x, dy = draw(600 + 10 * j + k + i, dtype, shape, batches=3)
                gamma, beta = parameters(random, dtype, shape[1])
                layer = load(nnx.BatchNorm(shape[1], epsilon=eps, momentum=momentum, **same), gamma, beta)
                # Flax keeps running statistics in float32 unless told otherwise.
                layer.mean = nnx.BatchStat(jnp.zeros(shape[1], dtype))
                layer.var = nnx.BatchStat(jnp.ones(shape[1], dtype))
                layer.train()
                for batch in x[:-1]:
                    layer(jnp.asarray(to_last(batch)))
                answers = run(layer, x[-1], dy)
                layer(jnp.asarray(to_last(x[-1])))
                answers |= {"running_mean": layer.mean[...], "running_var": layer.var[...]}
                layer.eval()
                frozen = run(layer, x[-1], dy)
                answers["inference"] = frozen.pop("y")
                answers |= {f"inference_{key}": v for key, v in frozen.items()}
                inputs = {"batches": x, "gamma": gamma, "beta": beta, "dy": dy}
                cases.add("batch", dtype, shape, inputs, answers, eps=eps, momentum=momentum)

        def stateless(method, layer, shape, seed, length, eps, **settings):
            random, x, dy = draw(seed, dtype, shape)
            gamma, beta = parameters(random, dtype, length)
            answers = run(load(layer, gamma, beta), x[0], dy)
            inputs = {"batches": x, "gamma": gamma, "dy": dy}
            inputs |= {"beta": beta} if "dbeta" in answers else {}
            cases.add(method, dtype, shape, inputs, answers, eps=eps, **settings)

        stateless("channels", nnx.LayerNorm(5, epsilon=1e-6, **same), (3, 5), 700 + i, 5, 1e-6)
        stateless("rms_channels", nnx.RMSNorm(5, epsilon=1e-6, **same), (3, 5), 702 + i, 5, 1e-6)
        norm = nnx.GroupNorm(4, num_groups=2, epsilon=1e-6, **same)
        stateless("group", norm, IMAGES, 704 + i, 4, 1e-6, groups=2)
        norm = nnx.InstanceNorm(4, epsilon=1e-6, **same)
        stateless("instance", norm, IMAGES, 706 + i, 4, 1e-6)
    cases.write("flax")


def onnx():
    """The reference evaluator of the ONNX package: forward only, for ONNX has no backward."""
    import onnx as package
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    cases = Cases("ONNX", package.__version__)

    def run(operator, opset, tensors, outputs, dtype, **attributes):
        element = TensorProto.DOUBLE if dtype == "float64" else TensorProto.FLOAT
        names = [name for name, _ in tensors]
        node = helper.make_node(operator, names, outputs, **attributes)
        value = lambda name: helper.make_tensor_value_info(name, element, None)
        graph = helper.make_graph([node], "g", [value(n) for n in names], [value(n) for n in outputs])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        found = ReferenceEvaluator(model).run(None, dict(tensors))
        return dict(zip(outputs, found))

    def attribute(number):
        """An attribute of an ONNX operator is a float32, whatever the tensors are."""
        return float(np.float32(number))

    for i, dtype in enumerate(DTYPES):
        for j, shape in enumerate(BATCH_SHAPES):
            for k, (eps, momentum) in enumerate([(1e-5, 0.9), (0.5, 0.7)]):
                random, x, _ = draw(800 + 10 * j + k + i, dtype, shape, batches=3)
                gamma, beta = parameters(random, dtype, shape[1])
                mean, var = np.zeros(shape[1], dtype), np.ones(shape[1], dtype)
                for batch in x:
                    names = zip("xsbmv", [batch, gamma, beta, mean, var])
                    found = run("BatchNormalization", 15, list(names), ["y", "mean", "var"], dtype,
                                epsilon=eps, momentum=momentum, training_mode=1)
                    mean, var = (found[k].astype(dtype) for k in ("mean", "var"))
                names = zip("xsbmv", [x[-1], gamma, beta, mean, var])
                frozen = run("BatchNormalization", 15, list(names), ["y"], dtype, epsilon=eps)
                answers = {"y": found["y"], "running_mean": mean, "running_var": var}
                answers["inference"] = frozen["y"]
                inputs = {"batches": x, "gamma": gamma, "beta": beta}
                cases.add("batch", dtype, shape, inputs, answers, eps=attribute(eps), momentum=attribute(momentum))

        def stateless(method, operator, opset, shape, length, seed, eps, settings={}, **attributes):
            random, x, _ = draw(seed, dtype, shape)
            gamma, beta = parameters(random, dtype, length)
            parts = [("x", x[0]), ("s", gamma)] + ([] if method == "rms" else [("b", beta)])
            found = run(operator, opset, parts, ["y"], dtype, epsilon=eps, **attributes)
            inputs = {"batches": x, "gamma": gamma} | ({} if method == "rms" else {"beta": beta})
            cases.add(method, dtype, shape, inputs, found, eps=attribute(eps), **settings)

        stateless("layer", "LayerNormalization", 17, (2, 3, 6), 6, 900 + i, 1e-5, {"trailing": 1})
        stateless("instance", "InstanceNormalization", 6, IMAGES, 4, 902 + i, 1e-5)
        # By default the operator computes in float32 even for float64 tensors (`stash_type`).
        precise = {"stash_type": TensorProto.DOUBLE if dtype == "float64" else TensorProto.FLOAT}
        stateless("group", "GroupNormalization", 21, IMAGES, 4, 904 + i, 1e-5, {"groups": 2}, num_groups=2,
                  **precise)
        stateless("rms", "RMSNormalization", 23, (2, 3, 6), 6, 906 + i, 1e-5)
    cases.write("onnx")


def hard():
    """Training forward of a batch of one channel far from 0, in float32, as each framework does it."""
    import jax.numpy as jnp
    import keras
    import onnxruntime
    import tensorflow as tf
    import torch
    from flax import nnx
    from onnx import TensorProto, helper

    eps = 1e-5

    def ort(x):
        names = ["x", "s", "b", "m", "v"]
        value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        outputs = ["y", "mean", "var"]
        node = helper.make_node("BatchNormalization", names, outputs, epsilon=eps, training_mode=1)
        graph = helper.make_graph([node], "g", [value(n) for n in names], [value(n) for n in outputs])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        one, zero = np.ones(1, "float32"), np.zeros(1, "float32")
        return session.run(["y"], {"x": x, "s": one, "b": zero, "m": zero, "v": one})[0]

    def pytorch(x):
        return torch.nn.functional.batch_norm(torch.tensor(x), None, None, training=True, eps=eps).numpy()

    def keras_(x):
        return keras.layers.BatchNormalization(epsilon=eps)(tf.constant(x), training=True).numpy()

    def flax(x, **how):
        layer = nnx.BatchNorm(1, epsilon=eps, rngs=nnx.Rngs(0), **how)
        layer.train()
        return layer(jnp.asarray(x))

    frameworks = {
        "PyTorch": pytorch,
        "Keras": keras_,
        "Flax": flax,
        "Flax, slow variance": lambda x: flax(x, use_fast_variance=False),
        "ONNX Runtime": ort,
    }
    lines = []
    for power in range(8):
        random = np.random.default_rng(1000 + power)
        x = (10.0**power + random.normal(size=(64, 1))).astype("float32")
        answers = {name: flat(answer(x)) for name, answer in frameworks.items()}
        lines.append(json.dumps({"mean": 10**power, "eps": eps, "x": flat(x), "answers": answers}))
    versions = {"PyTorch": torch.__version__.split("+")[0], "Keras": keras.__version__}
    versions |= {"Flax": __import__("flax").__version__, "ONNX Runtime": onnxruntime.__version__}
    body = ",\n".join(lines)
    (HERE / "hard.json").write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{body}\n]}}\n')
    print(f"hard.json: {len(lines)} cases")


if __name__ == "__main__":
    known = {"pytorch": pytorch, "keras": keras, "flax": flax, "onnx": onnx, "hard": hard}
    wanted = sys.argv[1:] or list(known)
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    for name in wanted:
        known[name]()

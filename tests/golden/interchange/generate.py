"""Writes the safetensors files of this directory: small trained models, and what they answer.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py pytorch    # one at a time: they do not get on in one process
    venv/bin/python generate.py keras

`pytorch.safetensors` is the `state_dict` of a convolution, batch normalization, ReLU, a linear layer and
batch normalization; `keras.safetensors` are the variables of a dense layer and batch normalization, under
their paths. Beside the parameters each has `example.x` and what the model answers in evaluation,
`example.y`; PyTorch's also what it answers before each of the last three layers.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

HERE = Path(__file__).parent


def pytorch():
    import safetensors.torch
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(2, 3, 3, padding=1))
    model.add_module("bn1", nn.BatchNorm2d(3))
    model.add_module("relu", nn.ReLU())
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc", nn.Linear(3 * 4 * 4, 5))
    model.add_module("bn2", nn.BatchNorm1d(5, eps=1e-3))
    descent = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        x = 3 * torch.randn(16, 2, 4, 4) + 1
        loss = nn.functional.cross_entropy(model(x), x.mean(dim=(1, 2, 3)).gt(1).long())
        descent.zero_grad()
        loss.backward()
        descent.step()
    model.eval()
    x = 3 * torch.randn(4, 2, 4, 4) + 1
    with torch.no_grad():
        example = {"example.x": x, "example.y": model(x)}
        example["example.conv"] = model[:1](x)
        example["example.bn1"] = model[:2](x)
        example["example.fc"] = model[:5](x)
    safetensors.torch.save_file(model.state_dict() | example, HERE / "pytorch.safetensors")


def of_keras():
    import keras
    import numpy as np
    import safetensors.numpy

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, name="dense"),
            keras.layers.BatchNormalization(name="bn"),
        ],
        name="model",
    )
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    x = 3 * np.random.randn(256, 3).astype(np.float32) + 1
    model.fit(x, x @ np.ones((3, 4), np.float32), batch_size=16, epochs=3, verbose=0)
    tensors = {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.variables}
    tensors = {name: value for name, value in tensors.items() if not name.startswith("seed")}
    tensors["example.x"] = x[:8]
    tensors["example.y"] = keras.ops.convert_to_numpy(model(x[:8], training=False))
    safetensors.numpy.save_file(tensors, HERE / "keras.safetensors")


{"pytorch": pytorch, "keras": of_keras}[sys.argv[1]]()

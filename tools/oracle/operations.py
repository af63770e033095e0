#!/usr/bin/python3
"""Fixtures of single operations from PyTorch: bench/fixtures/ops.

    /usr/bin/python3 tools/oracle/operations.py            computes the cases that are listed below and not there yet
    /usr/bin/python3 tools/oracle/operations.py --check    computes every case anew and compares it with what is there

(Debian: apt-get install python3-torch; PyTorch 1.13.) `lobule parity bench/fixtures` compares Lobule with the files, and
the tests read them without Python.

A case is its inputs: they stand in <operation>.safetensors as <case>/in.<name>, with <case>/grad_output, the gradient of
the output that the gradients below start from. From these the operation's function gives every <case>/out.<name>, and
PyTorch every <case>/grad.<name>. All is computed in float64 and rounded to float32 once. index.json names the cases, their
shapes and attributes, and how far float32 may be off: tol_abs = max(1e-5 of the largest value, ten times the error of
PyTorch's own float32), or 0 where the operation is exact.

A new operation needs a function in OPERATIONS, its cases in NEW_CASES, and a line in bench/src/parity/operations.ts.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parents[2] / "bench" / "fixtures" / "ops"
EPSILON = 1e-5
torch.set_num_threads(1)


# Each function takes the inputs by name and the case's attributes; it gives the outputs by name, `output` among them.


def convolution(function, **options):
    return lambda i, a: {"output": function(i["x"], i["weight"], i.get("bias"), **options)}


def with_window(function):
    return lambda i, a: {"output": function(i["x"], i["weight"], stride=a["stride"], padding=a["padding"])}


def depthwise(i, a):
    return {"output": F.conv2d(i["x"], i["weight"], padding=1, groups=i["x"].shape[1])}


def batch_norm_train(i, a):
    x = i["x"]
    mean, variance = i["running_mean"].clone(), i["running_var"].clone()
    output = F.batch_norm(x, mean, variance, i["weight"], i["bias"], True, a["momentum"], a["eps"])
    batch = {"batch_mean": x.mean((0, 2, 3)), "batch_var": x.var((0, 2, 3), unbiased=False)}
    return {"output": output, "running_mean": mean, "running_var": variance, **batch}


def batch_norm_eval(i, a):
    return {"output": F.batch_norm(i["x"], i["running_mean"], i["running_var"], i["weight"], i["bias"], False, 0, a["eps"])}


def max_pool(i, a):
    x = i["x"]
    output, where = F.max_pool2d(x, 2, return_indices=True)
    rows, columns = where // x.shape[3], where % x.shape[3]
    return {"output": output, "argmax": (2 * (rows % 2) + columns % 2).to(x.dtype)}


def attention_gate(i, a):
    joined = F.relu(F.conv2d(i["skip"], i["wx_weight"]) + F.conv2d(i["gating"], i["wg_weight"], i["wg_bias"]))
    alpha = torch.sigmoid(F.conv2d(joined, i["psi_weight"], i["psi_bias"]))
    return {"output": alpha * i["skip"], "alpha": alpha}


def residual_block(i, a):
    outputs = {}

    def normalized(x, name):
        mean, variance = i[f"{name}_running_mean"].clone(), i[f"{name}_running_var"].clone()
        y = F.batch_norm(x, mean, variance, i[f"{name}_weight"], i[f"{name}_bias"], a["train"], a["momentum"], a["eps"])
        if a["train"]:
            outputs.update({f"{name}_running_mean": mean, f"{name}_running_var": variance})
        return y

    inner = F.relu(normalized(F.conv2d(i["x"], i["conv1_weight"], padding=1), "bn1"))
    main = normalized(F.conv2d(inner, i["conv2_weight"], padding=1), "bn2")
    shortcut = F.conv2d(i["x"], i["shortcut_weight"], i["shortcut_bias"]) if "shortcut_weight" in i else i["x"]
    return {"output": F.relu(main + shortcut), **outputs}


def class_weights(a, like):
    return torch.tensor(a["weight"], dtype=like.dtype) if "weight" in a else None


def cross_entropy(i, a):
    return F.cross_entropy(i["logits"], i["target"], class_weights(a, i["logits"]))


def dice_of(p, target, smooth=EPSILON):
    """Soft Dice by sample and class."""
    t = F.one_hot(target, p.shape[1]).permute(0, 3, 1, 2).to(p.dtype)
    return (2 * (p * t).sum((2, 3)) + smooth) / (p.sum((2, 3)) + t.sum((2, 3)) + smooth)


def dice(i, a):
    probs = i["probs"] if "probs" in i else torch.softmax(i["logits"], 1)
    scores = dice_of(probs, i["target"], a["smooth"])
    return {"output": (1 - scores).mean(), "dice": scores, **({} if "probs" in i else {"probs": probs})}


def dice_ce(i, a):
    ce, loss = cross_entropy(i, a), (1 - dice_of(torch.softmax(i["logits"], 1), i["target"])).mean()
    return {"output": ce + loss, "ce": ce, "dice_loss": loss}


def weighted_dice_ce(i, a):
    losses = 1 - dice_of(torch.softmax(i["logits"], 1), i["target"])
    weights = class_weights(a, losses)
    loss = (losses if weights is None else losses * weights).mean()
    return {"output": a.get("lambda_ce", 1) * cross_entropy(i, a) + a.get("lambda_dice", 1) * loss}


def focal(i, a):
    """A single alpha is that of every class but the first, which has 1 − alpha."""
    logits, target = i["logits"], i["target"]
    entropy, classes = F.cross_entropy(logits, target, reduction="none"), logits.shape[1]
    alpha = a.get("alpha", [1.0] * classes)
    alpha = alpha if isinstance(alpha, list) else [1 - alpha] + [alpha] * (classes - 1)
    loss = (torch.tensor(alpha, dtype=logits.dtype)[target] * (1 - torch.exp(-entropy)) ** a["gamma"] * entropy).mean()
    return {"output": loss, "monai": loss / classes}


def attention(i, a):
    weights = torch.softmax(i["q"] @ i["k"].transpose(2, 3) / i["q"].shape[3] ** 0.5, -1)
    return {"output": weights @ i["v"], "attn": weights}


OPERATIONS = {
    "conv3x3": convolution(F.conv2d, padding=1),
    "conv1x1": convolution(F.conv2d),
    "convtranspose2x2s2": convolution(F.conv_transpose2d, stride=2),
    "conv2d": with_window(F.conv2d),
    "convtranspose2d": with_window(F.conv_transpose2d),
    "avgpool2d": lambda i, a: {"output": F.avg_pool2d(i["x"], a["block"])},
    "depthwise_conv3x3": depthwise,
    "batchnorm2d_train": batch_norm_train,
    "batchnorm2d_eval": batch_norm_eval,
    "relu": lambda i, a: {"output": F.relu(i["x"])},
    "hardswish": lambda i, a: {"output": F.hardswish(i["x"])},
    "sigmoid": lambda i, a: {"output": torch.sigmoid(i["x"])},
    "maxpool2x2": max_pool,
    "attention_gate": attention_gate,
    "residual_block": residual_block,
    "concat": lambda i, a: {"output": torch.cat([i["a"], i["b"]], 1)},
    "softmax_channels": lambda i, a: {"output": torch.softmax(i["x"], 1)},
    "cross_entropy": lambda i, a: {"output": cross_entropy(i, a)},
    "dice": dice,
    "dice_ce": dice_ce,
    "weighted_dice_ce": weighted_dice_ce,
    "focal": focal,
    "sdpa": attention,
}

WINDOWS = [
    dict(kernel=(3, 3), stride=[2, 2], padding=[1, 1]),
    dict(kernel=(1, 3), stride=[1, 2], padding=[0, 1]),
    dict(kernel=(3, 1), stride=[2, 1], padding=[1, 0]),
    dict(kernel=(1, 1), stride=[2, 2], padding=[0, 0]),
    dict(kernel=(2, 2), stride=[2, 2], padding=[0, 0]),
    dict(kernel=(1, 2), stride=[1, 2], padding=[0, 0]),
    dict(kernel=(2, 1), stride=[2, 1], padding=[0, 0]),
    dict(kernel=(5, 7), stride=[1, 2], padding=[2, 3]),
]


def windowed_cases(x, cout, of_weight):
    """A case of each window on an image of shape `x`; `of_weight` orders the input's and the output's channels."""
    cases = {}
    for window in WINDOWS:
        (kh, kw), stride, padding = window["kernel"], window["stride"], window["padding"]
        name = f"k{kh}x{kw}_s{stride[0]}x{stride[1]}_p{padding[0]}x{padding[1]}"
        shapes = dict(x=x, weight=[*of_weight(x[1], cout), kh, kw])
        cases[name] = dict(attrs=dict(stride=stride, padding=padding), **shapes)
    return cases


# Of operations that index.json does not list yet: what is to be known of them, and the cases by their names, with the shapes
# of the inputs, and attributes as `attrs`. Inputs are drawn from a normal distribution times `scale`.
NEW_CASES = {
    "conv2d": dict(
        doc="conv2d of any kernel, stride and padding; weight [Cout,Cin,kh,kw]",
        cases=windowed_cases([2, 3, 7, 9], 5, lambda cin, cout: (cout, cin)),
    ),
    "convtranspose2d": dict(
        doc="conv_transpose2d of any kernel, stride and padding; weight [Cin,Cout,kh,kw]",
        cases=windowed_cases([2, 3, 4, 5], 2, lambda cin, cout: (cin, cout)),
    ),
    "avgpool2d": dict(
        doc="means of blocks side by side; an incomplete last one is dropped",
        cases={f"b{b[0]}x{b[1]}": dict(attrs=dict(block=b), x=[2, 3, 7, 9]) for b in ([2, 2], [1, 2], [2, 1])},
    ),
    "depthwise_conv3x3": dict(
        doc="conv2d k3 stride1 pad1 with as many groups as channels; weight [C,1,3,3]",
        cases={
            f"n{n}_c{c}_{h}x{w}": dict(x=[n, c, h, w], weight=[c, 1, 3, 3])
            for n, c, h, w in [(1, 1, 1, 1), (1, 1, 7, 9), (2, 3, 7, 9), (1, 3, 1, 6), (2, 8, 16, 16), (2, 5, 33, 17)]
        },
    ),
    "hardswish": dict(
        doc="x·min(max(x+3,0),6)/6; no input stands at a kink",
        scale=3,
        cases={f"n{n}_c{c}_{h}x{w}": dict(x=[n, c, h, w]) for n, c, h, w in [(1, 1, 7, 9), (2, 3, 7, 9), (1, 8, 5, 3)]},
    ),
}


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    return {
        name: torch.from_numpy(np.frombuffer(body[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).copy())
        for name, entry in header.items()
        if name != "__metadata__"
    }


def write_safetensors(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor.numpy()).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        blobs.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def compute(operation, attributes, inputs, grad_output, differentiated, dtype):
    """Outputs as out.<name> and gradients as grad.<name>."""
    given = {name: value.long() if name == "target" else value.to(dtype).clone() for name, value in inputs.items()}
    leaves = [given[name].requires_grad_() for name in differentiated]
    outputs = OPERATIONS[operation](given, attributes)
    output = outputs["output"]
    gradients = torch.autograd.grad(output, leaves, grad_output.to(dtype).reshape(output.shape))
    results = {f"out.{name}": value.detach() for name, value in outputs.items()}
    results.update({f"grad.{name}": value for name, value in zip(differentiated, gradients)})
    return {key: value.reshape(1) if value.dim() == 0 else value for key, value in results.items()}


def entry_of(value, single, exact):
    """What index.json says of a result: its size, and how far float32 may be off."""
    largest = value.abs().max().item()
    error = (value - single.double()).abs().max().item()
    return {
        "shape": list(value.shape),
        "max_abs": largest,
        "torch_f32_abs_err": error,
        "torch_f32_rel_err": error / (largest or 1),
        "tol_abs": 0.0 if exact else max(1e-5 * largest, 10 * error, 1e-9),
    }


def drawn(name, shape, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).float()


def add(operation, index):
    doc, scale, cases = NEW_CASES[operation]["doc"], NEW_CASES[operation].get("scale", 1), NEW_CASES[operation]["cases"]
    tensors, records = {}, []
    for at, (case, given) in enumerate(cases.items()):
        attributes, shapes = given.get("attrs", {}), {name: shape for name, shape in given.items() if name != "attrs"}
        inputs = {name: drawn(name, shape, scale, 100 * at + i) for i, (name, shape) in enumerate(shapes.items())}
        output = OPERATIONS[operation](inputs, attributes)["output"]
        grad_output = drawn("grad_output", output.shape, 1, 100 * at + 99)
        both = [compute(operation, attributes, inputs, grad_output, list(inputs), dtype) for dtype in (torch.float64, torch.float32)]
        entries = {key: entry_of(value, both[1][key], False) for key, value in both[0].items()}
        group = lambda prefix: {k[len(prefix) :]: v for k, v in entries.items() if k.startswith(prefix)}
        records.append(dict(id=case, attrs=attributes, inputs=shapes, outputs=group("out."), grads=group("grad.")))
        tensors.update({f"{case}/in.{name}": value for name, value in inputs.items()})
        tensors[f"{case}/grad_output"] = grad_output
        tensors.update({f"{case}/{key}": value.float() for key, value in both[0].items()})
    worst = max(e["torch_f32_rel_err"] for r in records for e in [*r["outputs"].values(), *r["grads"].values()])
    index[operation] = dict(file=f"{operation}.safetensors", doc=doc, exact=False, worst_torch_f32_rel_err=worst, cases=records)
    write_safetensors(FOLDER / f"{operation}.safetensors", tensors)
    print(f"{operation}: {len(records)} cases added")


def check(operation, entry):
    """The largest difference, relative to the largest value, of what is in the files."""
    tensors, worst = read_safetensors(FOLDER / entry["file"]), 0.0
    for case in entry["cases"]:
        inputs = {name: tensors[f"{case['id']}/in.{name}"] for name in case["inputs"]}
        grad_output = tensors[f"{case['id']}/grad_output"]
        results = compute(operation, case["attrs"], inputs, grad_output, list(case["grads"]), torch.float64)
        expected = {*(f"out.{name}" for name in case["outputs"]), *(f"grad.{name}" for name in case["grads"])}
        if set(results) != expected:
            sys.exit(f"{operation}/{case['id']}: computes {sorted(results)}, the index has {sorted(expected)}")
        for key, value in results.items():
            stored = tensors[f"{case['id']}/{key}"]
            worst = max(worst, (value.float() - stored).abs().max().item() / (stored.abs().max().item() or 1))
    return worst


def main(arguments):
    path = FOLDER / "index.json"
    index = json.loads(path.read_text())
    if arguments == ["--check"]:
        for operation, entry in index.items():
            print(f"{operation}: {len(entry['cases'])} cases, largest difference {check(operation, entry):.1e}")
    elif arguments == []:
        for operation in [name for name in NEW_CASES if name not in index]:
            add(operation, index)
        path.write_text(json.dumps(index, indent=1) + "\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/python3
"""Network fixtures from PyTorch (float64) for every kind of network that Lobule builds by specification.

    /usr/bin/python3 tools/oracle/networks.py OUT [NAME…]     writes OUT/net_<name>/ for each variant below, or those named

(Debian: apt-get install python3-torch; PyTorch 1.13.) `lobule parity OUT` compares. Inputs and weights are rounded to float32 first, results are computed in float64 and then
rounded once. Seeds are searched so that activations keep away from the kinks of ReLU and max-pooling, where an
implementation in float32 may rightly fall on the other side.
"""
import json
import os
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = 3
REFERENCE = dict(
    growth=2, block="residual", skip="attention-gate", gatingSignal="upsampled", upsampling="transposed", norm="batch",
    groups=8, activation="relu", dropout=0, deepSupervision=0, bridgeAttentionHeads=0,
)
PRESETS = {
    "unet": dict(block="plain", skip="concat"),
    "res-unet": dict(skip="concat"),
    "attention-unet": dict(block="plain"),
    "attention-res-unet": {},
    "res-enc-unet": dict(skip="concat", norm="instance", activation="leaky-relu", encoderBlocks=[1, 3, 4, 6]),
    "attention-res-unet-plus": dict(block="residual-squeeze-excite", deepSupervision=2, bridgeAttentionHeads=4),
}
# name: (network settings, base features, depth, height, width)
VARIANTS = {
    "unet": (dict(preset="unet"), 2, 2, 8, 12),
    "res-unet": (dict(preset="res-unet"), 2, 2, 8, 12),
    "attention-unet": (dict(preset="attention-unet"), 2, 2, 8, 12),
    "plus": (dict(preset="attention-res-unet-plus"), 2, 3, 16, 24),
    "add-skips": (dict(preset="res-unet", skip="add"), 2, 2, 8, 12),
    "gate-norm": (dict(skip="attention-gate-norm"), 4, 2, 8, 12),
    "gate-coarse": (dict(gatingSignal="coarse"), 4, 2, 8, 12),
    "gate-coarse-norm": (dict(skip="attention-gate-norm", gatingSignal="coarse", norm="instance"), 4, 2, 16, 12),
    "bilinear": (dict(preset="unet", upsampling="bilinear"), 2, 2, 8, 12),
    "instance-leaky": (dict(preset="unet", norm="instance", activation="leaky-relu"), 2, 2, 16, 12),
    "group-silu": (dict(norm="group", groups=2, activation="silu", growth=1.5), 8, 2, 16, 12),
    "squeeze-excite": (dict(block="residual-squeeze-excite", skip="concat"), 8, 1, 6, 10),
    "bridge-attention": (dict(preset="unet", bridgeAttentionHeads=2), 2, 2, 8, 12),
    # Batch norm would take the scale of the first 1×1 convolution out again, whose gradient would be nothing but rounding.
    "separable-hardswish": (dict(block="residual-separable", activation="hardswish", norm="group", groups=1), 4, 2, 8, 12),
    "encoder-blocks": (dict(preset="res-enc-unet", encoderBlocks=[1, 2]), 2, 2, 16, 12),
    "deep-supervision": (dict(preset="unet", deepSupervision=1), 2, 2, 8, 12),
}


def save_safetensors(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        array = np.ascontiguousarray(tensor.detach().numpy()).astype("<f4")
        if array.ndim == 0:
            array = array.reshape(1)
        data = array.tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + len(data)]}
        blobs.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# The function, and where its derivative jumps.
ACTIVATIONS = {
    "relu": (F.relu, [0]),
    "leaky-relu": (lambda x: F.leaky_relu(x, 0.01), [0]),
    "silu": (F.silu, []),
    "hardswish": (F.hardswish, [-3, 3]),
}
MARGINS = []


class Activation(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        function, kinks = ACTIVATIONS[self.kind]
        for kink in kinks:
            MARGINS.append((x.detach() - kink).abs().min().item() / (x.detach().abs().max().item() + 1e-30))
        return function(x)


def normalization(spec, channels):
    if spec["norm"] == "batch":
        return nn.BatchNorm2d(channels)
    if spec["norm"] == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.GroupNorm(spec["groups"], channels)


class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.squeeze = nn.Conv2d(c, max(c // 8, 1), 1)
        self.excite = nn.Conv2d(max(c // 8, 1), c, 1)
        self.relu = Activation("relu")

    def forward(self, x):
        return x * torch.sigmoid(self.excite(self.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class SeparableConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
        self.pointwise = nn.Conv2d(cin, cout, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


def conv3x3(cin, cout, spec):
    if spec["block"] == "residual-separable":
        return SeparableConv(cin, cout)
    return nn.Conv2d(cin, cout, 3, padding=1, bias=False)


class Block(nn.Module):
    def __init__(self, cin, cout, spec):
        super().__init__()
        self.conv1 = conv3x3(cin, cout, spec)
        self.bn1 = normalization(spec, cout)
        self.conv2 = conv3x3(cout, cout, spec)
        self.bn2 = normalization(spec, cout)
        self.residual = spec["block"] != "plain"
        if spec["block"] == "residual-squeeze-excite":
            self.squeezeExcite = SqueezeExcite(cout)
        if self.residual and cin != cout:
            self.shortcut = nn.Conv2d(cin, cout, 1)
        self.act1, self.act2 = Activation(spec["activation"]), Activation(spec["activation"])

    def forward(self, x):
        y = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        if hasattr(self, "squeezeExcite"):
            y = self.squeezeExcite(y)
        if self.residual:
            y = y + (self.shortcut(x) if hasattr(self, "shortcut") else x)
        return self.act2(y)


class Gate(nn.Module):
    def __init__(self, channels, below, spec):
        super().__init__()
        inter = max(channels // 2, 1)
        self.coarse = spec["gatingSignal"] == "coarse"
        normed = spec["skip"] == "attention-gate-norm"
        self.wx = nn.Conv2d(channels, inter, 1, bias=False)
        self.wg = nn.Conv2d(below if self.coarse else channels, inter, 1, bias=not normed)
        self.psi = nn.Conv2d(inter, 1, 1, bias=not normed)
        if normed:
            one = {**spec, "groups": 1}
            self.bnWx, self.bnWg, self.bnPsi = (normalization(one, c) for c in (inter, inter, 1))
        self.relu = Activation("relu")

    def forward(self, skip, gating):
        named = lambda name, x: getattr(self, name)(x) if hasattr(self, name) else x
        g = named("bnWg", self.wg(gating))
        if self.coarse:
            g = F.interpolate(g, scale_factor=2, mode="bilinear", align_corners=False)
        joined = self.relu(named("bnWx", self.wx(skip)) + g)
        return skip * torch.sigmoid(named("bnPsi", self.psi(joined)))


class Bilinear(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))


class Level(nn.Module):
    def __init__(self, below, channels, spec):
        super().__init__()
        self.spec = spec
        self.up = nn.ConvTranspose2d(below, channels, 2, 2) if spec["upsampling"] == "transposed" else Bilinear(below, channels)
        if spec["skip"].startswith("attention-gate"):
            self.gate = Gate(channels, below, spec)
        self.block = Block(channels if spec["skip"] == "add" else 2 * channels, channels, spec)

    def forward(self, x, skip):
        up = self.up(x)
        if hasattr(self, "gate"):
            skip = self.gate(skip, x if self.gate.coarse else up)
        return self.block(skip + up if self.spec["skip"] == "add" else torch.cat([skip, up], 1))


class SelfAttention(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Conv2d(c, c, 1, bias=False) for _ in range(3))
        self.output = nn.Conv2d(c, c, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = (each(x).reshape(n, self.heads, c // self.heads, h * w).transpose(2, 3) for each in (self.query, self.key, self.value))
        weights = torch.softmax(q @ k.transpose(2, 3) / (c // self.heads) ** 0.5, -1)
        return x + self.output((weights @ v).transpose(2, 3).reshape(n, c, h, w))


class Blocks(nn.Module):
    def __init__(self, cin, cout, count, spec):
        super().__init__()
        self.blocks = nn.ModuleList(Block(cin if i == 0 else cout, cout, spec) for i in range(count))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def blocks(cin, cout, level, spec):
    counts = spec.get("encoderBlocks", [1])
    count = counts[min(level, len(counts) - 1)]
    return Block(cin, cout, spec) if count == 1 else Blocks(cin, cout, count, spec)


class UNet(nn.Module):
    def __init__(self, features, depth, spec):
        super().__init__()
        channels = [int(np.floor(features * spec["growth"] ** level + 0.5)) for level in range(depth + 1)]
        self.encoder = nn.ModuleList(blocks(([1] + channels)[i], channels[i], i, spec) for i in range(depth))
        self.bridge = blocks(channels[-2], channels[-1], depth, spec)
        if spec["bridgeAttentionHeads"] > 0:
            self.bridgeAttention = SelfAttention(channels[-1], spec["bridgeAttentionHeads"])
        self.decoder = nn.ModuleList(Level(channels[i + 1], channels[i], spec) for i in reversed(range(depth)))
        self.head = nn.Conv2d(channels[0], CLASSES, 1)
        self.auxiliaryHeads = nn.ModuleList(nn.Conv2d(channels[i + 1], CLASSES, 1) for i in range(spec["deepSupervision"]))

    def forward(self, x):
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            best = F.unfold(x.detach().flatten(0, 1)[:, None], 2, stride=2).sort(1).values
            gap = (best[:, 3] - best[:, 2])[best[:, 3] > 0]
            if gap.numel() > 0:
                MARGINS.append(gap.min().item() / x.detach().max().item())
            x = F.max_pool2d(x, 2)
        x = self.bridge(x)
        if hasattr(self, "bridgeAttention"):
            x = self.bridgeAttention(x)
        features = []
        for level in self.decoder:
            x = level(x, skips.pop())
            features.insert(0, x)
        logits = [self.head(x)]
        for i, head in enumerate(self.auxiliaryHeads):
            coarse = head(features[i + 1])
            for _ in range(i + 1):
                coarse = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
            logits.append(coarse)
        return logits


def dice_ce(logits, target):
    p = torch.softmax(logits, 1)
    t = F.one_hot(target, CLASSES).permute(0, 3, 1, 2).to(p.dtype)
    i, u = (p * t).sum((2, 3)), p.sum((2, 3)) + t.sum((2, 3))
    dice = (1 - (2 * i + 1e-5) / (u + 1e-5)).mean()
    ce = F.cross_entropy(logits, target)
    return ce + dice, ce, dice


def total_loss(logits, target):
    weights = [2.0 ** -i for i in range(len(logits))]
    losses = [dice_ce(each, target) for each in logits]
    loss = sum(w * each[0] for w, each in zip(weights, losses)) / sum(weights)
    return loss, losses[0][1], losses[0][2]


def make(name, settings, features, depth, height, width, seed):
    spec = {**REFERENCE, **PRESETS[settings.get("preset", "attention-res-unet")]}
    spec.update({key: value for key, value in settings.items() if key != "preset"})
    torch.manual_seed(seed)
    net = UNet(features, depth, spec).double()
    with torch.no_grad():
        for key, tensor in net.state_dict().items():
            if key.endswith("running_mean"):
                tensor.normal_(0, 0.2)
            elif key.endswith("running_var"):
                tensor.uniform_(0.6, 1.6)
            elif tensor.ndim == 1 and "bn" in key:
                tensor.add_(torch.empty_like(tensor).uniform_(-0.3, 0.3))
            if tensor.is_floating_point():
                tensor.copy_(tensor.float().double())
    state = {k: v.clone() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    x = torch.randn(2, 1, height, width).float().double()
    target = (torch.rand(2, height, width) * CLASSES).long()
    MARGINS.clear()
    net.eval()
    with torch.no_grad():
        logits_eval = net(x)[0]
    net.train()
    x.requires_grad_()
    logits = net(x)
    logits[0].retain_grad()
    margin = min(MARGINS)
    loss, ce, dice = total_loss(logits, target)
    loss.backward()
    statistics = {k: v.clone() for k, v in net.state_dict().items() if "running_" in k}
    net.eval()
    with torch.no_grad():
        after = net(x)[0]
    return margin, dict(
        weights=state,
        grads={k: p.grad for k, p in net.named_parameters()},
        running_after=statistics,
        io=dict(
            input=x, target=target.double(), logits_train=logits[0], logits_eval=logits_eval,
            logits_eval_after_step=after, loss=loss, ce=ce, dice_loss=dice, grad_logits=logits[0].grad, grad_input=x.grad,
        ),
        info=dict(F=features, input=list(x.shape), network=settings, seed=seed, margin=margin),
    )


def main(out, names):
    for name in names or VARIANTS:
        settings, features, depth, height, width = VARIANTS[name]
        margin, best = max((make(name, settings, features, depth, height, width, seed) for seed in range(60)), key=lambda each: each[0])
        folder = os.path.join(out, f"net_{name}")
        os.makedirs(folder, exist_ok=True)
        for part in ("weights", "grads", "running_after", "io"):
            save_safetensors(os.path.join(folder, f"{part}.safetensors"), best[part])
        with open(os.path.join(folder, "info.json"), "w") as file:
            json.dump(best["info"], file, indent=1)
            file.write("\n")
        print(f"{name}: seed {best['info']['seed']}, margin {margin:.1e}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])

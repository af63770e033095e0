"""The reference network in PyTorch, as a peer of `lobule bench peers` and `lobule bench volume`.

Speaks JSON, a line each way: {"do": "start", ...} loads the same start values and batch, {"do": "step", "times": n} trains
n steps, {"do": "forward", "times": n} runs the network as for prediction, {"do": "volume", ...} labels a volume,
{"do": "end"}. Answers hold milliseconds and the loss; logits and labels go to the file that the request names.
Usage: python3 pytorch.py DEVICE MODE, where DEVICE is cpu or cuda and MODE is eager, channels-last, amp,
amp-channels-last or compile.
"""
import json
import resource
import struct
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

device, mode = sys.argv[1], sys.argv[2]
amp, channels_last = mode.startswith("amp"), mode.endswith("channels-last")


class ResBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.shortcut = None if cin == cout else nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class AttentionGate(nn.Module):
    def __init__(self, c):
        super().__init__()
        inner = max(c // 2, 1)
        self.wx = nn.Conv2d(c, inner, 1, bias=False)
        self.wg = nn.Conv2d(c, inner, 1)
        self.psi = nn.Conv2d(inner, 1, 1)

    def forward(self, gating, skip):
        return torch.sigmoid(self.psi(F.relu(self.wx(skip) + self.wg(gating)))) * skip


class Level(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.gate = AttentionGate(c)
        self.block = ResBlock(2 * c, c)

    def forward(self, x, skip):
        up = self.up(x)
        return self.block(torch.cat([self.gate(up, skip), up], 1))


class AttentionResUNet(nn.Module):
    def __init__(self, f, classes=3):
        super().__init__()
        channels = [f, 2 * f, 4 * f, 8 * f]
        self.encoder = nn.ModuleList(ResBlock(a, b) for a, b in zip([1] + channels[:-1], channels))
        self.bridge = ResBlock(8 * f, 16 * f)
        self.decoder = nn.ModuleList(Level(c) for c in reversed(channels))
        self.head = nn.Conv2d(f, classes, 1)

    def forward(self, x):
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bridge(x)
        for level, skip in zip(self.decoder, reversed(skips)):
            x = level(x, skip)
        return self.head(x)


def dice_cross_entropy(logits, target, smooth=1e-5):
    probabilities = torch.softmax(logits, 1)
    truth = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).to(probabilities.dtype)
    overlap = (probabilities * truth).sum((2, 3))
    dice = (2 * overlap + smooth) / (probabilities.sum((2, 3)) + truth.sum((2, 3)) + smooth)
    return F.cross_entropy(logits, target) + 1 - dice.mean()


def read_safetensors(path):
    raw = open(path, "rb").read()
    (length,) = struct.unpack("<Q", raw[:8])
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        first, end = (8 + length + at for at in entry["data_offsets"])
        kind = {"F32": "<f4", "I32": "<i4", "U32": "<u4"}[entry["dtype"]]
        tensors[name] = torch.from_numpy(np.frombuffer(raw[first:end], kind).reshape(entry["shape"]).copy())
    return tensors


def synchronize():
    if device == "cuda":
        torch.cuda.synchronize()


def forget_peak():
    """What was tried at first, to find the fastest algorithms, does not count as memory that a step takes."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def predicted(image):
    with torch.no_grad(), torch.autocast(device, enabled=amp):
        return run(image)


def train(optimizer, scaler, image, target):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, enabled=amp):
        logits = run(image)
    loss = dice_cross_entropy(logits.float(), target)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss


def segment(path, offset, shape, window, batch):
    """Labels of an uncompressed NIfTI file of int16, as an evaluation loop finds them: some slices at a time."""
    voxels = np.fromfile(path, "<i2", offset=offset).reshape(shape[::-1])
    labels = np.empty(voxels.shape, np.uint8)
    low, high = window
    model.eval()
    for first in range(0, len(voxels), batch):
        slices = torch.from_numpy(voxels[first : first + batch].astype(np.float32)).unsqueeze(1)
        image = placed(((slices.clamp(low, high) - low) / (high - low)).to(device))
        labels[first : first + batch] = predicted(image).argmax(1).byte().cpu().numpy()
    return labels


def placed(tensor):
    return tensor.to(memory_format=torch.channels_last) if channels_last else tensor


def answer(**values):
    print(json.dumps(values), flush=True)


if device == "cuda":
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "start":
        torch.set_num_threads(request["threads"]) if request.get("threads") else None
        tensors = read_safetensors(request["path"])
        # A volume has neither.
        if "image" in tensors:
            image = placed(tensors.pop("image").to(device))
            target = tensors.pop("target").long().to(device)
        model = AttentionResUNet(request["baseFeatures"])
        missing, unknown = model.load_state_dict(tensors, strict=False)
        assert not unknown and all(name.endswith("num_batches_tracked") for name in missing), (missing, unknown)
        model = model.to(device)
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), lr=request["learningRate"])
        # At the usual scale of 65,536 the first steps overflow and are left out, and losses would not compare.
        scaler = torch.cuda.amp.GradScaler(init_scale=1024.0, enabled=amp)
        run = torch.compile(model) if mode == "compile" else model
        answer(version=torch.__version__, threads=0 if device == "cuda" else torch.get_num_threads())
    elif request["do"] == "step":
        model.train()
        synchronize()
        forget_peak()
        started = time.perf_counter()
        for _ in range(request["times"]):
            loss = train(optimizer, scaler, image, target)
        synchronize()
        milliseconds = 1000 * (time.perf_counter() - started)
        answer(milliseconds=milliseconds, loss=loss.item())
    elif request["do"] == "forward":
        model.eval()
        synchronize()
        started = time.perf_counter()
        for _ in range(request["times"]):
            logits = predicted(image)
        synchronize()
        milliseconds = 1000 * (time.perf_counter() - started)
        if "write" in request:
            logits.float().cpu().contiguous().numpy().astype("<f4").tofile(request["write"])
        # They would count as memory of the next step.
        del logits
        answer(milliseconds=milliseconds)
    elif request["do"] == "volume":
        synchronize()
        forget_peak()
        started = time.perf_counter()
        labels = segment(*(request[name] for name in ("path", "offset", "shape", "window", "batch")))
        milliseconds = 1000 * (time.perf_counter() - started)
        labels.tofile(request["write"])
        answer(milliseconds=milliseconds)
    elif request["do"] == "end":
        peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
        answer(peakBytes=peak, residentBytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        break

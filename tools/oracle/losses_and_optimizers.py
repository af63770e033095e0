"""Reference numbers of losses, optimizers, gradient clipping and averaged weights from PyTorch, in float64.

    /usr/bin/python3 tools/oracle/losses_and_optimizers.py

writes tools/oracle/fixtures/losses.json and optimizers.json (Debian: apt-get install python3-torch; PyTorch 1.13).
The tests read these files and need no Python. What PyTorch has is called; Dice, Tversky and focal terms are written out
here from their papers and differentiated by PyTorch. Inputs are multiples of 1/256, which float32 holds exactly.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

folder = pathlib.Path(__file__).parent / "fixtures"
torch.set_default_dtype(torch.float64)


def exact(*shape, generator, scale=1.0):
    """Normal numbers, rounded to multiples of 1/256."""
    return torch.round(torch.randn(*shape, generator=generator) * scale * 256) / 256


def rounded(value):
    """Eight digits: more than the tests ask for."""
    if value.dim() > 0:
        return [float(f"{each:.8g}") for each in value.detach().flatten().tolist()]
    return float(f"{float(value):.8g}")


# Losses: logits [n, classes, h, w], target [n, h, w].

smooth = 1e-5


def sums(logits, target):
    """Σ p·t, Σ p and Σ t by sample and class."""
    p = torch.softmax(logits, 1)
    t = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).to(p.dtype)
    return (p * t).sum((2, 3)), p.sum((2, 3)), t.sum((2, 3))


def dice_loss(logits, target, weights=None):
    i, p, t = sums(logits, target)
    loss = 1 - (2 * i + smooth) / (p + t + smooth)
    return (loss if weights is None else loss * weights).mean()


def foreground_dice_loss(logits, target):
    i, p, t = (each[:, 1:] for each in sums(logits, target))
    return (1 - (2 * i + smooth) / (p + t + smooth)).mean()


def top_k(logits, target, share):
    """As nnU-Net's TopKLoss; of equal values PyTorch takes any, so cases must have none at the threshold."""
    ce = F.cross_entropy(logits, target, reduction="none").flatten()
    return torch.topk(ce, int(ce.numel() * share)).values.mean()


def pooled_dice_loss(logits, target, alpha=0.5, beta=0.5, smooth=smooth, background=True):
    """Of the sums over the batch."""
    i, p, t = (each.sum(0) for each in sums(logits, target))
    loss = 1 - (2 * i + smooth) / (2 * i + 2 * alpha * (p - i) + 2 * beta * (t - i) + smooth)
    return (loss if background else loss[1:]).mean()


def generalized_dice_loss(logits, target, batch=False, background=True):
    """As MONAI's GeneralizedDiceLoss, with weights scaled so that the largest is 1."""
    i, p, t = (each.sum(0, keepdim=True) if batch else each for each in sums(logits, target))
    if not background:
        i, p, t = i[:, 1:], p[:, 1:], t[:, 1:]
    w = torch.where(t > 0, 1 / t.clamp(min=1) ** 2, torch.zeros_like(t))
    w = torch.where(t > 0, w, w.amax(1, keepdim=True))
    w = w / w.amax(1, keepdim=True)
    return (1 - (2 * (w * i).sum(1) + smooth) / ((w * (p + t)).sum(1) + smooth)).mean()


def tversky_loss(logits, target, alpha, beta):
    i, p, t = sums(logits, target)
    return (1 - (i + smooth) / (i + alpha * (p - i) + beta * (t - i) + smooth)).mean()


def focal_loss(logits, target, gamma, weights=None):
    ce = F.cross_entropy(logits, target, reduction="none")
    own = torch.exp(-ce)
    w = torch.ones(logits.shape[1]) if weights is None else weights
    return (w[target] * (1 - own) ** gamma * ce).mean()


def boundary_loss(logits, target, radius, weight, weights=None):
    """Weights by comparing each pixel with every other one of its image."""
    n, h, w = target.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    y, x = y.flatten(), x.flatten()
    near = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2 <= radius**2
    flat = target.reshape(n, -1)
    edge = (near & (flat[:, :, None] != flat[:, None, :])).any(2).reshape(n, h, w)
    by_class = torch.ones(logits.shape[1]) if weights is None else weights
    by_pixel = by_class[target] + weight * edge
    ce = F.cross_entropy(logits, target, reduction="none")
    return (by_pixel * ce).sum() / by_pixel.sum()


def losses():
    generator = torch.Generator().manual_seed(1)
    shape = (2, 3, 4, 5)
    start = exact(*shape, generator=generator, scale=1.5)
    # A corner of class 1 and, in the second image, a row of class 2: boundaries, insides and an absent class.
    target = torch.zeros(shape[0], *shape[2:], dtype=torch.long)
    target[:, :2, :3] = 1
    target[1, 3, :] = 2
    w = torch.tensor([0.25, 1.0, 2.0])
    listed = w.tolist()
    cases = [
        ({"kind": "dice-ce"}, lambda z: F.cross_entropy(z, target) + dice_loss(z, target)),
        (
            {"kind": "dice-ce", "lambdaCrossEntropy": 0.5, "lambdaDice": 2},
            lambda z: 0.5 * F.cross_entropy(z, target) + 2 * dice_loss(z, target),
        ),
        (
            {"kind": "weighted-dice-ce", "classWeights": listed},
            lambda z: F.cross_entropy(z, target, weight=w) + dice_loss(z, target, w),
        ),
        ({"kind": "focal", "gamma": 2}, lambda z: focal_loss(z, target, 2)),
        ({"kind": "focal", "gamma": 1.5, "classWeights": listed}, lambda z: focal_loss(z, target, 1.5, w)),
        (
            {"kind": "dice-focal", "gamma": 2, "lambdaFocal": 3, "lambdaDice": 0.5, "classWeights": listed},
            lambda z: 3 * focal_loss(z, target, 2, w) + 0.5 * dice_loss(z, target),
        ),
        (
            {"kind": "dice-ce", "foregroundDice": True},
            lambda z: F.cross_entropy(z, target) + foreground_dice_loss(z, target),
        ),
        ({"kind": "dice-ce", "batchDice": True}, lambda z: F.cross_entropy(z, target) + pooled_dice_loss(z, target)),
        (
            {"kind": "tversky", "alpha": 0.3, "beta": 0.7, "batchDice": True, "foregroundDice": True},
            lambda z: pooled_dice_loss(z, target, 0.3, 0.7, 2 * smooth, background=False),
        ),
        (
            {"kind": "top-k-dice-ce", "share": 0.1},
            lambda z: top_k(z, target, 0.1) + dice_loss(z, target),
        ),
        (
            {"kind": "top-k-dice-ce", "share": 0.33, "lambdaCrossEntropy": 2, "lambdaDice": 0.5, "foregroundDice": True},
            lambda z: 2 * top_k(z, target, 0.33) + 0.5 * foreground_dice_loss(z, target),
        ),
        ({"kind": "generalized-dice-ce"}, lambda z: F.cross_entropy(z, target) + generalized_dice_loss(z, target)),
        (
            {"kind": "generalized-dice-ce", "lambdaCrossEntropy": 0, "batchDice": True},
            lambda z: generalized_dice_loss(z, target, batch=True),
        ),
        (
            {"kind": "generalized-dice-ce", "lambdaDice": 3, "foregroundDice": True},
            lambda z: F.cross_entropy(z, target) + 3 * generalized_dice_loss(z, target, background=False),
        ),
        ({"kind": "tversky", "alpha": 0.3, "beta": 0.7}, lambda z: tversky_loss(z, target, 0.3, 0.7)),
        ({"kind": "tversky", "alpha": 1, "beta": 1}, lambda z: tversky_loss(z, target, 1, 1)),
        (
            {"kind": "boundary-ce", "boundaryWeight": 10, "boundaryRadius": 1},
            lambda z: boundary_loss(z, target, 1, 10),
        ),
        (
            {"kind": "boundary-ce", "boundaryWeight": 3, "boundaryRadius": 2, "classWeights": listed},
            lambda z: boundary_loss(z, target, 2, 3, w),
        ),
    ]
    i, p, t = sums(start, target)
    results = []
    for spec, of in cases:
        logits = start.clone().requires_grad_()
        loss = of(logits)
        loss.backward()
        results.append({"spec": spec, "loss": rounded(loss), "gradient": rounded(logits.grad)})
    return {
        "shape": shape,
        "logits": start.flatten().tolist(),
        "target": target.flatten().tolist(),
        "dice": rounded((2 * i + smooth) / (p + t + smooth)),
        "cases": results,
    }


# Optimizers: two parameters, gradients that are given, the parameters after some of the steps.

optimizers = {
    "adam": lambda p, o: torch.optim.Adam(p, lr=o["learningRate"], weight_decay=o["weightDecay"]),
    "adamw": lambda p, o: torch.optim.AdamW(p, lr=o["learningRate"], weight_decay=o["weightDecay"]),
    "sgd": lambda p, o: torch.optim.SGD(
        p,
        lr=o["learningRate"],
        momentum=o["momentum"],
        weight_decay=o["weightDecay"],
        nesterov=o["momentum"] > 0,
    ),
}

optimizer_cases = [
    {"kind": "adam", "learningRate": 0.05, "weightDecay": 0.1},
    {"kind": "adamw", "learningRate": 0.05, "weightDecay": 0.1},
    {"kind": "sgd", "learningRate": 0.05, "weightDecay": 0.1, "momentum": 0.9},
    {"kind": "sgd", "learningRate": 0.05, "weightDecay": 0, "momentum": 0},
    {"kind": "sgd", "learningRate": 0.05, "weightDecay": 0, "momentum": 0.9, "clipNorm": 1.5},
    {"kind": "adamw", "learningRate": 0.05, "weightDecay": 0.1, "clipNorm": 1.5},
    {"kind": "sgd", "learningRate": 0.05, "weightDecay": 0, "momentum": 0.9, "ema": 0.75},
]


class Both(torch.nn.Module):
    def __init__(self, values):
        super().__init__()
        self.parameters_ = torch.nn.ParameterList([torch.nn.Parameter(value.clone()) for value in values])


def trajectories():
    generator = torch.Generator().manual_seed(2)
    shapes = [(7,), (2, 3)]
    start = [exact(*shape, generator=generator) for shape in shapes]
    # Norms on both sides of the one that is clipped to.
    gradients = [[exact(*shape, generator=generator, scale=0.2 * step) for shape in shapes] for step in range(1, 7)]
    cases = []
    for options in optimizer_cases:
        model = Both(start)
        parameters = list(model.parameters())
        optimizer = optimizers[options["kind"]](parameters, options)
        decay = options.get("ema")
        # The mean of the steps so far, until an exponential average weighs the last step less than that.
        averaged = decay and AveragedModel(
            model, avg_fn=lambda old, new, n: (d := min(decay, 1 - 1 / (int(n) + 1))) * old + (1 - d) * new
        )
        norms, values, means = [], [], []
        for step in gradients:
            for parameter, gradient in zip(parameters, step):
                parameter.grad = gradient.clone()
            if "clipNorm" in options:
                norms.append(rounded(torch.nn.utils.clip_grad_norm_(parameters, options["clipNorm"])))
            optimizer.step()
            values.append(torch.cat([each.detach().flatten() for each in parameters]))
            if averaged:
                averaged.update_parameters(model)
                means.append(torch.cat([each.detach().flatten() for each in averaged.parameters()]))
        case = {"options": options, "after": {str(at): rounded(values[at - 1]) for at in (1, 3, 6)}}
        if norms:
            case["norms"] = norms
        if averaged:
            case["averages"] = {str(at): rounded(means[at - 1]) for at in (1, 3, 6)}
        cases.append(case)
    return {
        "shapes": shapes,
        "start": [each.flatten().tolist() for each in start],
        "gradients": [[each.flatten().tolist() for each in step] for step in gradients],
        "cases": cases,
    }


if __name__ == "__main__":
    folder.mkdir(exist_ok=True)
    for name, content in {"losses": losses(), "optimizers": trajectories()}.items():
        (folder / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")

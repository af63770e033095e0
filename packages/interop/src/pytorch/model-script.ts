import { blocksOfLevel, levelChannels } from "@lobule/nn";
import type { ModelDescription } from "@lobule/train";
import { ExportError } from "../export-error.js";

/**
 * A Python file that builds the network of a model in PyTorch, under the names of its state dict, and loads
 * `weights.safetensors` from beside it. It has what this network needs, and nothing of others.
 * @throws ExportError for a network of code of its own, or one of nnU-Net.
 */
export function modelScript(description: ModelDescription): string {
  const {
    architecture,
    classes,
    window,
    normalization: zScore,
    network,
    nnunet,
    inputSlices,
    depth,
    baseFeatures,
    size,
  } = description;
  if (architecture === "custom") {
    throw new ExportError(
      "the network is made by code of its own, of which there is no counterpart in PyTorch; its weights are in checkpoints/best.safetensors, under the names of its layers",
    );
  }
  if (nnunet !== undefined) {
    throw new ExportError(
      "the network is one of nnU-Net, which PyTorch has there; its weights are in checkpoints/best.safetensors, under the names of its layers, and export onnx writes it as a whole",
    );
  }
  const channels = levelChannels({ baseFeatures, depth }, network);
  const sides = `sides multiples of ${2 ** depth}`;
  const spaced =
    description.spacing === undefined ? sides : `pixels of ${description.spacing.join(" x ")} mm, ${sides}`;
  const whole = description.patch === undefined ? spaced : `${spaced}, in patches of ${description.patch.join(" x ")}`;
  const prepared = size === null ? whole : `resampled to ${size} x ${size}`;
  return `"""Segments ${pythonText(classes.slice(1).join(", "))}: network = load(); logits = network(prepare(slices))

Slices are axial, in HU, [n, ${inputSlices}, height, width], ${prepared}; width grows to the patient's right, height to the front.
"""
import json
${network.norm === "group" ? "import math\n" : ""}import os
import struct

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = ${JSON.stringify(classes)}
LOW, HIGH = ${window.join(", ")}${zScore === undefined ? "" : `\nMEAN, DEVIATION = ${zScore.mean}, ${zScore.deviation}`}
CHANNELS = ${JSON.stringify(channels)}  # of each level, the bridge last


def prepare(hu):
    return ${zScore === undefined ? "(hu.clamp(LOW, HIGH) - LOW) / (HIGH - LOW)" : "(hu.clamp(LOW, HIGH) - MEAN) / DEVIATION"}


${[normalization(description), ...convolutions(description), block(description), ...gate(description), level(description), ...attention(description), unet(description), load].join("\n\n\n")}
`;
}

/** Text within a docstring. */
const pythonText = (text: string): string => text.replaceAll(/["\\]/g, "'");

const activations = {
  relu: "F.relu(x)",
  "leaky-relu": "F.leaky_relu(x, 0.01)",
  silu: "F.silu(x)",
  hardswish: "F.hardswish(x)",
} as const;

function normalization({ network: { norm, groups, activation } }: ModelDescription): string {
  const layers = {
    batch: "nn.BatchNorm2d(channels)",
    instance: "nn.InstanceNorm2d(channels, affine=True)",
    // Gates have fewer channels than groups may divide.
    group: `nn.GroupNorm(math.gcd(${groups}, channels), channels)`,
  } as const;
  return `def norm(channels):
    return ${layers[norm]}


def act(x):
    return ${activations[activation]}`;
}

function convolutions({ network: { block: kind, upsampling } }: ModelDescription): string[] {
  const separable = `class SeparableConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
        self.pointwise = nn.Conv2d(cin, cout, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))`;
  const bilinear = `class Bilinear(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))`;
  const squeezeExcite = `class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.squeeze = nn.Conv2d(c, max(c // 8, 1), 1)
        self.excite = nn.Conv2d(max(c // 8, 1), c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))`;
  return [
    ...(kind === "residual-separable" ? [separable] : []),
    ...(kind === "residual-squeeze-excite" ? [squeezeExcite] : []),
    ...(upsampling === "bilinear" ? [bilinear] : []),
  ];
}

function block({ network: { block: kind } }: ModelDescription): string {
  const conv = (cin: string): string =>
    kind === "residual-separable" ? `SeparableConv(${cin}, cout)` : `nn.Conv2d(${cin}, cout, 3, padding=1, bias=False)`;
  const isResidual = kind !== "plain";
  const hasSqueeze = kind === "residual-squeeze-excite";
  return `class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1, self.bn1 = ${conv("cin")}, norm(cout)
        self.conv2, self.bn2 = ${conv("cout")}, norm(cout)${
          hasSqueeze ? "\n        self.squeezeExcite = SqueezeExcite(cout)" : ""
        }${isResidual ? "\n        self.shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()" : ""}

    def forward(self, x):
        y = self.bn2(self.conv2(act(self.bn1(self.conv1(x)))))
        return act(${hasSqueeze ? "self.squeezeExcite(y)" : "y"}${isResidual ? " + self.shortcut(x)" : ""})`;
}

function gate({ network: { skip, gatingSignal } }: ModelDescription): string[] {
  if (!skip.startsWith("attention-gate")) return [];
  const isNormed = skip === "attention-gate-norm";
  const isCoarse = gatingSignal === "coarse";
  const normed = (layer: string, x: string): string => (isNormed ? `self.${layer}(${x})` : x);
  const bias = isNormed ? ", bias=False" : "";
  const up = (x: string): string =>
    isCoarse ? `F.interpolate(${x}, scale_factor=2, mode="bilinear", align_corners=False)` : x;
  return [
    `class Gate(nn.Module):
    def __init__(self, channels, gating):
        super().__init__()
        inter = max(channels // 2, 1)
        self.wx = nn.Conv2d(channels, inter, 1, bias=False)
        self.wg = nn.Conv2d(gating, inter, 1${bias})
        self.psi = nn.Conv2d(inter, 1, 1${bias})${
          isNormed ? "\n        self.bnWx, self.bnWg, self.bnPsi = norm(inter), norm(inter), norm(1)" : ""
        }

    def forward(self, skip, gating):
        joined = F.relu(${normed("bnWx", "self.wx(skip)")} + ${up(normed("bnWg", "self.wg(gating)"))})
        return skip * torch.sigmoid(${normed("bnPsi", "self.psi(joined)")})`,
  ];
}

function level({ network: { skip, gatingSignal, upsampling } }: ModelDescription): string {
  const hasGate = skip.startsWith("attention-gate");
  const isCoarse = gatingSignal === "coarse";
  const up = upsampling === "bilinear" ? "Bilinear(below, channels)" : "nn.ConvTranspose2d(below, channels, 2, 2)";
  const gated = hasGate ? `\n        skip = self.gate(skip, ${isCoarse ? "x" : "up"})` : "";
  return `class Level(nn.Module):
    def __init__(self, below, channels):
        super().__init__()
        self.up = ${up}${hasGate ? `\n        self.gate = Gate(channels, ${isCoarse ? "below" : "channels"})` : ""}
        self.block = Block(${skip === "add" ? "channels" : "2 * channels"}, channels)

    def forward(self, x, skip):
        up = self.up(x)${gated}
        return self.block(${skip === "add" ? "skip + up" : "torch.cat([skip, up], 1)"})`;
}

function attention({ network: { bridgeAttentionHeads: heads } }: ModelDescription): string[] {
  if (heads === 0) return [];
  return [
    `class SelfAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.query, self.key, self.value = (nn.Conv2d(c, c, 1, bias=False) for _ in range(3))
        self.output = nn.Conv2d(c, c, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = (each(x).reshape(n, ${heads}, c // ${heads}, h * w).mT for each in (self.query, self.key, self.value))
        mixed = torch.softmax(q @ k.mT / (c // ${heads}) ** 0.5, -1) @ v
        return x + self.output(mixed.mT.reshape(n, c, h, w))`,
  ];
}

function unet({ inputSlices, depth, network }: ModelDescription): string {
  const { bridgeAttentionHeads, deepSupervision } = network;
  const counts = Array.from({ length: depth + 1 }, (_, level) => blocksOfLevel(network, level));
  const hasChains = counts.some((count) => count > 1);
  const chain = `class Blocks(nn.Module):
    def __init__(self, cin, cout, count):
        super().__init__()
        self.blocks = nn.ModuleList(Block(cin if i == 0 else cout, cout) for i in range(count))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def blocks(cin, cout, count):
    return Block(cin, cout) if count == 1 else Blocks(cin, cout, count)


`;
  const encoder = hasChains
    ? `nn.ModuleList(blocks(*each) for each in zip([${inputSlices}] + c, c[:-1], [${counts.slice(0, -1).join(", ")}]))`
    : `nn.ModuleList(Block(cin, cout) for cin, cout in zip([${inputSlices}] + c, c[:-1]))`;
  const bridge = hasChains ? `blocks(c[-2], c[-1], ${counts.at(-1)})` : "Block(c[-2], c[-1])";
  const hasAttention = bridgeAttentionHeads > 0;
  return `${hasChains ? chain : ""}class UNet(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.encoder = ${encoder}
        self.bridge = ${bridge}${hasAttention ? "\n        self.bridgeAttention = SelfAttention(c[-1])" : ""}
        self.decoder = nn.ModuleList(Level(c[i + 1], c[i]) for i in reversed(range(${depth})))
        self.head = nn.Conv2d(c[0], len(CLASSES), 1)${
          deepSupervision > 0
            ? `\n        self.auxiliaryHeads = nn.ModuleList(nn.Conv2d(c[i + 1], len(CLASSES), 1) for i in range(${deepSupervision}))`
            : ""
        }

    def forward(self, x):
        skips = []
        for block in self.encoder:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bridge(x)${hasAttention ? "\n        x = self.bridgeAttention(x)" : ""}
        for level in self.decoder:
            x = level(x, skips.pop())
        return self.head(x)`;
}

const load = `def load(path=os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights.safetensors")):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    state = {
        name: torch.frombuffer(data, dtype=torch.float32, count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
                               offset=entry["data_offsets"][0]).reshape(entry["shape"])
        for name, entry in header.items() if name != "__metadata__"
    }
    network = UNet()
    network.load_state_dict(state)
    return network.eval()`;

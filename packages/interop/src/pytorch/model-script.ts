import { blocksOfLevel, levelChannels } from "@lobule/nn";
import { channelsOf, inputChannels, isByImage, type ModelDescription } from "@lobule/train";
import { ExportError } from "../export-error.js";
import { nnunetConstants, nnunetParts } from "./nnunet-script.js";
import { activated, normOf } from "./python-layers.js";

/**
 * A Python file that builds the network of a model in PyTorch, under the names of its state dict, and loads
 * `weights.safetensors` from beside it. It has what this network needs, and nothing of others.
 * @throws ExportError for a network of code of its own.
 */
export function modelScript(description: ModelDescription): string {
  const { architecture, classes, network, nnunet, depth, baseFeatures, size } = description;
  const byImage = channelsOf(description).some(isByImage);
  const images = inputChannels(description);
  if (architecture === "custom") {
    throw new ExportError(
      "the network is made by code of its own, of which there is no counterpart in PyTorch; its weights are in checkpoints/best.safetensors, under the names of its layers",
    );
  }
  const constants =
    nnunet === undefined
      ? `CHANNELS = ${JSON.stringify(levelChannels({ baseFeatures, depth }, network))}  # of each level, the bridge last`
      : nnunetConstants(nnunet);
  const parts = nnunet === undefined ? unetParts(description) : nnunetParts(nnunet, images);
  const sides = `sides multiples of ${2 ** depth}`;
  const spaced =
    description.spacing === undefined
      ? sides
      : `pixels of ${description.spacing.join(" x ")} mm${description.resampling === "cubic" ? " by cubic splines" : ""}, ${sides}`;
  const whole = description.patch === undefined ? spaced : `${spaced}, in patches of ${description.patch.join(" x ")}`;
  const resized = size === null ? whole : `resampled to ${size} x ${size}`;
  // As BodyBox of @lobule/train has it.
  const prepared =
    description.crop === undefined ? resized : `cropped to the box of the body in the whole scan, ${resized}`;
  return `"""Segments ${pythonText(classes.slice(1).join(", "))}: network = load(); logits = network(prepare(slices${byImage ? ", mean, deviation" : ""}))

Slices are axial, ${byImage ? "as the scan has them" : "in HU"}, [n, ${images}, height, width]${channelText(description)}, ${prepared}; width grows to the patient's right, height to the front.${byImage ? "\nMean and standard deviation are those of the whole scan, in the box that holds all its voxels but zeros." : ""}
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = ${JSON.stringify(classes)}
${description.channels === undefined ? `${intensityConstants(description)}\n${constants}\n\n\n${preparation(description.normalization?.kind)}` : `${constants}\n\n\n${channelPreparation(description)}`}


${[...parts, load].join("\n\n\n")}
`;
}

const unetParts = (description: ModelDescription): string[] => [
  ...ownLayers(description),
  block(description),
  ...gate(description),
  ...attention(description),
  unet(description),
];

/** The order of the channels of the input, where images have several. */
const channelText = ({ channels }: ModelDescription): string =>
  channels === undefined
    ? ""
    : ` (of each slice the channels ${pythonText(channels.map(({ name }) => name).join(", "))})`;

function intensityConstants({ window, normalization }: ModelDescription): string {
  const scores =
    normalization?.kind === "foreground" ? `\nMEAN, DEVIATION = ${normalization.mean}, ${normalization.deviation}` : "";
  return `LOW, HIGH = ${window?.join(", ")}${scores}`;
}

/** The function from the values of several channels to what the network sees, (clipped − SHIFT)/SCALE of each. */
function channelPreparation(description: ModelDescription): string {
  const channels = channelsOf(description);
  const tensor = (values: readonly number[]): string => `of_channels(${values.join(", ")})`;
  const maps = channels.map(({ window: [low, high], normalization }) => {
    if (normalization === undefined) return { shift: low, scale: high - low };
    return normalization.kind === "image"
      ? { shift: 0, scale: 1 }
      : { shift: normalization.mean, scale: normalization.deviation };
  });
  const given = channels.some(isByImage);
  return `def of_channels(*values):
    return torch.tensor(values, dtype=torch.float32).repeat(${description.inputSlices}).reshape(1, -1, 1, 1)


LOW, HIGH = ${tensor(channels.map(({ window: [low] }) => low))}, ${tensor(channels.map(({ window: [, high] }) => high))}
SHIFT, SCALE = ${tensor(maps.map(({ shift }) => shift))}, ${tensor(maps.map(({ scale }) => scale))}


def prepare(values${given ? ", mean, deviation" : ""}):${
    given
      ? `
    # Of each channel; 0 and 1 of ${channels.every(isByImage) ? "none" : "those that are not normalized by each image"}.
    values = (values - of_channels(*mean)) / of_channels(*deviation)`
      : ""
  }
    return (torch.minimum(torch.maximum(values, LOW), HIGH) - SHIFT) / SCALE`;
}

/** The function from HU to what the network sees. */
function preparation(kind: "foreground" | "image" | undefined): string {
  if (kind === "image")
    return "def prepare(values, mean, deviation):\n    return ((values - mean) / deviation).clamp(LOW, HIGH)";
  const formula =
    kind === undefined ? "(hu.clamp(LOW, HIGH) - LOW) / (HIGH - LOW)" : "(hu.clamp(LOW, HIGH) - MEAN) / DEVIATION";
  return `def prepare(hu):\n    return ${formula}`;
}

/** Text within a docstring. */
const pythonText = (text: string): string => text.replaceAll(/["\\]/g, "'");

const bilinear = (x: string): string => `F.interpolate(${x}, scale_factor=2, mode="bilinear", align_corners=False)`;

/** Layers that PyTorch has not. */
function ownLayers({ network: { block: kind, upsampling } }: ModelDescription): string[] {
  const separable = `class SeparableConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
        self.pointwise = nn.Conv2d(cin, cout, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))`;
  const up = `class Bilinear(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(${bilinear("x")})`;
  const squeezeExcite = `class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(c, max(c // 8, 1), 1), nn.Conv2d(max(c // 8, 1), c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))`;
  return [
    ...(kind === "residual-separable" ? [separable] : []),
    ...(kind === "residual-squeeze-excite" ? [squeezeExcite] : []),
    ...(upsampling === "bilinear" ? [up] : []),
  ];
}

function block({ network }: ModelDescription): string {
  const { block: kind, activation } = network;
  const conv = (cin: string): string =>
    kind === "residual-separable" ? `SeparableConv(${cin}, cout)` : `nn.Conv2d(${cin}, cout, 3, padding=1, bias=False)`;
  const norm = normOf(network, "cout");
  const isResidual = kind !== "plain";
  const hasSqueeze = kind === "residual-squeeze-excite";
  const inner = activated(activation, "self.bn1(self.conv1(x))");
  const outer = `${hasSqueeze ? "self.squeezeExcite(y)" : "y"}${isResidual ? " + self.shortcut(x)" : ""}`;
  return `class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1, self.bn1 = ${conv("cin")}, ${norm}
        self.conv2, self.bn2 = ${conv("cout")}, ${norm}${
          hasSqueeze ? "\n        self.squeezeExcite = SqueezeExcite(cout)" : ""
        }${isResidual ? "\n        self.shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()" : ""}

    def forward(self, x):
        y = self.bn2(self.conv2(${inner}))
        return ${activated(activation, outer)}`;
}

const hasGate = ({ network: { skip } }: ModelDescription): boolean => skip.startsWith("attention-gate");

function gate(description: ModelDescription): string[] {
  if (!hasGate(description)) return [];
  const { network } = description;
  const isNormed = network.skip === "attention-gate-norm";
  const normed = (layer: string, x: string): string => (isNormed ? `self.${layer}(${x})` : x);
  const bias = isNormed ? ", bias=False" : "";
  const gating = normed("bnWg", "self.wg(gating)");
  const norms = `self.bnWx, self.bnWg, self.bnPsi = ${["inter", "inter", "1"].map((count) => normOf(network, count)).join(", ")}`;
  return [
    `class Gate(nn.Module):
    def __init__(self, channels, gating):
        super().__init__()
        inter = max(channels // 2, 1)
        self.wx, self.wg = nn.Conv2d(channels, inter, 1, bias=False), nn.Conv2d(gating, inter, 1${bias})
        self.psi = nn.Conv2d(inter, 1, 1${bias})${isNormed ? `\n        ${norms}` : ""}

    def forward(self, skip, gating):
        joined = F.relu(${normed("bnWx", "self.wx(skip)")} + ${network.gatingSignal === "coarse" ? bilinear(gating) : gating})
        return skip * torch.sigmoid(${normed("bnPsi", "self.psi(joined)")})`,
  ];
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

function unet(description: ModelDescription): string {
  const { skip, gatingSignal, upsampling, bridgeAttentionHeads, deepSupervision } = description.network;
  const counts = Array.from({ length: description.depth + 1 }, (_, level) => blocksOfLevel(description.network, level));
  const hasChains = counts.some((count) => count > 1);
  const chain = `class Blocks(nn.Module):
    def __init__(self, cin, cout, count):
        super().__init__()
        self.blocks = nn.Sequential(*(Block(cin if i == 0 else cout, cout) for i in range(count)))

    def forward(self, x):
        return self.blocks(x)


def blocks(cin, cout, count):
    return Block(cin, cout) if count == 1 else Blocks(cin, cout, count)


`;
  const encoder = hasChains
    ? `map(blocks, [${inputChannels(description)}] + c, c[:-1], [${counts.slice(0, -1).join(", ")}])`
    : `map(Block, [${inputChannels(description)}] + c, c[:-1])`;
  const bridge = hasChains ? `blocks(c[-2], c[-1], ${counts.at(-1)})` : "Block(c[-2], c[-1])";
  const isCoarse = gatingSignal === "coarse";
  const gated = hasGate(description);
  const line = (text: string, when: boolean): string => (when ? `\n        ${text}` : "");
  const level = [
    `"up": ${upsampling === "bilinear" ? "Bilinear(below, own)" : "nn.ConvTranspose2d(below, own, 2, 2)"}`,
    ...(gated ? [`"gate": Gate(own, ${isCoarse ? "below" : "own"})`] : []),
    `"block": Block(${skip === "add" ? "own" : "2 * own"}, own)`,
  ];
  const passed = gated ? `level["gate"](skip, ${isCoarse ? "x" : "up"})` : "skip";
  return `${hasChains ? chain : ""}class UNet(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.encoder = nn.ModuleList(${encoder})
        self.bridge = ${bridge}${line("self.bridgeAttention = SelfAttention(c[-1])", bridgeAttentionHeads > 0)}
        self.decoder = nn.ModuleList(
            nn.ModuleDict({${level.join(", ")}})
            for below, own in zip(c[:0:-1], c[-2::-1]))
        self.head = nn.Conv2d(c[0], len(CLASSES), 1)${line(
          `self.auxiliaryHeads = nn.ModuleList(nn.Conv2d(c[i + 1], len(CLASSES), 1) for i in range(${deepSupervision}))`,
          deepSupervision > 0,
        )}

    def forward(self, x):
        skips = []
        for block in self.encoder:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bridge(x)${line("x = self.bridgeAttention(x)", bridgeAttentionHeads > 0)}
        for level in self.decoder:
            up, skip = level["up"](x), skips.pop()
            x = level["block"](${skip === "add" ? `${passed} + up` : `torch.cat([${passed}, up], 1)`})
        return self.head(x)`;
}

const load = `def load(path=Path(__file__).with_name("weights.safetensors")):
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    entries = {name: entry for name, entry in json.loads(data[8:start]).items() if name != "__metadata__"}
    network = UNet()
    network.load_state_dict({
        name: torch.frombuffer(data, dtype=torch.float32, count=math.prod(entry["shape"]),
                               offset=start + entry["data_offsets"][0]).reshape(entry["shape"])
        for name, entry in entries.items()})
    return network.eval()`;

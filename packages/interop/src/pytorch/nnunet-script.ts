import type { NnUNetSpec } from "@lobule/nn";
import { activated, normOf } from "./python-layers.js";

/** What a network of nnU-Net is made from in Python, level by level. */
export const nnunetConstants = ({ stages, convolutionBias }: NnUNetSpec): string =>
  `# Of each level from the image down: features, kernel, stride, blocks of the encoder, convolutions of the decoder.
STAGES = ${JSON.stringify(stages.map(({ features, kernel, stride, blocks, decoderConvolutions }) => [features, kernel, stride, blocks, decoderConvolutions]))}
BIAS = ${convolutionBias ? "True" : "False"}`;

/** The classes that a network of nnU-Net is made of. */
export function nnunetParts(spec: NnUNetSpec, inputSlices: number): string[] {
  const { encoder, deepSupervision } = spec;
  const isResidual = encoder === "residual";
  return [
    convNorm(spec),
    plainStage(spec),
    ...(isResidual ? [residualStage(spec)] : []),
    up,
    network(isResidual, deepSupervision, inputSlices),
  ];
}

const convNorm = ({ norm }: NnUNetSpec): string => `class ConvNorm(nn.Module):
    def __init__(self, cin, cout, kernel, stride=(1, 1), bias=BIAS):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, [(k - 1) // 2 for k in kernel], bias=bias)
        self.norm = ${normOf({ norm, groups: 1 }, "cout")}

    def forward(self, x):
        return self.norm(self.conv(x))`;

const plainStage = ({ activation }: NnUNetSpec): string => `class PlainStage(nn.Module):
    def __init__(self, cin, cout, kernel, stride, count):
        super().__init__()
        self.convolutions = nn.ModuleList(
            ConvNorm(cin if i == 0 else cout, cout, kernel, stride if i == 0 else (1, 1)) for i in range(count)
        )

    def forward(self, x):
        for each in self.convolutions:
            x = ${activated(activation, "each(x)")}
        return x`;

const residualStage = ({ activation }: NnUNetSpec): string => `class Block(nn.Module):
    def __init__(self, cin, cout, kernel, stride):
        super().__init__()
        self.conv1, self.conv2 = ConvNorm(cin, cout, kernel, stride), ConvNorm(cout, cout, kernel)
        self.skip = ConvNorm(cin, cout, (1, 1), bias=False) if cin != cout else nn.Identity()
        self.stride = stride

    def forward(self, x):
        main = self.conv2(${activated(activation, "self.conv1(x)")})
        return ${activated(activation, "main + self.skip(F.avg_pool2d(x, self.stride))")}


class ResidualStage(nn.Module):
    def __init__(self, cin, cout, kernel, stride, count):
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(cin if i == 0 else cout, cout, kernel, stride if i == 0 else (1, 1)) for i in range(count)
        )

    def forward(self, x):
        for each in self.blocks:
            x = each(x)
        return x`;

const up = `class Up(nn.Module):
    def __init__(self, below, stride, cout, kernel, count):
        super().__init__()
        self.up = nn.ConvTranspose2d(below, cout, stride, stride, bias=BIAS)
        self.stage = PlainStage(2 * cout, cout, kernel, (1, 1), count)

    def forward(self, x, skip):
        return self.stage(torch.cat([self.up(x), skip], 1))`;

function network(isResidual: boolean, heads: number, inputSlices: number): string {
  const [kind, first] = isResidual ? ["ResidualStage", "features[0]"] : ["PlainStage", inputSlices];
  const stem = isResidual
    ? `\n        self.stem = PlainStage(${inputSlices}, features[0], STAGES[0][1], (1, 1), 1)`
    : "";
  const auxiliary =
    heads === 0
      ? ""
      : `\n        self.auxiliaryHeads = nn.ModuleList(nn.Conv2d(features[i + 1], len(CLASSES), 1) for i in range(${heads}))`;
  return `class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        features = [stage[0] for stage in STAGES]${stem}
        self.encoder = nn.ModuleList(
            ${kind}(cin, cout, kernel, stride, count)
            for cin, (cout, kernel, stride, count, _) in zip([${first}] + features, STAGES)
        )
        self.decoder = nn.ModuleList(
            Up(below[0], below[2], here[0], here[1], here[4]) for here, below in reversed(list(zip(STAGES, STAGES[1:])))
        )
        self.head = nn.Conv2d(features[0], len(CLASSES), 1)${auxiliary}

    def forward(self, x):
        skips = []${isResidual ? "\n        x = self.stem(x)" : ""}
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        skips.pop()
        for level in self.decoder:
            x = level(x, skips.pop())
        return self.head(x)`;
}

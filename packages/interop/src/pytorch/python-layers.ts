import type { UNetSpec } from "@lobule/nn";

/** An activation of an expression. */
export const activated = (activation: UNetSpec["activation"], x: string): string =>
  ({
    relu: `F.relu(${x})`,
    "leaky-relu": `F.leaky_relu(${x}, 0.01)`,
    silu: `F.silu(${x})`,
    hardswish: `F.hardswish(${x})`,
  })[activation];

/** A normalization of so many channels. */
export const normOf = ({ norm, groups }: Pick<UNetSpec, "norm" | "groups">, channels: string): string =>
  ({
    batch: `nn.BatchNorm2d(${channels})`,
    instance: `nn.InstanceNorm2d(${channels}, affine=True)`,
    // Gates have fewer channels than groups may divide.
    group: `nn.GroupNorm(math.gcd(${groups}, ${channels}), ${channels})`,
  })[norm];

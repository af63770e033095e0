import {
  benchIsa,
  checkSameIsa,
  compareIsa,
  IsaCompiler,
  type IsaFamily,
  type IsaFile,
  isaChangeTable,
  isaTable,
  makeWorkload,
  oneVariant,
  readIsaFile,
  settingsOf,
  type WorkloadOptions,
} from "@lobule/bench";
import { writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import type { ConvolutionVariant } from "@lobule/tensor";
import { quietly } from "../shared/open-device.js";
import { say, sayText } from "../shared/output.js";

export interface IsaArguments {
  readonly preset: "liver" | "vessel";
  readonly size: number | undefined;
  readonly batch: number | undefined;
  readonly precision: WorkloadOptions["precision"];
  readonly recompute: boolean;
  readonly family: IsaFamily;
  readonly out: string | undefined;
  readonly compare: string | undefined;
  readonly variant: ConvolutionVariant | undefined;
}

/** `lobule bench isa`: the kernels for GPUs of a training step, as a compiler for AMD GPUs makes them. Needs no GPU. */
export async function benchIsaCommand(given: IsaArguments): Promise<void> {
  const { preset, precision, recompute, family, out, compare, variant } = given;
  const before = compare === undefined ? undefined : await readIsaFile(compare);
  const { batch, size } = settingsOf(
    "kernels",
    { software: false, all: false },
    { size: given.size, batch: given.batch, slices: undefined, rounds: undefined },
  );
  const settings = { preset, precision, recompute, batch, size };
  if (before !== undefined && compare !== undefined) checkSameIsa(before, { family, settings }, compare);
  const baseFeatures = { liver: 8, vessel: 16 }[preset];
  const kernels = variant === undefined ? "parallel" : oneVariant(variant, { reduction: "parallel" });
  const { training } = makeWorkload({ baseFeatures, batch, size, precision, recompute, kernels });
  const details = [
    preset,
    precision,
    ...(recompute ? ["recomputed"] : []),
    ...(variant === undefined ? [] : [variant]),
  ];
  say(`isa: ${size}×${size}, batch ${batch}, ${details.join(", ")}`);
  const compiler = await quietly(() => IsaCompiler.open());
  const result = await benchIsa(compiler, training, family).finally(() => compiler.close());
  sayText(isaTable(result));
  const file: IsaFile = { format: "lobule-isa-1", settings, ...result };
  if (out !== undefined) {
    await writeFileAtomically(nodeStorage, out, `${JSON.stringify(file, null, 2)}\n`);
    say(`written: ${out}`);
  }
  if (before === undefined || compare === undefined) return;
  const comparison = compareIsa(before, result);
  sayText(isaChangeTable(comparison, compare));
  if (comparison.worse) process.exitCode = 1;
}

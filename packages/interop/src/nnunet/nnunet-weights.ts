import type { NnUNetSpec } from "@lobule/nn";

/** What PyTorch's wrappers put before every name. */
const wrapped = /^(module\.|_orig_mod\.)+/;
/** Parts that stand in a state dict twice: in the order of their running, and with the decoder, which holds the encoder. */
const repeated = /\.all_modules\.|^decoder\.encoder\./;

/**
 * Our name for each of nnU-Net's parameters; null for those that stand there twice, and for the logits of decoder levels that
 * the specification has none of. What is no name of its networks is left out.
 */
export function nnunetNames(theirs: Iterable<string>, spec: NnUNetSpec): Record<string, string | null> {
  const names: Record<string, string | null> = {};
  for (const name of theirs) {
    const plain = name.replace(wrapped, "");
    const ours = repeated.test(plain) ? null : ourName(plain, spec);
    if (ours !== undefined) names[name] = ours;
  }
  return names;
}

function ourName(name: string, { stages, deepSupervision }: NnUNetSpec): string | null | undefined {
  const head = /^decoder\.seg_layers\.(\d+)\.(.+)$/.exec(name);
  if (head !== null) {
    // The deepest is their first.
    const above = stages.length - 2 - Number(head[1]);
    if (above === 0) return `head.${head[2]}`;
    return above <= deepSupervision ? `auxiliaryHeads.${above - 1}.${head[2]}` : null;
  }
  for (const [pattern, ours] of patterns) {
    if (pattern.test(name)) return name.replace(pattern, ours);
  }
  return undefined;
}

const patterns: readonly (readonly [RegExp, string])[] = [
  [/^encoder\.stem\.convs\./, "stem.convolutions."],
  [/^encoder\.stages\.(\d+)\.0\.convs\./, "encoder.$1.convolutions."],
  // The skip of a block that has a stride begins with a pooling, which has no parameters.
  [/^encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.\d+\./, "encoder.$1.blocks.$2.skip."],
  [/^encoder\.stages\.(\d+)\.blocks\./, "encoder.$1.blocks."],
  [/^decoder\.transpconvs\.(\d+)\./, "decoder.$1.up."],
  [/^decoder\.stages\.(\d+)\.convs\./, "decoder.$1.stage.convolutions."],
];

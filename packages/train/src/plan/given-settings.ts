import { nnunetDivisors } from "@lobule/nn";
import { networkSpec } from "../model/network-settings.js";
import type { TrainingConfig } from "../trainer/config-schema.js";

type Given<Value> = Value extends readonly unknown[] ? Value : Value extends object ? Partial<Value> : Value;

/** A configuration of which any setting may be missing, those in groups too. */
export type GivenSettings = { readonly [Key in keyof TrainingConfig]?: Given<TrainingConfig[Key]> };

const entriesOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);

/**
 * Those of a plan's choices that are left to it: neither is the setting itself given, nor another kind of its group, nor a
 * network in whose place it would be of no effect.
 */
export function openChoices<Choice extends { readonly setting: readonly string[]; readonly value: unknown }>(
  choices: readonly Choice[],
  given: GivenSettings,
): Choice[] {
  const idle = idleWith(given);
  return choices.filter(({ setting: [group = "", inner] }) => {
    if (idle.includes(group)) return false;
    const own = entriesOf(given).get(group);
    if (own === undefined || inner === undefined) return own === undefined;
    const kind = choices.find(({ setting }) => setting[0] === group && setting[1] === "kind")?.value;
    const settings = entriesOf(own);
    return !settings.has(inner) && (kind === undefined || (settings.get("kind") ?? kind) === kind);
  });
}

/** Settings that have no effect beside a network that is given level by level, or as code. */
function idleWith({ nnunet, model }: GivenSettings): readonly string[] {
  if (nnunet != null) return ["network", "baseFeatures", "depth"];
  return model == null ? [] : ["network"];
}

const specOf = (network: GivenSettings["network"]) => networkSpec({ preset: "attention-res-unet", ...network });

/** The fewest poolings that the parts of a network which are given go with. */
export const leastDepth = ({ network }: GivenSettings): number =>
  Math.max(1, (network?.encoderBlocks?.length ?? 1) - 1, specOf(network).deepSupervision + 1);

/** What the channels of the first level have to be a multiple of. */
export function channelMultiple({ network }: GivenSettings): number {
  const { norm, groups } = specOf(network);
  return norm === "group" ? groups : 1;
}

/** By how much the network divides width and height of its input, as far as that is given. */
export function sideDivisors({ nnunet, ...given }: GivenSettings): readonly [x: number, y: number] {
  const halvings = 2 ** (given.depth ?? leastDepth(given));
  const [y, x] = nnunet?.stages === undefined ? [halvings, halvings] : nnunetDivisors({ stages: nnunet.stages });
  return [x, y];
}

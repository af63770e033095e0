import { plural } from "@lobule/data";
import { kindWith } from "../settings/augmentation-setting.js";
import { hasOverlap } from "../settings/loss-setting.js";
import { normalizationByName } from "../trainer/channel-settings.js";
import type { ClassFacts, DataFacts, Range } from "./data-facts.js";
import { channelMultiple, type GivenSettings, leastDepth, openChoices, sideDivisors } from "./given-settings.js";

/** A setting of a plan, and why it is what it is. */
export interface Choice {
  /** Keys of the setting in a configuration. */
  readonly setting: readonly string[];
  readonly value: unknown;
  /** Sentences, the source in the last one. */
  readonly reason: string;
}

/** What a plan depends on besides the data. */
export interface PlanBasis {
  readonly facts: DataFacts;
  /** What dataset.json says the images were taken with. */
  readonly modality: readonly string[];
  /** Whether the adapter is software, on which a step takes hundreds of times as long as on a GPU. */
  readonly software: boolean;
  /** Settings that are the user's, in the form of a configuration. */
  readonly given: GivenSettings;
}

const nnunet = "Isensee et al. 2021 (nnU-Net)";
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Sides that a network is given at most: the reference's slices, and what software computes in hours and not in days. */
const largestSide = { gpu: 512, software: 128 } as const;
/** Of what the sides of whole slices, and of patches, are multiples where the network does not ask for more. */
const [wholeMultiple, patchMultiple] = [16, 32] as const;
/** The smallest side at the bridge, and the most channels there. */
const [leastBridge, mostChannels, deepest] = [4, 512, 6] as const;
/** Steps of a whole training: tumors of a few pixels are found after two thousand, not after some hundred. */
const steps = { gpu: 25_000, software: 2500 } as const;
/** Passes over all slices that a software adapter is asked for at most. */
const mostPasses = 20;
const [fewestEpochs, mostEpochs] = [12, 1000] as const;
/** Steps from which on a pass over the slices is no epoch any more. */
const longEpoch = 250;
/** How many times the least spacing the most must be for slices to be brought to one. */
const differentSpacing = 1.1;
/** Batches that are tried, and the share of all slices that one may be. */
const [batches, largestShare] = [[32, 24, 16, 12, 8, 4, 2], 0.05] as const;
/** The largest batch: on software adapters the time goes by the slices, and passes are few, so that more steps are made of each. */
const largestBatch = { gpu: 32, software: 4 } as const;
/** Share of the slices with foreground from which on none need be drawn besides. */
const enoughForeground = 0.9;
/** Share of the slices that a class must be in for the overlap to be taken slice by slice. */
const inMostSlices = 0.9;
/** How far from the middle, as a share of a side, and in how many cases a class must lie to be one of one side. */
const [farFromMiddle, onOneSide] = [0.04, 0.9] as const;

/**
 * Settings for a data set, each with its reason, in an order in which each depends on those before it only. The batch is the
 * largest that suits the data; what fits the adapter's memory is for the caller to try ({@link smallerBatches}).
 * @throws RangeError when the data set has no slice.
 */
export function choosePlan(basis: PlanBasis): Choice[] {
  const { facts, given } = basis;
  if (facts.slices === 0) throw new RangeError("choosePlan: there is no slice");
  const input = inputOf(basis);
  const features = featuresOf(basis);
  const depth = depthOf(input.sides, Number(given.baseFeatures ?? features.value), leastDepth(given));
  const batch = batchOf(basis);
  const choices = [
    ...intensitiesOf(basis),
    ...input.choices,
    features,
    depth,
    batch,
    ...oversampleOf(basis),
    { setting: ["network", "preset"], value: "attention-res-unet", reason: "The reference's network." },
    ...lossOf(basis),
    ...augmentationOf(basis),
    ...scheduleOf(basis, Number(given.batch ?? batch.value)),
  ];
  return openChoices(choices, given);
}

/** Smaller batches than one, the largest first. */
export const smallerBatches = (batch: number): number[] => [...batches.filter((each) => each < batch), 1];

function intensitiesOf({ facts: { foreground }, modality, given }: PlanBasis): Choice[] {
  const isCt = modality.some((each) => /\bct\b/i.test(each));
  if ("window" in given) return [];
  if (modality.length > 1) {
    return [
      {
        setting: ["normalization"],
        value: modality.map(normalizationByName),
        reason: `${modality.length} channels, ${modality.join(", ")}: one named CT becomes z-scores by the foreground of the training cases, each other one by each image. Source: ${nnunet}.`,
      },
    ];
  }
  if (modality.length === 1 && !isCt) {
    const reason = `The images are ${modality[0]}, whose values have no fixed scale: each becomes z-scores by itself. Source: ${nnunet}.`;
    return [{ setting: ["normalization"], value: "image", reason }];
  }
  if (modality.length === 0 || foreground.voxels === 0 || !(foreground.low < foreground.high)) {
    const few = foreground.voxels === 0 ? "without foreground" : `whose foreground holds ${foreground.median} alone`;
    const what = modality.length === 0 ? "of no stated modality" : `${modality.join(", ")} ${few}`;
    const reason = `The images are ${what}: the window is found when the run begins.`;
    return [{ setting: ["window"], value: "auto", reason }];
  }
  return [
    {
      setting: ["normalization"],
      value: "foreground",
      reason: `CT: clipped to the 0.5th and 99.5th percentile of the training cases' foreground (about ${Math.round(foreground.low)} and ${Math.round(foreground.high)}, of all cases) and made z-scores by it. Source: ${nnunet}.`,
    },
  ];
}

/** What the network sees: its sides in pixels, and the settings that make it so. */
interface Input {
  readonly sides: readonly number[];
  readonly choices: readonly Choice[];
}

/**
 * Slices of the same spacing, in patches as large as the slice in the middle, where spacings differ and a GPU can take
 * it; else whole slices of one size.
 */
function inputOf(basis: PlanBasis): Input {
  const { facts, software, given } = basis;
  if (given.patch != null) return { sides: given.patch, choices: [] };
  if (given.size != null) return { sides: [given.size], choices: [] };
  const [x, y] = facts.spacing;
  const differs = pixelsDiffer(facts);
  // Null asks for slices at their own spacing, or for whole ones.
  const whole = given.spacing === null || given.patch === null;
  if (given.spacing == null && (whole || software || !differs)) {
    const size = sizeOf(basis);
    return { sides: [Number(size.value)], choices: given.size === null ? [] : [size] };
  }
  const spacing = given.spacing ?? [Number(x.median.toPrecision(3)), Number(y.median.toPrecision(3))];
  const sides = [facts.field.x.median / spacing[0], facts.field.y.median / spacing[1]];
  const most = software ? largestSide.software : largestSide.gpu;
  const divisors = sideDivisors(given);
  const multiples = divisors.map((each) => Math.max(patchMultiple, each));
  const patch = sides.map((side, axis) => {
    const [divisor = 1, multiple = 1] = [divisors[axis], multiples[axis]];
    return sideWithin(Math.round(side / multiple) * multiple, Math.max(multiple, 2 * divisor), most);
  });
  return {
    sides: patch,
    choices: [
      ...(given.spacing == null
        ? [
            {
              setting: ["spacing"],
              value: spacing,
              reason: `${pixelSides(facts)}; all slices are brought to the median, as ${nnunet} does.`,
            },
          ]
        : []),
      { setting: ["resampling"], value: "cubic", reason: `Images by splines, labels by class, as ${nnunet} does.` },
      {
        setting: ["patch"],
        value: patch,
        reason: `The extents of the slice in the middle at this spacing, ${sides.map((side) => Math.round(side)).join(" × ")}, to a multiple of ${[...new Set(multiples)].join(" and ")} and at most ${most}, as ${nnunet} does in 2D.`,
      },
    ],
  };
}

/** Whether cases have pixels of different sizes. */
const pixelsDiffer = ({ spacing: [x, y] }: DataFacts): boolean =>
  [x, y].some(({ least, most }) => most > differentSpacing * least);

/** "Pixels are from 0.6 to 0.95 mm wide and 0.8 mm high". */
function pixelSides({ spacing: [x, y] }: DataFacts): string {
  const text = ({ least, most }: Range): string => {
    const [low, high] = [least.toPrecision(3), most.toPrecision(3)];
    return low === high ? low : `from ${low} to ${high}`;
  };
  return text(x) === text(y) ? `Pixels are ${text(x)} mm wide` : `Pixels are ${text(x)} mm wide and ${text(y)} mm high`;
}

/** A side, but for what is too small for the network or larger than is usual. */
const sideWithin = (side: number, least: number, most: number): number => Math.max(least, Math.min(most, side));

function sizeOf({ facts, software, given }: PlanBasis): Choice {
  const own = Math.max(facts.width.median, facts.height.median);
  const divisor = Math.max(...sideDivisors(given));
  const multiple = Math.max(wholeMultiple, divisor);
  const most = software ? largestSide.software : largestSide.gpu;
  const value = sideWithin(Math.ceil(own / multiple) * multiple, Math.max(multiple, 2 * divisor), most);
  const kept = [facts.width, facts.height].every(({ least, most }) => least === value && most === value);
  const larger = `Whole slices, whose larger side is ${own} in the middle`;
  const why = software
    ? `a software adapter takes sixteen times as long for ${4 * value} as for ${value}`
    : `${value} is what the reference trains on`;
  const square = `a square of that side${own === value ? "" : `, up to a multiple of ${multiple}`}`;
  const resized = value < own ? `${larger}, shrunk: ${why}.` : `${larger}, each stretched to ${square}.`;
  const pixels =
    software && pixelsDiffer(facts) ? ` ${pixelSides(facts)}: one spacing for all is planned for a GPU only.` : "";
  const reason = `${kept ? "Whole slices at their own size." : resized}${pixels}`;
  return { setting: ["size"], value, reason };
}

function featuresOf({ software, given }: PlanBasis): Choice {
  const usual = software ? 8 : 32;
  const multiple = channelMultiple(given);
  const value = Math.ceil(usual / multiple) * multiple;
  const reason = software
    ? "The reference's: a step with 16 takes 3.3 times as long (bench/RESULTS.md), too long without a GPU."
    : `As ${nnunet}.`;
  return {
    setting: ["baseFeatures"],
    value,
    reason: value === usual ? reason : `The least from ${usual} on that ${multiple} groups divide.`,
  };
}

function depthOf(sides: readonly number[], features: number, least: number): Choice {
  const side = Math.min(...sides);
  const bySize = Math.floor(Math.log2(side / leastBridge));
  const byChannels = Math.floor(Math.log2(mostChannels / features));
  // Sides that cannot be halved so often are refused when the run begins.
  const byDivision = Math.min(...sides.map((each) => Math.log2(each & -each)));
  const fitting = Math.max(1, Math.min(bySize, byChannels, byDivision, deepest));
  return {
    setting: ["depth"],
    value: Math.max(least, fitting),
    reason:
      least > fitting
        ? "The fewest that the network which is given can have."
        : `${side} is halved until the bridge is at least ${leastBridge} wide and has at most ${mostChannels} channels: ${side / 2 ** fitting} and ${features * 2 ** fitting}. The limits are those of ${nnunet} in 2D.`,
  };
}

function batchOf({ facts: { slices }, software, given: { microBatch } }: PlanBasis): Choice {
  const most = software ? largestBatch.software : largestBatch.gpu;
  const found = batches.find((each) => each <= Math.min(most, largestShare * slices));
  const usual = found ?? 2;
  const value = Math.max(usual, microBatch ?? 1);
  const reason =
    value > usual
      ? `One part, since the parts that are given have ${value} slices.`
      : software && usual === most
        ? "Small, for more steps of the same slices: that took less time than more passes and was better on real CT and on small tumors (docs/results.md)."
        : found === undefined
          ? `The least that is planned, though more than 5 % of the ${plural(slices, "slice")}. Source of the 5 %: ${nnunet}.`
          : `At most 5 % of the ${slices} slices, and ${most} at most. Source of the 5 %: ${nnunet}.`;
  return { setting: ["batch"], value, reason };
}

function oversampleOf({ facts: { slices, foregroundSlices, classes }, given }: PlanBasis): Choice[] {
  // A few batches that are learned by heart are fixed.
  if (given.overfitBatches != null) return [];
  const held = `${percent(foregroundSlices / slices)} of the slices hold foreground`;
  const few = foregroundSlices / slices < enoughForeground;
  const rare = classes.find((each) => each.slices > 0 && each.slices < enoughForeground * slices);
  const byClass = given.oversampleBy === "class" || (rare !== undefined && given.oversampleBy === undefined);
  const found = rare === undefined ? held : `${held}, ${percent(rare.slices / slices)} the class ${rare.name}`;
  const drawn: Choice = {
    setting: ["oversample"],
    value: few || byClass ? 0.33 : 0,
    reason: few
      ? `${held}; a third of each batch, in whole slices, is drawn from these, as ${nnunet} does.`
      : byClass
        ? `${found}; a third of each batch, in whole slices, is drawn by class, as ${nnunet} does.`
        : `${held}, so none need be drawn besides.`,
  };
  if ((given.oversample ?? drawn.value) === 0 || classes.length < 2) return [drawn];
  return [
    drawn,
    {
      setting: ["oversampleBy"],
      value: "class",
      reason: `There are ${classes.length} classes: one is drawn first, then a slice that has it, as ${nnunet} does.`,
    },
  ];
}

function lossOf({ facts: { slices, classes }, given: { loss } }: PlanBasis): Choice[] {
  const kind = loss?.kind ?? "dice-ce";
  const chosen = { setting: ["loss", "kind"], value: kind, reason: `Cross-entropy and soft Dice loss, as ${nnunet}.` };
  // Without a term of overlap there is nothing to say of it.
  if (!hasOverlap(kind) || (loss !== undefined && "lambdaDice" in loss && loss.lambdaDice === 0)) return [chosen];
  const rare = classes.find((each) => each.slices < inMostSlices * slices);
  const dice = (part: string, value: boolean, reason: string): Choice => ({ setting: ["loss", part], value, reason });
  if (rare === undefined) {
    const held = "All classes are in most of the slices";
    return [
      chosen,
      dice("batchDice", false, `${held}, of which a small one counts as much as a large one then.`),
      dice("foregroundDice", false, `${held}, so the background can count like any other class.`),
    ];
  }
  const seldom = `The class ${rare.name} is in ${percent(rare.slices / slices)} of the slices`;
  return [
    chosen,
    dice("batchDice", true, `${seldom}; a slice without a class says nothing of its overlap. Source: ${nnunet} in 2D.`),
    dice("foregroundDice", true, `${seldom}; the background is left out, as ${nnunet} does.`),
  ];
}

function augmentationOf({ facts: { classes }, software, given }: PlanBasis): Choice[] {
  const augment = (part: string, value: unknown, reason: string): Choice => {
    return { setting: ["augmentation", part], value, reason };
  };
  const [across, along] = [sideOf(classes, "x"), sideOf(classes, "y")];
  const mirrored = `No class keeps to one side. Source: ${nnunet}.`;
  const notMirrored = (side: string): string =>
    `The class ${side}: mirror images would take away the side by which it is told from others.`;
  const kind = kindWith(given.augmentation) ?? (software ? "light" : "nnunet");
  if (kind === "nnunet") {
    const mirror = (part: string, side: string | undefined): Choice =>
      side === undefined ? augment(part, 0.5, mirrored) : augment(part, 0, notMirrored(side));
    return [
      augment("kind", "nnunet", `All changes of ${nnunet}, for which a long training has the time.`),
      mirror("leftRight", across),
      mirror("frontBack", along),
    ];
  }
  const side = across ?? along;
  const usual = "As --augment light has it.";
  return [
    augment("kind", "light", "Small changes: a short training does not come to see many large ones."),
    side === undefined ? augment("flip", 0.5, mirrored) : augment("flip", 0, notMirrored(side)),
    augment("rotation", 15, usual),
    augment("zoom", 0.25, "More than --augment light has, since patients differ by as much."),
    augment("intensity", 0.1, usual),
    augment("noise", 0.02, usual),
  ];
}

/**
 * The first class that keeps to one side of the body along an axis, and where it lies; undefined where there is none. One
 * case says nothing of the side on which others have it.
 */
function sideOf(classes: readonly ClassFacts[], axis: "x" | "y"): string | undefined {
  const found = classes.find(
    ({ offset: { [axis]: at } }) => at.cases > 1 && Math.abs(at.mean) > farFromMiddle && at.agreeing >= onOneSide,
  );
  if (found === undefined) return undefined;
  const { cases, mean, agreeing } = found.offset[axis];
  const places = axis === "x" ? ["to the right of", "to the left of"] : ["in front of", "behind"];
  const place = mean > 0 ? places[0] : places[1];
  return `${found.name} lies ${place} the middle in ${percent(agreeing)} of the ${cases} cases where it was found, by ${percent(Math.abs(mean))} of the slice on average`;
}

function scheduleOf({ facts, software, given }: PlanBasis, batch: number): Choice[] {
  const pass = Math.max(1, Math.ceil((0.8 * facts.slices) / batch));
  const all = software ? Math.min(steps.software, mostPasses * pass) : steps.gpu;
  const long = pass > longEpoch && !("stepsPerEpoch" in given) && given.overfitBatches == null;
  const perEpoch = given.stepsPerEpoch ?? (long ? longEpoch : pass);
  const epochs = Math.min(mostEpochs, Math.max(fewestEpochs, Math.round(all / perEpoch)));
  return [
    ...(long
      ? [
          {
            setting: ["stepsPerEpoch"],
            value: longEpoch,
            reason: `A pass over four fifths of the slices has ${pass} steps; an epoch of ${longEpoch}, as ${nnunet} has, is validated sooner.`,
          },
        ]
      : []),
    {
      setting: ["epochs"],
      value: epochs,
      reason: `${plural(perEpoch, "step")} an epoch${long ? "" : ", when four fifths of the slices are trained on"}: about ${epochs * perEpoch} in all${software ? ", what a software adapter can be asked for" : `; ${nnunet} takes 250,000`}.`,
    },
    ...rateOf(given),
    given.plateau === undefined
      ? {
          setting: ["schedule"],
          value: "polynomial",
          reason: `The rate falls to nothing over all steps, as in ${nnunet}.`,
        }
      : { setting: ["schedule"], value: "plateau", reason: "Since it is given when the rate falls at a plateau." },
    {
      setting: ["earlyStopping", "patience"],
      value: given.epochs ?? epochs,
      reason: "Never: the rate is planned for all epochs, and the best of them is kept.",
    },
  ];
}

function rateOf({ optimizer }: GivenSettings): Choice[] {
  if (optimizer?.kind !== "sgd") {
    return [{ setting: ["learningRate"], value: 1e-3, reason: "Of Adam, as in the runs of docs/results.md." }];
  }
  const reason = `Of SGD with Nesterov momentum, as ${nnunet} has it.`;
  return [
    { setting: ["learningRate"], value: 0.01, reason },
    { setting: ["optimizer", "momentum"], value: 0.99, reason },
  ];
}

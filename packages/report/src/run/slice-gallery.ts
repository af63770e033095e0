import type { Volume } from "@lobule/data";
import { diceCounts, scoresOf } from "@lobule/metrics";
import { alone, type Collective, gatherTexts, gatherTurns } from "@lobule/train";
import { Extremes, type Ranked } from "./extremes.js";
import type { GallerySlices, ReportSlice } from "./slices-section.js";

/** A slice without its pixels. */
type SliceFacts = Omit<ReportSlice, "image" | "truth" | "prediction">;

/** What a rank tells the others of the slices that it keeps. */
interface Told {
  readonly seen: number;
  readonly kept: readonly Ranked<SliceFacts>[];
}

/** A slice that a rank keeps: which of those that it told of. */
interface Kept {
  readonly rank: number;
  readonly index: number;
  readonly facts: SliceFacts;
}

/** Keeps the slices with the highest and the lowest Dice of all volumes that it is shown. */
export class SliceGallery {
  private readonly extremes: Extremes<ReportSlice>;
  private seen = 0;

  /**
   * @param classes their number, background included.
   * @param windowOf HU of a scan that are drawn black and white.
   * @param kept slices of each kind.
   */
  constructor(
    private readonly classes: number,
    private readonly windowOf: (scan: Volume) => readonly [number, number],
    private readonly kept = 4,
  ) {
    this.extremes = new Extremes(kept);
  }

  /** Looks at every slice of a case, all three volumes in canonical order. */
  look(caseName: string, scan: Volume, truth: Volume, prediction: Volume): void {
    const [width, height, depth] = scan.shape;
    const size = width * height;
    let window: readonly [number, number] | undefined;
    for (let z = 0; z < depth; z++) {
      const part = ({ data }: Volume) => data.subarray(z * size, (z + 1) * size);
      const { dice, predicted, target } = scoresOf(diceCounts(part(prediction), part(truth), this.classes));
      const shown = dice.map((score, c) => ((predicted[c] ?? 0) + (target[c] ?? 0) > 0 ? score : null));
      const foreground = shown.slice(1).filter((score) => score !== null);
      // A slice without any structure says nothing.
      if (foreground.length === 0) continue;
      this.seen++;
      const score = foreground.reduce((sum, each) => sum + each, 0) / foreground.length;
      this.extremes.offer(score, () => {
        window ??= this.windowOf(scan);
        const [low, high] = window;
        return {
          caseName,
          slice: z + 1,
          dice: shown,
          width,
          height,
          spacing: [scan.spacing[0], scan.spacing[1]],
          // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
          image: Float32Array.from(part(scan), (value) => (value - low) / (high - low)).reverse(),
          truth: Uint8Array.from(part(truth)).reverse(),
          prediction: Uint8Array.from(part(prediction)).reverse(),
        };
      });
    }
  }

  /**
   * What was kept, and of how many: of the volumes of all ranks, as if one had been shown them all.
   * @param order names of the cases of all ranks, in their order.
   */
  async slices(order: readonly string[], world: Collective = alone): Promise<GallerySlices> {
    const { extremes, seen, kept } = this;
    if (world.size === 1) {
      return {
        best: extremes.highest.map(({ item }) => item),
        worst: extremes.lowest.map(({ item }) => item),
        of: seen,
      };
    }
    const told = await tellAll(world, { seen, kept: extremes.all.map(withoutPixels) });
    const ofAll = new Extremes<Kept>(kept);
    for (const { score, item } of inOrder(told, order)) ofAll.offer(score, () => item);
    const chosen = ofAll.all.map(({ item }) => item);
    const own = chosen.flatMap(({ rank, index }) => (rank === world.rank ? (extremes.all[index] ?? []) : []));
    const pixels = await gatherTurns(
      world,
      own.map(({ item }) => pixelsOf(item)),
      chosen.map(({ rank, facts }) => ({ rank, length: 3 * facts.width * facts.height })),
    );
    const whole = new Map(chosen.map((each, i) => [each, withPixels(each.facts, pixels[i] ?? new Float32Array())]));
    const shown = (ranked: readonly Ranked<Kept>[]) => ranked.flatMap(({ item }) => whole.get(item) ?? []);
    return {
      best: shown(ofAll.highest),
      worst: shown(ofAll.lowest),
      of: told.reduce((sum, each) => sum + each.seen, 0),
    };
  }
}

async function tellAll(world: Collective, own: Told): Promise<Told[]> {
  const texts = await gatherTexts(world, JSON.stringify(own));
  return texts.map((text): Told => JSON.parse(text)); // of the same program
}

/** What all ranks keep, in the order in which one would have come to it. */
function inOrder(told: readonly Told[], order: readonly string[]): Ranked<Kept>[] {
  const at = new Map(order.map((name, i) => [name, i]));
  const place = ({ caseName }: SliceFacts): number => at.get(caseName) ?? order.length;
  return told
    .flatMap(({ kept }, rank) =>
      kept.map(({ score, item: facts }, index): Ranked<Kept> => ({ score, item: { rank, index, facts } })),
    )
    .sort(({ item: a }, { item: b }) => place(a.facts) - place(b.facts) || a.facts.slice - b.facts.slice);
}

function withoutPixels({ score, item }: Ranked<ReportSlice>): Ranked<SliceFacts> {
  const { image: _i, truth: _t, prediction: _p, ...facts } = item;
  return { score, item: facts };
}

/** Image, truth and prediction, one behind the other. */
function pixelsOf({ image, truth, prediction }: ReportSlice): Float32Array<ArrayBuffer> {
  const pixels = new Float32Array(3 * image.length);
  for (const [i, each] of [image, truth, prediction].entries()) pixels.set(each, i * image.length);
  return pixels;
}

/** The inverse of {@link pixelsOf}. */
function withPixels(facts: SliceFacts, pixels: Float32Array): ReportSlice {
  const size = facts.width * facts.height;
  return {
    ...facts,
    image: pixels.subarray(0, size),
    truth: Uint8Array.from(pixels.subarray(size, 2 * size)),
    prediction: Uint8Array.from(pixels.subarray(2 * size)),
  };
}

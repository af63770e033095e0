import type { Volume } from "@lobule/data";
import { diceCounts, scoresOf } from "@lobule/metrics";
import type { GallerySlices, ReportSlice } from "./slices-section.js";

/** A slice with what it is ranked by. */
interface Ranked {
  readonly score: number;
  readonly slice: ReportSlice;
}

/** Keeps the slices with the highest and the lowest Dice of all volumes that it is shown. */
export class SliceGallery {
  private best: Ranked[] = [];
  private worst: Ranked[] = [];
  private seen = 0;

  /**
   * @param classes their number, background included.
   * @param window HU that are drawn black and white.
   * @param kept slices of each kind.
   */
  constructor(
    private readonly classes: number,
    private readonly window: readonly [number, number],
    private readonly kept = 4,
  ) {}

  /** Looks at every slice of a case, all three volumes in canonical order. */
  look(caseName: string, scan: Volume, truth: Volume, prediction: Volume): void {
    const [width, height, depth] = scan.shape;
    const size = width * height;
    for (let z = 0; z < depth; z++) {
      const part = ({ data }: Volume) => data.subarray(z * size, (z + 1) * size);
      const { dice, predicted, target } = scoresOf(diceCounts(part(prediction), part(truth), this.classes));
      const shown = dice.map((score, c) => ((predicted[c] ?? 0) + (target[c] ?? 0) > 0 ? score : null));
      const foreground = shown.slice(1).filter((score) => score !== null);
      // A slice without any structure says nothing.
      if (foreground.length === 0) continue;
      this.seen++;
      const score = foreground.reduce((sum, each) => sum + each, 0) / foreground.length;
      this.offer(score, () => {
        const [low, high] = this.window;
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

  /** What was kept, and of how many. */
  slices(): GallerySlices {
    const shown = (ranked: readonly Ranked[]): ReportSlice[] => ranked.map(({ slice }) => slice);
    return { best: shown(this.best), worst: shown(this.worst), of: this.seen };
  }

  private offer(score: number, make: () => ReportSlice): void {
    const fits = (list: readonly Ranked[], better: (a: number, b: number) => boolean): boolean =>
      list.length < this.kept || better(score, list.at(-1)?.score ?? score);
    const goesHigh = fits(this.best, (a, b) => a > b);
    const goesLow = fits(this.worst, (a, b) => a < b);
    if (!goesHigh && !goesLow) return;
    const ranked = { score, slice: make() };
    if (goesHigh) this.best = [...this.best, ranked].sort((a, b) => b.score - a.score).slice(0, this.kept);
    if (goesLow) this.worst = [...this.worst, ranked].sort((a, b) => a.score - b.score).slice(0, this.kept);
  }
}

/** What is kept, with what it is ranked by. */
export interface Ranked<Item> {
  readonly score: number;
  readonly item: Item;
}

/** Keeps what has the highest and the lowest scores of all that it is offered; of equal scores, what came first. */
export class Extremes<Item> {
  private best: Ranked<Item>[] = [];
  private worst: Ranked<Item>[] = [];

  /** @param kept items of each kind. */
  constructor(private readonly kept: number) {}

  /** Highest first. */
  get highest(): readonly Ranked<Item>[] {
    return this.best;
  }

  /** Lowest first. */
  get lowest(): readonly Ranked<Item>[] {
    return this.worst;
  }

  /** All that is kept, each once. */
  get all(): readonly Ranked<Item>[] {
    return [...new Set([...this.best, ...this.worst])];
  }

  /** @param make what is kept, where it is. */
  offer(score: number, make: () => Item): void {
    const fits = (list: readonly Ranked<Item>[], better: (a: number, b: number) => boolean): boolean =>
      list.length < this.kept || better(score, list.at(-1)?.score ?? score);
    const goesHigh = fits(this.best, (a, b) => a > b);
    const goesLow = fits(this.worst, (a, b) => a < b);
    if (!goesHigh && !goesLow) return;
    const ranked = { score, item: make() };
    if (goesHigh) this.best = [...this.best, ranked].sort((a, b) => b.score - a.score).slice(0, this.kept);
    if (goesLow) this.worst = [...this.worst, ranked].sort((a, b) => a.score - b.score).slice(0, this.kept);
  }
}

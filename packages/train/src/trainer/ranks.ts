import { alone, type Collective, gather, rankName, requireSameFacts } from "../collective/collective.js";

/** How the ranks of a run share its work, in the epoch so far. */
export interface RankEffort {
  readonly size: number;
  /**
   * Share of the time, 0 to 1, that this rank spent in exchanging, waiting for the others included; its GPU may have computed
   * meanwhile.
   */
  readonly exchangeShare: number;
  /** The rank that computed longest. */
  readonly slowest: string;
}

export interface RanksOptions {
  readonly world?: Collective;
  /** Milliseconds; for shares of time only. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

/** The processes that train a run, as its trainer sees them: they stop together, and it is known which of them is slow. */
export class Ranks {
  /** Its exchanges are timed. */
  readonly world: Collective;
  private readonly now: () => number;
  private readonly signal: AbortSignal | undefined;
  private started = 0;
  /** Milliseconds in exchanges since the epoch began. */
  private waited = 0;
  /** Milliseconds that each rank computed since then, as far as they were told. */
  private computed: readonly number[] = [];

  constructor({ world = alone, now, signal }: RanksOptions) {
    this.now = now;
    this.signal = signal;
    const exchange: Collective["exchange"] = async (parts, lengths) => {
      const before = now();
      try {
        return await world.exchange(parts, lengths);
      } finally {
        this.waited += now() - before;
      }
    };
    this.world = world.size === 1 ? world : { ...world, exchange, at: (place) => world.at(place) };
  }

  /** Whether this rank writes the run folder. */
  get writes(): boolean {
    return this.world.rank === 0;
  }

  /** Begins to time an epoch. */
  begin(): void {
    this.started = this.now();
    this.waited = 0;
    this.computed = [];
  }

  /**
   * Each rank updates weights of its own; that they are the same is seen here, and not believed.
   * @throws RankError when `what`, whose SHA-256 `digest` gives, differs in another rank.
   */
  async requireSame(what: string, digest: () => Promise<string>): Promise<void> {
    if (this.world.size > 1) await requireSameFacts(this.world, { [what]: await digest() });
  }

  /** Whether any rank was asked to stop; all ask at the same step. */
  async stopping(): Promise<boolean> {
    const { world } = this;
    const own = this.signal?.aborted === true;
    if (world.size === 1) return own;
    const computed = this.now() - this.started - this.waited;
    const told = await gather(world, Float32Array.of(own ? 1 : 0, computed), Array<number>(world.size).fill(2));
    this.computed = told.map(([, milliseconds = 0]) => milliseconds);
    return told.some(([stop]) => stop === 1);
  }

  /** Undefined where one process trains alone. */
  get effort(): RankEffort | undefined {
    const { world, computed, waited } = this;
    if (world.size === 1 || computed.length === 0) return undefined;
    const slowest = computed.indexOf(Math.max(...computed));
    const total = this.now() - this.started;
    return {
      size: world.size,
      exchangeShare: total > 0 ? Math.min(1, waited / total) : 0,
      slowest: rankName(world, slowest),
    };
  }
}

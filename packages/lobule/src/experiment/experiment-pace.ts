import { plural } from "@lobule/data";

/** How far an experiment is, and how long it may still take. */
export class ExperimentPace {
  /** Epochs of each run that has not ended. */
  private readonly running: Map<string, number>;
  private readonly runs: number;
  private readonly began: number;
  /** Epochs that were trained since the start of this process. */
  private trained = 0;

  /**
   * @param runs each with the epochs that it has had.
   * @param epochs of every run.
   * @param now seconds.
   */
  constructor(
    runs: readonly { readonly name: string; readonly epochs: number }[],
    private readonly epochs: number,
    private readonly now: () => number,
  ) {
    this.runs = runs.length;
    this.running = new Map(runs.map(({ name, epochs: done }) => [name, done]));
    this.began = now();
  }

  /** A run trains no further. */
  ended(name: string): void {
    this.running.delete(name);
  }

  /**
   * Minutes until every run has had its epochs, at the pace so far; more than it takes where runs stop before. Undefined
   * before the first epoch.
   */
  minutesLeft(): number | undefined {
    if (this.trained === 0) return undefined;
    const left = [...this.running.values()].reduce((sum, done) => sum + Math.max(0, this.epochs - done), 0);
    return ((this.now() - this.began) / this.trained) * (left / 60);
  }

  /** A JSON line that a run printed after an epoch, as a person reads it; any other line as it is. */
  line(json: string, name: string, number: number): string {
    const record = epochOf(json);
    if (record === undefined) return `${name}  ${json}`;
    this.running.set(name, record.epoch + 1);
    this.trained++;
    const [epoch, ...figures] = partsOf(record, this.epochs);
    const minutes = Math.ceil(this.minutesLeft() ?? 0);
    return [
      `run ${number} of ${this.runs}`,
      name,
      epoch,
      ...(minutes > 0 ? [`${plural(minutes, "minute")} left`] : []),
      ...figures,
    ].join("  ");
  }
}

/** A JSON line that a run printed after one of its epochs, as a person reads it; any other line as it is. */
export function epochText(json: string, epochs: number): string {
  const record = epochOf(json);
  return record === undefined ? json : partsOf(record, epochs).join("  ");
}

function partsOf({ epoch, training, validation }: Epoch, epochs: number): string[] {
  const dice = validation.dice.perCase.slice(1).map((each) => each?.toFixed(3) ?? "-");
  return [
    `epoch ${epoch + 1}/${epochs}`,
    `loss ${training.loss.toFixed(4)}`,
    `validation ${validation.loss.toFixed(4)}`,
    `Dice ${dice.join(" ")}`,
  ];
}

interface Epoch {
  readonly epoch: number;
  readonly training: { readonly loss: number };
  readonly validation: { readonly loss: number; readonly dice: { readonly perCase: readonly (number | null)[] } };
}

function epochOf(json: string): Epoch | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && "epoch" in value ? (value as Epoch) : undefined;
  } catch {
    return undefined;
  }
}

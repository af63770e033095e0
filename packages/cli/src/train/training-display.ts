import type { EpochRecord, StepProgress } from "@lobule/train";
import { say, sayJson } from "../shared/output.js";
import { progress } from "../shared/progress.js";

/** Shows a run as it goes: bars on a terminal, plain lines elsewhere, an object a line with --json. */
export class TrainingDisplay {
  private bar: ReturnType<typeof progress> | undefined;
  private label = "";

  /** Whether a step was seen. */
  private begun = false;

  constructor(
    private readonly json: boolean,
    private readonly classes: () => readonly string[],
  ) {}

  step({ epoch, step, steps, loss, dice, slicesPerSecond, waitedShare, secondsLeft }: StepProgress): void {
    if (!this.begun && !this.json) {
      this.end();
      // The clock began with the process.
      say(`first steps done ${(performance.now() / 1000).toFixed(1)} s after the start`);
    }
    this.begun = true;
    const scores = dice.slice(1).map((each) => each.toFixed(2));
    this.show(
      `epoch ${epoch + 1}`,
      step,
      steps,
      `loss ${loss.toFixed(3)} Dice ${scores.join(" ")} ${slicesPerSecond.toFixed(1)}/s, wait ${(100 * waitedShare).toFixed(0)}%, ${clock(secondsLeft)}`,
    );
  }

  validating(done: number, total: number): void {
    this.show("validating", done, total, "");
  }

  epoch(record: EpochRecord): void {
    this.end();
    if (this.json) {
      sayJson(JSON.stringify(record));
      return;
    }
    const { epoch, training, validation, learningRate, slicesPerSecond, seconds, best } = record;
    const dice = this.classes()
      .map((name, c) => (c === 0 ? "" : `${name} ${validation.dice.perCase[c]?.toFixed(3) ?? "-"}`))
      .filter((each) => each !== "");
    say(
      `epoch ${String(epoch + 1).padStart(3)}  loss ${fixed(training.loss)}  validation ${fixed(validation.loss)}${best ? "*" : " "}  Dice ${dice.join(", ")}  lr ${learningRate.toPrecision(2)}  ${slicesPerSecond.toFixed(1)} slices/s  ${seconds.toFixed(0)} s`,
    );
  }

  note(text: string): void {
    this.end();
    console.error(`note: ${text}`);
  }

  decoded(done: number, total: number, name: string): void {
    this.show("decoding", done, total, name);
  }

  end(): void {
    this.bar?.end();
    this.bar = undefined;
  }

  private show(label: string, done: number, total: number, detail: string): void {
    if (this.bar === undefined || label !== this.label) {
      this.end();
      this.label = label;
      this.bar = progress(label);
    }
    this.bar.update(done, total, detail);
  }
}

const fixed = (value: number): string => value.toFixed(4);

const clock = (seconds: number): string =>
  Number.isFinite(seconds) ? `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}` : "";

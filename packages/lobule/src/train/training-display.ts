import { runSecondsLeft } from "@lobule/report";
import { type EpochRecord, epochRecordLine, type StepProgress } from "@lobule/train";
import { say, sayJson, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { clock, partsInLines } from "../shared/text.js";

/** Shows a run as it goes: bars on a terminal, plain lines elsewhere, an object a line with --json. */
export class TrainingDisplay {
  private bar: ReturnType<typeof progress> | undefined;
  private label = "";

  /** Of the last epoch. */
  private epochSeconds: number | undefined;

  /** Whether a step was seen. */
  private begun = false;

  constructor(
    private readonly json: boolean,
    private readonly classes: () => readonly string[],
  ) {}

  step(step: StepProgress): void {
    if (!this.begun && !this.json) {
      this.end();
      // The clock began with the process.
      say(`first steps done ${(performance.now() / 1000).toFixed(1)} s after the start`);
    }
    this.begun = true;
    const { epoch, epochs, loss, dice, slicesPerSecond, waitedShare, secondsLeft, ranks } = step;
    const run = runSecondsLeft(step, this.epochSeconds);
    const scores = dice.slice(1).map((each) => each.toFixed(2));
    this.show(
      `epoch ${epoch + 1}/${epochs}`,
      step.step,
      step.steps,
      ...(Number.isFinite(run) ? [`left: epoch ${clock(secondsLeft)}, run ${clock(run)}`] : []),
      `loss ${loss.toFixed(3)}`,
      `Dice ${scores.join(" ")}`,
      `${slicesPerSecond.toFixed(1)} slices/s`,
      `waiting ${(100 * waitedShare).toFixed(0)} %`,
      ...(ranks === undefined
        ? []
        : [`exchanging ${(100 * ranks.exchangeShare).toFixed(0)} %, slowest ${ranks.slowest}`]),
    );
  }

  validating(done: number, total: number): void {
    this.show("validating", done, total);
  }

  epoch(record: EpochRecord): void {
    this.end();
    this.epochSeconds = record.seconds;
    if (this.json) {
      sayJson(epochRecordLine(record));
      return;
    }
    const { epoch, training, validation, learningRate, slicesPerSecond, seconds, best } = record;
    const dice = this.classes()
      .map((name, c) => (c === 0 ? "" : `${name} ${validation.dice.perCase[c]?.toFixed(3) ?? "-"}`))
      .filter((each) => each !== "");
    const parts = [
      `epoch ${String(epoch + 1).padStart(3)}`,
      `loss ${fixed(training.loss)}`,
      `validation ${fixed(validation.loss)}${best ? "*" : " "}`,
      `Dice ${dice.join(", ")}`,
      `lr ${learningRate.toPrecision(2)}`,
      `${slicesPerSecond.toFixed(1)} slices/s`,
      `${seconds.toFixed(0)} s`,
    ];
    say(...partsInLines(parts, " ".repeat(11)));
  }

  note(text: string): void {
    this.end();
    warn(`note: ${text}`);
  }

  decoded(done: number, total: number, name: string): void {
    this.show("decoding", done, total, name);
  }

  end(): void {
    this.bar?.end();
    this.bar = undefined;
  }

  private show(label: string, done: number, total: number, ...details: readonly string[]): void {
    if (this.bar === undefined || label !== this.label) {
      this.end();
      this.label = label;
      this.bar = progress(label);
    }
    this.bar.update(done, total, ...details);
  }
}

const fixed = (value: number): string => value.toFixed(4);

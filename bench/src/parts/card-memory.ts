import { spawn } from "node:child_process";
import type { CardMemory } from "./part.js";

/** Bytes that are used on the first graphics card, of each line that nvidia-smi prints. */
export const usedBytes = (text: string): number[] =>
  text.split("\n").flatMap((line) => (/^\s*\d+\s*$/.test(line) ? [Number(line) * 2 ** 20] : []));

/** Milliseconds between two looks at the card. */
const between = 100;
/** Milliseconds that the first look may take: without a persistent driver the card is started for it. */
const patience = 5000;

/** Watches what all processes together use of an NVIDIA card. */
export class CardWatch {
  private readonly used: number[] = [];
  private readonly ended: Promise<void>;

  private constructor(private readonly child: ReturnType<typeof spawn>) {
    let rest = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split("\n");
      rest = lines.pop() ?? "";
      this.used.push(...usedBytes(lines.join("\n")));
    });
    this.ended = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", () => resolve());
    });
  }

  /** Begins, and waits until the card was seen once; a watch that sees nothing gives null at its end. */
  static async start(): Promise<CardWatch> {
    const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0", `--loop-ms=${between}`];
    const watch = new CardWatch(spawn("nvidia-smi", query, { stdio: ["ignore", "pipe", "ignore"] }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    const seen = new Promise<void>((resolve) => watch.child.stdout?.once("data", () => resolve()));
    await Promise.race([seen, watch.ended, late]).finally(() => clearTimeout(timer));
    return watch;
  }

  /** Ends the watch. */
  stop(): CardMemory | null {
    this.child.kill();
    const [beforeBytes] = this.used;
    return beforeBytes === undefined ? null : { beforeBytes, mostBytes: Math.max(...this.used) };
  }
}

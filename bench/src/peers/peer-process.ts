import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type {
  ForwardRequest,
  PeerMemory,
  PeerRequest,
  PeerStart,
  Started,
  StepAnswer,
  TimeAnswer,
  VolumeRequest,
} from "./peer-protocol.js";

/** A peer ended or answered something else; the message holds what it wrote. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

/** How a peer is run. */
export interface PeerCommand {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What to say when the command cannot be run. */
  readonly absent: string;
  /** Seconds that it may take for an answer; compilers of graphs can take minutes. */
  readonly limit: number;
}

/** The reference network in a process of its own, which runs a step whenever it is told to: a JSON line each way. */
export class PeerProcess {
  private readonly lines: AsyncIterator<string>;
  private errors = "";
  /** What it says of itself: versions, threads or adapter. */
  description = "";
  /** Whether it takes steps. */
  trains = true;

  private constructor(
    private readonly child: ChildProcess,
    private readonly limit: number,
    lines: AsyncIterable<string>,
  ) {
    this.lines = lines[Symbol.asyncIterator]();
    // What ends before it reads a request is found by its missing answer.
    child.stdin?.on("error", () => undefined);
    child.stderr?.on("data", (bytes: Buffer) => {
      this.errors = (this.errors + bytes.toString()).slice(-2000);
    });
  }

  /** @throws PeerError when it cannot be run, or not with what it is given. */
  static async start(
    { command, parameters, environment, absent, limit }: PeerCommand,
    start: PeerStart,
  ): Promise<PeerProcess> {
    const env = { ...process.env, ...environment };
    const child = spawn(command, parameters, { env, stdio: ["pipe", "pipe", "pipe"] });
    const failed = new Promise<never>((_, reject) => {
      child.once("error", () => reject(new PeerError(absent)));
    });
    const peer = new PeerProcess(child, limit, createInterface({ input: child.stdout }));
    const { version, threads, description, trains } = await Promise.race([
      failed,
      peer.ask<Started>({ do: "start", ...start }),
    ]);
    peer.description = description ?? `PyTorch ${version}${threads === 0 ? ", CUDA" : `, ${threads} threads`}`;
    peer.trains = trains ?? true;
    return peer;
  }

  /** Trains so many steps and waits for the end of the last. */
  step(times = 1): Promise<StepAnswer> {
    return this.ask({ do: "step", times });
  }

  forward(request: ForwardRequest = { times: 1 }): Promise<TimeAnswer> {
    return this.ask({ do: "forward", ...request });
  }

  /** Labels a volume. */
  volume(request: VolumeRequest): Promise<TimeAnswer> {
    return this.ask({ do: "volume", ...request });
  }

  /** Ends the process. */
  async end(): Promise<PeerMemory> {
    const memory = await this.ask<PeerMemory>({ do: "end" });
    this.child.stdin?.end();
    return memory;
  }

  kill(): void {
    this.child.kill();
  }

  private async ask<Answer>(request: PeerRequest): Promise<Answer> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.kill();
        reject(new PeerError(`it gave no answer in ${this.limit} s; --peer-limit gives it more`));
      }, 1000 * this.limit);
    });
    const { value, done } = await Promise.race([this.lines.next(), late]).finally(() => clearTimeout(timer));
    if (done === true) throw new PeerError(`it ended before it answered${lastError(this.errors)}`);
    return JSON.parse(value) as Answer;
  }
}

/** The line that tells most: the last that names an error, else the last. */
function lastError(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const line = lines.findLast((each) => /^[A-Z]\w*Error\b/.test(each)) ?? lines.findLast((each) => each !== "");
  return line === undefined ? "" : `: ${line.replace(/^lobule: /, "")}`;
}

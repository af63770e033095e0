import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The environment in which glibc's malloc gives PyTorch its best time on a CPU: pages are kept and not returned. */
const tunedMalloc = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "17179869184",
  MALLOC_TOP_PAD_: "268435456",
};

export type PyTorchMode = "eager" | "channels-last" | "amp" | "compile";

/** Where the script lies: beside the sources, and in the bundle. */
const scripts = ["../../peers/pytorch.py", "../peers/pytorch.py", "./peers/pytorch.py"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** A peer ended or answered something else; the message holds what it wrote. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

/** What a peer is given to start from. */
export interface PeerStart {
  /** Safetensors: start values by name, and `image`, `target`. */
  readonly path: string;
  readonly baseFeatures: number;
  readonly learningRate: number;
  /** Of PyTorch on the CPU; it takes half of the machine's own accord. */
  readonly threads: number;
}

/** The reference network in a Python process of its own, which runs a step whenever it is told to. */
export class PyTorchPeer {
  private readonly lines: AsyncIterator<string>;
  private errors = "";
  /** Version of PyTorch and number of its threads. */
  description = "";

  private constructor(
    private readonly child: ChildProcess,
    lines: AsyncIterable<string>,
  ) {
    this.lines = lines[Symbol.asyncIterator]();
    child.stderr?.on("data", (bytes: Buffer) => {
      this.errors = (this.errors + bytes.toString()).slice(-2000);
    });
  }

  /** @throws PeerError when Python or PyTorch is not there, or cannot run in this mode. */
  static async start(
    python: string,
    device: "cpu" | "cuda",
    mode: PyTorchMode,
    malloc: "tuned" | "as installed",
    start: PeerStart,
  ): Promise<PyTorchPeer> {
    const script = scripts.find((path) => existsSync(path));
    if (script === undefined) throw new PeerError("the script of the PyTorch peer is missing from this installation");
    const env = { ...process.env, ...(malloc === "tuned" ? tunedMalloc : {}) };
    const child = spawn(python, [script, device, mode], { env, stdio: ["pipe", "pipe", "pipe"] });
    const failed = new Promise<never>((_, reject) => {
      child.once("error", () => reject(new PeerError(`${python} cannot be run; name another with --python`)));
    });
    const peer = new PyTorchPeer(child, createInterface({ input: child.stdout }));
    const { version, threads } = await Promise.race([
      failed,
      peer.ask<{ version: string; threads: number }>({ do: "start", ...start }),
    ]);
    peer.description = `PyTorch ${version}${device === "cpu" ? `, ${threads} threads` : ", CUDA"}`;
    return peer;
  }

  step(): Promise<{ readonly milliseconds: number; readonly loss: number }> {
    return this.ask({ do: "step" });
  }

  forward(): Promise<{ readonly milliseconds: number }> {
    return this.ask({ do: "forward" });
  }

  /** Ends the process. @returns bytes on the GPU at most, where there is one. */
  async end(): Promise<number | null> {
    const { peakBytes } = await this.ask<{ peakBytes: number | null }>({ do: "end" });
    this.child.stdin?.end();
    return peakBytes;
  }

  kill(): void {
    this.child.kill();
  }

  private async ask<Answer>(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.child.stdin?.on("error", () => undefined).write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) {
      const last = this.errors.trim().split("\n").at(-1) ?? "";
      throw new PeerError(`PyTorch ended before it answered${last === "" ? "" : `: ${last}`}`);
    }
    return JSON.parse(value) as Answer;
  }
}

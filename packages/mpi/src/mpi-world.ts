import { existsSync, fstatSync } from "node:fs";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { ownIdentity } from "@lobule/node";
import { type Collective, RankError, rankName } from "@lobule/train";
import { type Launched, MpiError, requireSize } from "./launched.js";
import type { Answer, End, Request, Start, Transfer } from "./messages.js";

/** Milliseconds of silence after which a rank counts as hanging. */
const patience = 20_000;
/** Milliseconds between signs of life of this thread. */
const beat = 1000;

/** The compiled worker: beside this file, or, when this runs from its source, in the build's folder. */
function compiledWorker(): URL {
  const beside = new URL("./mpi-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../dist/mpi-worker.js", import.meta.url);
}

/**
 * Checks that the connection to MPICH's mpiexec, or to srun in its place, is the one that it opened.
 * @throws MpiError where it was not passed on to this process.
 */
function requireConnection({ PMI_FD: descriptor }: NodeJS.ProcessEnv): void {
  if (descriptor === undefined || isSocket(Number(descriptor))) return;
  throw new MpiError(
    "the launcher gave its processes a connection (PMI_FD), which did not reach this one; npx does not pass it on, so start the command itself, as by mpiexec -n 2 node_modules/.bin/lobule",
  );
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false; // it is closed
  }
}

/** An exchange that is awaited. */
interface Awaited {
  resolve(): void;
  reject(error: Error): void;
}

type Opened = Extract<Answer, { readonly kind: "open" }>;

/** The processes that a launcher started, connected by MPI. A thread of its own calls MPI. */
export class MpiWorld implements Collective {
  readonly rank: number;
  readonly size: number;
  readonly hosts: readonly string[];
  /** Name and version of MPI. */
  readonly version: string;
  private readonly awaited = new Map<number, Awaited>();
  private readonly memory = new Map<string, SharedArrayBuffer>();
  private readonly life: NodeJS.Timeout;
  private exchanges = 0;
  private place = "the start";
  private failure: Error | undefined;
  private closed: (() => void) | undefined;

  private constructor(
    private readonly worker: Worker,
    private readonly port: MessagePort,
    private readonly signals: Int32Array<SharedArrayBuffer>,
    { rank, size, hosts, version }: Opened,
  ) {
    this.rank = rank;
    this.size = size;
    this.hosts = hosts;
    this.version = version;
    this.life = setInterval(() => Atomics.add(signals, 1, 1), beat).unref();
    worker.on("message", (answer: Answer) => this.hear(answer));
    worker.on("error", (error) => this.fail(error));
  }

  /**
   * Joins the processes that were started together with this one.
   * @param library file of MPI; the one that fits the launcher by default.
   * @throws MpiError where there is no MPI, it does not know of all of them, or npx stands between them and it.
   */
  static async open(launched: Launched, library?: string): Promise<MpiWorld> {
    requireConnection(process.env);
    // UCX, which moves the bytes of some MPI libraries, else writes over the code of mmap and its like to see what is mapped,
    // while other threads may be in it: https://github.com/openucx/ucx/issues/3831. A worker cannot set the variable for C.
    process.env.UCX_MEM_EVENTS ??= "n";
    const { port1, port2 } = new MessageChannel();
    const signals = new Int32Array(new SharedArrayBuffer(8));
    const start: Start = { port: port2, signals, library, identity: ownIdentity(), patience };
    const worker = new Worker(compiledWorker(), { workerData: start, transferList: [port2], execArgv: [] });
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if (answer.kind !== "open") throw new MpiError(answer.kind === "failed" ? answer.message : "MPI was not opened");
    const world = new MpiWorld(worker, port1, signals, answer);
    try {
      requireSize(launched, answer.size, answer.version);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  at(place: string): void {
    this.place = place;
  }

  async exchange(parts: readonly Float32Array[], lengths: readonly number[]): Promise<readonly Float32Array[]> {
    const { rank } = this;
    const sends = parts.flatMap((part, peer): Transfer[] => {
      if (peer === rank || part.length === 0) return [];
      const bytes = this.room("to", peer, part.length);
      new Float32Array(bytes.buffer, 0, part.length).set(part);
      return [{ peer, bytes }];
    });
    const receives = lengths.flatMap((length, peer): Transfer[] =>
      peer === rank || length === 0 ? [] : [{ peer, bytes: this.room("from", peer, length) }],
    );
    await this.moved(sends, receives);
    const from = new Map(receives.map(({ peer, bytes }) => [peer, bytes]));
    return lengths.map((length, peer) => {
      if (peer === rank) return parts[rank] ?? new Float32Array();
      const bytes = from.get(peer);
      return bytes === undefined ? new Float32Array() : new Float32Array(bytes.buffer, 0, length);
    });
  }

  /** Waits until all ranks are done, and leaves MPI. */
  async close(): Promise<void> {
    if (this.failure === undefined) {
      const one = Array<Float32Array>(this.size).fill(Float32Array.of(0));
      await this.exchange(
        one,
        one.map(() => 1),
      );
      await new Promise<void>((resolve, reject) => {
        this.closed = resolve;
        this.awaited.set(-1, { resolve, reject });
        this.post({ kind: "close" });
      });
    }
    clearInterval(this.life);
    this.port.close();
    await this.worker.terminate();
  }

  /**
   * Ends all processes, because this rank cannot go on; it does not return while MPI does what it should.
   * @param error what is the matter; where it came from another rank, that is known there.
   */
  async end(error: unknown, exitCode: number): Promise<void> {
    const { rank } = this;
    const why = error instanceof Error ? error.message : String(error);
    const end = error instanceof RankError ? undefined : { rank, why: `gave up: ${why}`, teller: rank, exitCode };
    this.post({ kind: "end", end, exitCode });
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }

  private moved(sends: readonly Transfer[], receives: readonly Transfer[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const id = this.exchanges++;
    return new Promise((resolve, reject) => {
      this.awaited.set(id, { resolve, reject });
      this.post({ kind: "exchange", id, sends, receives });
    });
  }

  private post(request: Request): void {
    this.port.postMessage(request);
    Atomics.add(this.signals, 0, 1);
    Atomics.notify(this.signals, 0);
  }

  private hear(answer: Answer): void {
    if (answer.kind === "exchanged") {
      this.awaited.get(answer.id)?.resolve();
      this.awaited.delete(answer.id);
    } else if (answer.kind === "ended") this.fail(this.lost(answer.end));
    else if (answer.kind === "failed") this.fail(new MpiError(answer.message));
    else if (answer.kind === "closed") this.closed?.();
  }

  private lost({ rank, why, teller, exitCode }: End): RankError {
    return new RankError(`${rankName(this, rank)} ${why}, when this rank was at ${this.place}`, { teller, exitCode });
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.awaited.values()) reject(error);
    this.awaited.clear();
  }

  /** Shared memory for what a rank is sent or sends, used again. */
  private room(direction: "to" | "from", peer: number, length: number): Uint8Array<SharedArrayBuffer> {
    const name = `${direction} ${peer}`;
    const bytes = 4 * length;
    let buffer = this.memory.get(name);
    if (buffer === undefined || buffer.byteLength < bytes) {
      buffer = new SharedArrayBuffer(bytes);
      this.memory.set(name, buffer);
    }
    return new Uint8Array(buffer, 0, bytes);
  }
}

import { receiveMessageOnPort } from "node:worker_threads";
import { MpiError } from "./launched.js";
import type { Answer, End, Request, Start } from "./messages.js";
import { MpiLibrary, type MpiRequest } from "./mpi-library.js";
import { meet, Peers, tags } from "./peers.js";
import { Silence } from "./silence.js";

/** Milliseconds between looks at MPI: soon after an exchange began, later, and without one. */
const pauses = { soon: 0.1, later: 1, idle: 20 } as const;
/** Milliseconds that "soon" is. */
const soon = 10;
/** Milliseconds in which the others can be told why this rank ends. */
const farewell = 1000;

/** An exchange under way. */
interface Exchange {
  readonly id: number;
  readonly begun: number;
  readonly requests: readonly MpiRequest[];
}

/** The thread that calls MPI: it does what the main thread asks, and watches the other ranks. */
export class MpiThread {
  private exchanges: Exchange[] = [];
  private closing = false;
  private ended = false;
  /** The last sign of life of the main thread, and how long there was none. */
  private sign = 0;
  private readonly silence: Silence;

  private constructor(
    private readonly start: Start,
    private readonly answer: (answer: Answer) => void,
    private readonly mpi: MpiLibrary,
    private readonly peers: Peers,
  ) {
    this.silence = new Silence(start.patience, performance.now());
  }

  /** Opens MPI and serves the main thread until it is closed. */
  static run(start: Start, answer: (answer: Answer) => void): void {
    try {
      const mpi = MpiLibrary.open(start.library, process.env);
      const wait = (): unknown => Atomics.wait(start.signals, 0, Atomics.load(start.signals, 0), pauses.later);
      const identities = meet(mpi, start.identity, wait);
      const hosts = identities.map(({ host }) => host);
      const thread = new MpiThread(start, answer, mpi, new Peers(mpi, identities, start.patience));
      answer({ kind: "open", rank: mpi.rank, size: mpi.size, version: mpi.version, hosts });
      thread.serve();
    } catch (error) {
      answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  private serve(): void {
    const { signals, port } = this.start;
    while (true) {
      const seen = Atomics.load(signals, 0);
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        this.take(next.message as Request);
      }
      this.move();
      if (this.closing && this.exchanges.length === 0) break;
      if (!this.ended) this.watch();
      Atomics.wait(signals, 0, seen, this.pause);
    }
    this.peers.close();
    this.mpi.finalize();
    this.answer({ kind: "closed" });
  }

  private get pause(): number {
    const last = this.exchanges.at(-1);
    if (last === undefined) return pauses.idle;
    return performance.now() - last.begun < soon ? pauses.soon : pauses.later;
  }

  private take(request: Request): void {
    const { mpi } = this;
    if (request.kind === "exchange") {
      const { id, sends, receives } = request;
      const requests = [
        ...receives.map(({ peer, bytes }) => mpi.receive(bytes, peer, tags.exchange)),
        ...sends.map(({ peer, bytes }) => mpi.send(bytes, peer, tags.exchange)),
      ];
      this.exchanges.push({ id, begun: performance.now(), requests });
    } else if (request.kind === "close") this.closing = true;
    else this.end(request.end, request.exitCode);
  }

  /** Lets MPI move what is under way. */
  private move(): void {
    this.exchanges = this.exchanges.flatMap((exchange) => {
      const requests = exchange.requests.filter((request) => !this.mpi.isDone(request));
      if (requests.length > 0) return [{ ...exchange, requests }];
      this.answer({ kind: "exchanged", id: exchange.id });
      return [];
    });
  }

  /** Says so when a rank is missing, or the main thread of this one. */
  private watch(): void {
    const { start, peers, mpi } = this;
    const found = peers.look();
    if (found !== undefined) {
      this.ended = true;
      // Who was told need not tell.
      if (found.rank !== mpi.rank) peers.tell(found);
      this.answer({ kind: "ended", end: found });
    }
    const sign = Atomics.load(start.signals, 1);
    const heard = sign !== this.sign;
    this.sign = sign;
    if (!this.silence.look(performance.now(), heard)) return;
    const seconds = (start.patience / 1000).toFixed(0);
    const teller = mpi.rank === 0 ? 1 : 0;
    this.end({ rank: mpi.rank, why: `has been stuck for ${seconds} s`, teller, exitCode: 1 }, 1);
  }

  /** Tells the others why this rank ends, where they do not know, and ends all. */
  private end(end: End | undefined, exitCode: number): void {
    this.ended = true;
    const { signals } = this.start;
    let open: readonly MpiRequest[] = end === undefined ? [] : this.peers.tell(end);
    const begun = performance.now();
    // Time for others, too, to say what is to be said.
    while (performance.now() - begun < farewell) {
      open = open.filter((request) => !this.mpi.isDone(request));
      Atomics.wait(signals, 0, Atomics.load(signals, 0), pauses.idle);
    }
    this.mpi.abort(exitCode);
    throw new MpiError("MPI did not end this process");
  }
}

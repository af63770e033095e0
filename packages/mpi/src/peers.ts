import { livenessOf, type ProcessIdentity, processIdentitySchema } from "@lobule/node";
import type { End } from "./messages.js";
import type { MpiLibrary, MpiRequest } from "./mpi-library.js";
import { Silence } from "./silence.js";

/** Tags of MPI messages. */
export const tags = { identity: 1, exchange: 2, life: 3, end: 4 } as const;

/** Milliseconds between signs of life, and between looks at the processes of this machine. */
const beat = 1000;
const look = 200;

/** A text in bytes of a fixed number, which is what its receiver has room for; what is too long is cut. */
function packed(value: unknown, room: number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(room));
  bytes.set(new TextEncoder().encode(JSON.stringify(value)).subarray(0, room));
  return bytes;
}

/** What {@link packed} packed. @throws SyntaxError where it was cut. */
const unpacked = (bytes: Uint8Array): unknown =>
  JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\0+$/, ""));

/** Bytes of an identity, and of what is said at the end. */
const rooms = { identity: 1024, end: 4096 } as const;

const blank = (room: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(room));

/** Tells the others who this rank is, and learns who they are. @throws MpiError when MPI fails. */
export function meet(mpi: MpiLibrary, own: ProcessIdentity, wait: () => void): readonly ProcessIdentity[] {
  const others = ranksBeside(mpi);
  const receives = others.map((rank) => mpi.receive(blank(rooms.identity), rank, tags.identity));
  const sends = others.map((rank) => mpi.send(packed(own, rooms.identity), rank, tags.identity));
  let open = [...receives, ...sends];
  while (open.length > 0) {
    open = open.filter((request) => !mpi.isDone(request));
    if (open.length > 0) wait();
  }
  const met = receives.map(({ bytes }) => processIdentitySchema.parse(unpacked(bytes)));
  return [...met.slice(0, mpi.rank), own, ...met.slice(mpi.rank)];
}

export const ranksBeside = ({ rank, size }: Pick<MpiLibrary, "rank" | "size">): number[] =>
  Array.from({ length: size }, (_, r) => r).filter((r) => r !== rank);

/**
 * Watches the other ranks. Each sends a sign of life to the next one every second, from a thread that does nothing else for long;
 * what runs on this machine is looked at besides, and who finds that a rank is missing tells all.
 */
export class Peers {
  private readonly ends: readonly MpiRequest[];
  private life: MpiRequest;
  private sending: MpiRequest | undefined;
  private readonly silence: Silence;
  private beaten = 0;
  private looked = 0;

  constructor(
    private readonly mpi: MpiLibrary,
    private readonly identities: readonly ProcessIdentity[],
    private readonly patience: number,
  ) {
    this.ends = ranksBeside(mpi).map((rank) => mpi.receive(blank(rooms.end), rank, tags.end));
    this.life = mpi.receive(blank(1), this.before, tags.life);
    this.silence = new Silence(patience, performance.now());
  }

  /** Why the run ends, if it does. @throws MpiError when MPI fails. */
  look(): End | undefined {
    const { mpi } = this;
    const now = performance.now();
    const heard = mpi.isDone(this.life);
    if (heard) this.life = mpi.receive(blank(1), this.before, tags.life);
    const isSilent = this.silence.look(now, heard);
    if (now - this.beaten > beat && (this.sending === undefined || mpi.isDone(this.sending))) {
      this.beaten = now;
      this.sending = mpi.send(blank(1), (mpi.rank + 1) % mpi.size, tags.life);
    }
    if (now - this.looked < look) return undefined;
    this.looked = now;
    const told = this.ends.find((request) => mpi.isDone(request));
    if (told !== undefined) return unpacked(told.bytes) as End; // written by tell, of the same program
    const gone = this.identities.findIndex((each, rank) => rank !== mpi.rank && livenessOf(each) === "gone");
    if (gone >= 0) return this.missing(gone, "has died");
    if (isSilent) {
      return this.missing(this.before, `has given no sign of life for ${(this.patience / 1000).toFixed(0)} s`);
    }
    return undefined;
  }

  /** Tells all others, but for the rank at fault, why the run ends. */
  tell(end: End): readonly MpiRequest[] {
    const { mpi } = this;
    return ranksBeside(mpi)
      .filter((rank) => rank !== end.rank)
      .map((rank) => mpi.send(packed(end, rooms.end), rank, tags.end));
  }

  /** Gives up what is still awaited, before MPI is closed. */
  close(): void {
    for (const request of [this.life, ...this.ends]) this.mpi.cancel(request);
  }

  private get before(): number {
    const { rank, size } = this.mpi;
    return (rank + size - 1) % size;
  }

  private missing(rank: number, why: string): End {
    return { rank, why, teller: rank === 0 ? 1 : 0, exitCode: 1 };
  }
}

import type { MessagePort } from "node:worker_threads";
import type { ProcessIdentity } from "@lobule/node";

/** What the thread of MPI is started with. */
export interface Start {
  /** Requests; read without waiting. */
  readonly port: MessagePort;
  /** How many requests were posted, so that the thread can wait for one; signs of life of the main thread. */
  readonly signals: Int32Array<SharedArrayBuffer>;
  /** Library file that was asked for. */
  readonly library: string | undefined;
  readonly identity: ProcessIdentity;
  /** Milliseconds of silence after which a rank is given up. */
  readonly patience: number;
}

/** Bytes for a rank or from one, in shared memory. */
export interface Transfer {
  readonly peer: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/** Why a run of several ranks ends: one of them died, hangs or gave up. */
export interface End {
  /** The rank at fault. */
  readonly rank: number;
  readonly why: string;
  /** The rank that tells the user; the others are silent. */
  readonly teller: number;
  /** Of all processes. */
  readonly exitCode: number;
}

export type Request =
  | {
      readonly kind: "exchange";
      readonly id: number;
      readonly sends: readonly Transfer[];
      readonly receives: readonly Transfer[];
    }
  /** This rank ends: all others are told why, then MPI ends all. Without a reason, they know. */
  | { readonly kind: "end"; readonly end: End | undefined; readonly exitCode: number }
  /** All ranks are done. */
  | { readonly kind: "close" };

export type Answer =
  | {
      readonly kind: "open";
      readonly rank: number;
      readonly size: number;
      readonly version: string;
      readonly hosts: readonly string[];
    }
  | { readonly kind: "exchanged"; readonly id: number }
  | { readonly kind: "ended"; readonly end: End }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "closed" };

/** What a peer is told and answers: a JSON line each way, spoken by pytorch.py, bench/peers/*.mjs and {@link OwnPeer}. */

/** What a peer is given to start from. */
export interface PeerStart {
  /** Safetensors: start values by name, and `image`, `target` where steps and forward passes are asked for. */
  readonly path: string;
  readonly baseFeatures: number;
  readonly learningRate: number;
  /** Of what computes on the CPU; PyTorch takes half of the machine's own accord. */
  readonly threads: number;
}

export interface Started {
  readonly version: string;
  readonly threads: number;
  /** Versions, threads or adapter in words; PyTorch leaves it to us. */
  readonly description?: string;
  /** Whether it can train; it can if it does not say. */
  readonly trains?: boolean;
}

/** How often something is to be done before it is waited for. */
export interface Times {
  readonly times: number;
}

export interface StepAnswer extends TimeAnswer {
  /** Of the last step. */
  readonly loss: number;
}

export interface ForwardRequest extends Times {
  /** The file that the logits are to be written to: float32, in the order N, C, H, W. */
  readonly write?: string;
}

/** A volume to be labeled. */
export interface VolumeRequest {
  /** An uncompressed NIfTI file of int16, axial slices along its last axis. */
  readonly path: string;
  /** Where its voxels begin, bytes. */
  readonly offset: number;
  readonly shape: readonly [width: number, height: number, slices: number];
  /** HU that become 0 and 1. */
  readonly window: readonly [low: number, high: number];
  /** Slices at once. */
  readonly batch: number;
  /** The file that a byte a voxel is to be written to. */
  readonly write: string;
}

export interface TimeAnswer {
  /** Of all that was to be done. */
  readonly milliseconds: number;
}

/** The most memory that a peer took, bytes. */
export interface PeerMemory {
  /** On its GPU, where it can tell. */
  readonly peakBytes: number | null;
  /** Of its process. */
  readonly residentBytes: number;
}

/** A request as it comes; what else it holds depends on what is to be done. */
export type PeerRequest =
  | ({ readonly do: "start" } & PeerStart)
  | ({ readonly do: "step" } & Times)
  | ({ readonly do: "forward" } & ForwardRequest)
  | ({ readonly do: "volume" } & VolumeRequest)
  | { readonly do: "end" };

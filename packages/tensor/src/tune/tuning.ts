import { hasQuads, type Reduction } from "@lobule/kernels-wgsl";
import type { TunedKernels } from "../compiler/calls.js";
import { candidateVariants } from "../compiler/convolution-variants.js";
import type { Device } from "../device/device.js";
import { type ConvolutionCall, type ConvolutionVariant, convolutionVariants } from "../graph/convolution-call.js";
import { sourceHash } from "./source-hash.js";

/** What was measured of one kind of call. */
export interface TuningEntry {
  /** Hash of the WGSL of all variants: an entry holds as long as they do. */
  readonly sources: string;
  readonly fastest: ConvolutionVariant;
  /** Of each variant that was verified: median time, and error against the plain one. */
  readonly variants: Readonly<Partial<Record<ConvolutionVariant, { milliseconds: number; error: number }>>>;
}

/** The JSON form of a {@link Tuning}: it can be kept in a file or a browser's storage, and shipped. */
export interface TuningFile {
  readonly format: "lobule-tuning-1";
  /** The adapter and its driver, as text. */
  readonly adapter: string;
  readonly reduction: Reduction;
  readonly entries: Readonly<Record<string, TuningEntry>>;
}

/** Thrown when what is to be read is no tuning, or one of another adapter or driver. */
export class TuningError extends Error {
  override readonly name = "TuningError";
}

/** What a tuning is made for and read on: an adapter with its driver, and the kernels that it can run. */
export interface TunedAdapter extends Pick<Device, "reduction" | "hasMatrices" | "workgroupMemory"> {
  readonly adapterInfo: Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description">;
}

/** Adapter and driver, as far as WebGPU tells. */
export const adapterKey = ({ adapterInfo: { vendor, architecture, device, description } }: TunedAdapter): string =>
  [vendor, architecture, device, description].map((part) => part || "-").join(" / ");

/**
 * Calls of one bucket are taken to be alike: the same channels, pixels of the same power of two, and rows that are whole
 * quads or not.
 */
export function bucketOf({ family, direction, input, outChannels }: ConvolutionCall, precision: "f32" | "f16"): string {
  const pixels = input.batch * input.height * input.width;
  return `${family} ${direction} ${input.channels}→${outChannels} 2^${Math.round(Math.log2(pixels))} ${precision}${hasQuads(input) ? "" : " cut quads"}`;
}

/** The fastest verified variant of each kind of convolution on one adapter. A program is compiled with it as `kernels`. */
export class Tuning implements TunedKernels {
  private constructor(
    readonly adapter: string,
    readonly reduction: Reduction,
    private readonly matrices: boolean,
    readonly workgroupMemory: number,
    private readonly entries: Map<string, TuningEntry>,
  ) {}

  /** An empty one for a device. */
  static of(device: TunedAdapter): Tuning {
    return new Tuning(adapterKey(device), device.reduction, device.hasMatrices, device.workgroupMemory, new Map());
  }

  /**
   * Reads what {@link toJSON} gave. Entries whose WGSL has changed since are left out when they are asked for.
   * @throws TuningError when the value is no tuning, or belongs to another adapter, driver or reduction.
   */
  static parse(value: unknown, device: TunedAdapter): Tuning {
    if (!isTuningFile(value)) throw new TuningError("it is no tuning of this version; tune again");
    const own = adapterKey(device);
    if (value.adapter !== own || value.reduction !== device.reduction) {
      throw new TuningError(`it was made on another adapter or driver (${value.adapter}, here ${own}); tune again`);
    }
    const { hasMatrices, workgroupMemory } = device;
    return new Tuning(own, value.reduction, hasMatrices, workgroupMemory, new Map(Object.entries(value.entries)));
  }

  /** The variants that may run, the default one first. */
  candidates(call: ConvolutionCall, precision: "f32" | "f16"): ConvolutionVariant[] {
    return candidateVariants(call, this.reduction, this.matrices && precision === "f16");
  }

  /** What is known of a call's bucket, if its WGSL is still the one that was timed. */
  entryOf(call: ConvolutionCall, precision: "f32" | "f16"): TuningEntry | undefined {
    const entry = this.entries.get(bucketOf(call, precision));
    return entry?.sources === sourceHash(call, this.candidates(call, precision), this.workgroupMemory)
      ? entry
      : undefined;
  }

  fastest(call: ConvolutionCall, precision: "f32" | "f16"): ConvolutionVariant | undefined {
    return this.entryOf(call, precision)?.fastest;
  }

  keep(call: ConvolutionCall, precision: "f32" | "f16", entry: TuningEntry): void {
    this.entries.set(bucketOf(call, precision), entry);
  }

  get size(): number {
    return this.entries.size;
  }

  toJSON(): TuningFile {
    const { adapter, reduction } = this;
    const entries = Object.fromEntries([...this.entries].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { format: "lobule-tuning-1", adapter, reduction, entries };
  }
}

function isTuningFile(value: unknown): value is TuningFile {
  if (typeof value !== "object" || value === null) return false;
  const { format, adapter, reduction, entries } = value as Partial<Record<keyof TuningFile, unknown>>;
  if (format !== "lobule-tuning-1" || typeof adapter !== "string" || typeof reduction !== "string") return false;
  if (typeof entries !== "object" || entries === null) return false;
  return Object.values(entries).every((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return false;
    const { sources, fastest } = entry as Partial<Record<keyof TuningEntry, unknown>>;
    return typeof sources === "string" && (convolutionVariants as readonly unknown[]).includes(fastest);
  });
}

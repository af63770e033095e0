import { maximumBytes, Pauses } from "@lobule/data";
import type { SegmentationNetwork } from "@lobule/nn";
import { PlanError, type Program } from "@lobule/tensor";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";

const sizeOf = (variables: Iterable<{ readonly shape: readonly number[] }>): number =>
  [...variables].reduce((sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1), 0);

/**
 * Counts what a checkpoint of the network would hold, by its shapes: its variables, the optimizer's moments and, where
 * there are such, the averages, each of 4 bytes.
 * @throws ConfigError when that is more than a checkpoint can be.
 */
export function requireStorable(
  network: SegmentationNetwork,
  { optimizer, ema, baseFeatures, depth, model }: TrainingConfig,
): void {
  const [parameters, variables] = [sizeOf(network.parameters()), sizeOf(new Set(network.namedVariables().values()))];
  const moments = optimizer.kind === "sgd" ? 1 : 2;
  const bytes = 4 * (variables * (ema === null ? 1 : 2) + parameters * moments);
  if (bytes <= maximumBytes.tensors) return;
  const advice =
    model === null
      ? `use fewer --base-features than ${baseFeatures}${depth > 1 ? `, or less --depth than ${depth}` : ""}`
      : "make the model smaller";
  throw new ConfigError(
    `a network of ${parameters.toLocaleString("en-US")} parameters is too large: its checkpoint would take ${inMiB(bytes)}, and ${inMiB(maximumBytes.tensors)} is the most; ${advice}`,
  );
}

/** What a step is to fit into. */
export interface Room<Step> {
  /** Throws a PlanError where the step exceeds a limit of the adapter. */
  readonly device: { readonly check: (step: Step) => void };
  /** Bytes of memory, where it is known how many there are. */
  readonly memory?: number;
  readonly signal?: AbortSignal;
}

/**
 * Checks that a step on `wanted` slices at once can be run, by its plan.
 * @param plan of a step on so many slices.
 * @returns bytes on the device.
 * @throws PlanError with the largest batch that fits; the signal's reason.
 */
export async function requireRoom<Step extends Pick<Program, "peakBytes">>(
  plan: (slices: number) => Step,
  wanted: number,
  room: Room<Step>,
  { height, width, batch }: { readonly height: number; readonly width: number; readonly batch: number },
): Promise<number> {
  const pauses = new Pauses(room.signal);
  const needed = async (slices: number): Promise<number> => {
    // Plans of large networks take seconds, in which a signal would wait.
    await pauses.take();
    return bytesWithin(plan(slices), room, "a step");
  };
  try {
    return await needed(wanted);
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    const isRoomFor = (slices: number): Promise<boolean> =>
      needed(slices).then(
        () => true,
        (inner: unknown) => {
          if (inner instanceof PlanError) return false;
          throw inner;
        },
      );
    let [fits, tooMany] = wanted > 1 && (await isRoomFor(1)) ? [1, wanted] : [0, 1];
    while (tooMany - fits > 1) {
      const middle = Math.floor((fits + tooMany) / 2);
      if (await isRoomFor(middle)) fits = middle;
      else tooMany = middle;
    }
    throw new PlanError(
      fits === 0
        ? `not even one slice of ${height}×${width} fits this adapter (${error.message}); use --size or fewer --base-features`
        : `${wanted} slices of ${height}×${width} at once do not fit this adapter (${error.message}); use --batch ${fits}, or --micro-batch ${fits} to keep the batch of ${batch}`,
    );
  }
}

/** @throws PlanError when a program does not fit. */
function bytesWithin<Step extends Pick<Program, "peakBytes">>(program: Step, room: Room<Step>, what: string): number {
  room.device.check(program);
  if (room.memory !== undefined && program.peakBytes > room.memory) {
    throw new PlanError(
      `${what} takes ${inMiB(program.peakBytes)}, and this machine, whose memory the adapter uses, has ${inMiB(room.memory)}`,
    );
  }
  return program.peakBytes;
}

/** Extents of what the network sees. */
interface Extents {
  readonly width: number;
  readonly height: number;
}

/** How many whole slices are validated at once: as many pixels as a step of `atOnce` slices or patches has. */
export const validatedAtOnce = (atOnce: number, trained: Extents, whole: Extents): number =>
  Math.max(1, Math.floor(atOnce * Math.min(1, (trained.width * trained.height) / (whole.width * whole.height))));

/**
 * Checks that the validation of `slices` whole slices at once can be run, where a step sees patches of them.
 * @throws PlanError naming the extents.
 */
export function requireWholeSlices<Step extends Pick<Program, "peakBytes">>(
  plan: (slices: number) => Step,
  slices: number,
  room: Room<Step>,
  { height, width }: Extents,
): void {
  try {
    bytesWithin(plan(slices), room, "validation");
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    throw new PlanError(
      `patches fit this adapter, but validation sees whole slices, and ${slices === 1 ? "one" : slices} of ${height}×${width} at once ${slices === 1 ? "does" : "do"} not (${error.message}); use a coarser --spacing or fewer --base-features`,
    );
  }
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;

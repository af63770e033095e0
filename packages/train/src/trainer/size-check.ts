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
    const program = plan(slices);
    room.device.check(program);
    if (room.memory !== undefined && program.peakBytes > room.memory) {
      throw new PlanError(
        `a step takes ${inMiB(program.peakBytes)}, and this machine, whose memory the adapter uses, has ${inMiB(room.memory)}`,
      );
    }
    return program.peakBytes;
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

const inMiB = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;

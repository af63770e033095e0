import { messageOf } from "@lobule/data";
import { launchedBy, MpiError, MpiWorld } from "@lobule/mpi";
import { listAdapters } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { alone, type Collective, NonFiniteLossError, RankError, rankName } from "@lobule/train";
import { Interrupted } from "../shared/interruption.js";
import { openDevice, quietly } from "../shared/open-device.js";
import { warn } from "../shared/output.js";
import { hanging, patienceOf, watchGpu } from "./watch-gpu.js";

/** The processes that were started together with this one. */
export interface Ranks {
  readonly world: Collective;
  /** Opens this process's device. Where others wait for it, all end when it hangs. */
  open(): Promise<Device>;
  /** Parts from the others, all of which must do so; what fails later is this process's own affair. */
  close(): Promise<void>;
}

/**
 * Does work together with the processes that a launcher such as mpirun or srun started beside this one, and calls MPI in no
 * other case. Where the work fails before the ranks have parted, one of them says why and all end.
 * @throws MpiError where they cannot find each other; what the work throws where there is one process.
 */
export async function withRanks(work: (ranks: Ranks) => Promise<void>): Promise<void> {
  const launched = launchedBy(process.env);
  if (launched === undefined) return work({ world: alone, open: openDevice, close: async () => undefined });
  const patience = patienceOf(process.env);
  const world = await MpiWorld.open(launched, process.env.LOBULE_MPI);
  await takeOwnGpu(world);
  let unwatch = (): void => undefined;
  const open = async (): Promise<Device> => {
    const device = await openDevice();
    unwatch = watchGpu(device.queue, patience, () => void end(world, hanging(patience)));
    return device;
  };
  let parted = false;
  const close = async (): Promise<void> => {
    unwatch();
    if (!parted) await world.close();
    parted = true;
  };
  try {
    await work({ world, open, close });
    await close();
  } catch (error) {
    if (parted) throw error;
    unwatch();
    await end(world, error);
  }
}

/** Ends all processes for an error of this one, or one that it was told of, and says why where no other does. */
async function end(world: MpiWorld, error: unknown): Promise<never> {
  const exitCode = error instanceof Interrupted || error instanceof RankError ? error.exitCode : 1;
  process.exitCode = exitCode;
  const text = told(world, error);
  if (text !== undefined) warn(`lobule: ${text}`);
  await world.end(error, exitCode);
  process.exit(exitCode);
}

/**
 * Checks that a launcher did not start this command several times, each of which would do all of it.
 * @param command as it is called.
 * @throws MpiError where it did.
 */
export function requireAlone(command: string): void {
  const launched = launchedBy(process.env);
  if (launched === undefined) return;
  const { launcher, size } = launched;
  throw new MpiError(
    `'${command}' is done by one process, but ${launcher} started ${size}; start one, or none by a launcher`,
  );
}

/** Gives the processes of a machine GPUs of their own, in turns, where it has several and nothing else was asked for. */
async function takeOwnGpu({ hosts, rank }: Collective): Promise<void> {
  if (!["", "auto", "gpu"].includes(process.env.LOBULE_ADAPTER ?? "")) return;
  const gpus = (await quietly(listAdapters)).filter(({ request }) => request.startsWith("gpu:"));
  const before = hosts.slice(0, rank).filter((host) => host === hosts[rank]).length;
  const own = gpus[before % Math.max(1, gpus.length)];
  if (own !== undefined && gpus.length > 1) process.env.LOBULE_ADAPTER = own.request;
}

/** What this rank says of an error; undefined where another rank says it. */
function told(world: Collective, error: unknown): string | undefined {
  const { rank } = world;
  if (error instanceof RankError) return error.teller === rank ? error.message : undefined;
  if (rank === 0) return messageOf(error);
  // All ranks see the same losses.
  return error instanceof NonFiniteLossError ? undefined : `${rankName(world, rank)}: ${messageOf(error)}`;
}

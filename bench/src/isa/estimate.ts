import type { Kernel } from "@lobule/kernels-wgsl";
import { type Block, type InstructionCounts, type Loop, type MachineCode, sumBlocks } from "./machine-code.js";

/** How often an innermost loop is taken to run in a round where nothing tells: what Mesa's compiler takes too. */
const assumedTrips = 8;

/** What a kernel costs, by its machine code. */
export interface Estimate {
  /** Of the loop that computes, once through: the innermost one with the most multiply-adds. All of the kernel where none is. */
  readonly loop: InstructionCounts;
  /** How often an invocation goes through it. */
  readonly trips: number;
  /** Cycles of a subgroup: the arithmetic units busy, or its own latency shared by the subgroups beside it, if longer. */
  readonly cycles: number;
  /** Cycles from the first to the last instruction of a subgroup that has the units to itself. */
  readonly latency: number;
}

/**
 * Estimates the cycles of a subgroup.
 *
 * The loop that computes is taken through as often as `multiplyAdds`, what the kernel has to compute by invocation, asks
 * for, or as the kernel says; a loop around it, so much less often as it runs in one round of that. Of other loops the innermost are taken to run
 * {@link assumedTrips} times, those around them once: they share work among invocations. Where there are two copies of the
 * loop that computes, as for the inside of an image and its border, the cheaper one is taken to run.
 */
export function estimate(
  code: MachineCode,
  multiplyAdds: number,
  { innerTrips = assumedTrips, trips: known }: Pick<Kernel, "innerTrips" | "trips"> = {},
): Estimate {
  const hot = hotLoop(code);
  const usual = (block: number): number =>
    code.loops.some((loop) => isIn(block, loop) && isInnermost(code, loop)) ? assumedTrips : 1;
  if (hot === undefined) return { loop: sumBlocks(code.blocks), trips: 1, ...cyclesOf(code, usual) };
  const loop = bodyOf(code, hot);
  const outer = code.loops.filter((each) => each !== hot && isIn(hot.first, each));
  const copies = code.loops.filter((each) => each !== hot && !outer.includes(each) && isCopy(bodyOf(code, each), loop));
  const aside = [hot, ...outer, ...copies];
  const beside = sumBlocks(code.blocks, (block) => (aside.some((each) => isIn(block, each)) ? 0 : usual(block)));
  const trips = known ?? Math.max(1, (multiplyAdds - beside.multiplyAdds) / loop.multiplyAdds);
  const weight = (block: number): number => {
    if (isIn(block, hot)) return trips;
    if (copies.some((copy) => isIn(block, copy))) return 0;
    const rounds = outer.some((each) => isIn(block, each)) ? Math.max(1, trips / innerTrips) : 1;
    return rounds * usual(block);
  };
  return { loop, trips, ...cyclesOf(code, weight) };
}

const isIn = (block: number, { first, last }: Loop): boolean => block >= first && block <= last;

const isInnermost = ({ loops }: MachineCode, loop: Loop): boolean =>
  !loops.some((other) => other !== loop && other.first >= loop.first && other.last <= loop.last);

const bodyOf = ({ blocks }: MachineCode, { first, last }: Loop): Block => sumBlocks(blocks.slice(first, last + 1));

/** Copies of a loop have the same multiply-adds, but for a twentieth that a compiler joins in one and not in the other. */
const isCopy = (one: Block, other: Block): boolean =>
  Math.abs(one.multiplyAdds - other.multiplyAdds) <= Math.max(one.multiplyAdds, other.multiplyAdds) / 20;

/** The innermost loop with the most multiply-adds; of copies the one with fewer instructions. */
function hotLoop(code: MachineCode): Loop | undefined {
  const loops = code.loops
    .map((loop) => ({ loop, body: bodyOf(code, loop) }))
    .filter(({ loop, body }) => isInnermost(code, loop) && body.multiplyAdds > 0);
  const most = loops.sort((a, b) => b.body.multiplyAdds - a.body.multiplyAdds)[0];
  if (most === undefined) return undefined;
  const copies = loops.filter(({ body }) => isCopy(body, most.body));
  return copies.sort((a, b) => a.body.vector - b.body.vector)[0]?.loop;
}

function cyclesOf({ blocks, subgroups }: MachineCode, weight: (block: number) => number) {
  const { issue, latency } = sumBlocks(blocks, weight);
  return { cycles: Math.max(issue, latency / subgroups), latency };
}

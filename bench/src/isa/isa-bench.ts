import type { Program } from "@lobule/tensor";
import { estimate } from "./estimate.js";
import type { CompiledKernel, IsaCompiler, IsaFamily } from "./isa-compiler.js";
import { type InstructionCounts, sumBlocks } from "./machine-code.js";

type Call = Program["calls"][number];

/** All dispatches of a program that run the same text. */
export interface IsaRow {
  readonly kernel: string;
  /** What it computes: the kernel's name, or family and direction of a convolution. */
  readonly work: string;
  /** Labels of the dispatches, of which there may be fewer than dispatches. */
  readonly labels: readonly string[];
  readonly dispatches: number;
  readonly flops: number;
  readonly vectorRegisters: number;
  readonly scalarRegisters: number;
  readonly spills: number;
  /** Subgroups that a SIMD unit can hold at once. */
  readonly occupancy: number;
  /** Bytes of a workgroup. */
  readonly workgroupMemory: number;
  /** Instructions of the whole kernel, each counted once. */
  readonly instructions: InstructionCounts;
  /** Those of the loop that computes, once through; of the whole kernel where none does. */
  readonly loop: InstructionCounts;
  /** How often the loop is gone through in the dispatches, least and most. */
  readonly trips: readonly [number, number];
  /** Cycles of a subgroup, whose invocations run together; the mean over dispatches by their sizes. */
  readonly cyclesByInvocation: number;
  /** The same by the multiply-adds of an invocation: 1 is what the units of RDNA3 and later can do, 2 those of RDNA2. */
  readonly cyclesByMultiplyAdd: number;
  /** Latency of a subgroup that has the units to itself, by the same: what other subgroups have to hide. */
  readonly latencyByMultiplyAdd: number;
  /** Cycles of a SIMD unit that all dispatches take together. */
  readonly cycles: number;
}

export interface IsaResult {
  readonly family: IsaFamily;
  /** The most cycles first. */
  readonly rows: readonly IsaRow[];
}

/**
 * Compiles every dispatch of a program, its inlined expressions included, for an AMD GPU that need not be there, and
 * estimates what it costs. By the compiler's knowledge alone: nothing is run, caches and memory are not modelled.
 * @throws BenchError where the driver does not know the family.
 */
export async function benchIsa(
  compiler: IsaCompiler,
  program: Pick<Program, "calls">,
  family: IsaFamily,
): Promise<IsaResult> {
  const groups = new Map<string, Call[]>();
  for (const call of program.calls) {
    const { source } = call.kernel;
    const group = groups.get(source);
    if (group === undefined) groups.set(source, [call]);
    else group.push(call);
  }
  const compiled = await compiler.compile([...groups.keys()], family);
  const rows = [...groups.values()].flatMap((calls, i) => {
    const [first, kernel] = [calls[0], compiled[i]];
    return first === undefined || kernel === undefined ? [] : [rowOf(first, calls, kernel)];
  });
  return { family, rows: rows.sort((a, b) => b.cycles - a.cycles) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function rowOf(first: Call, calls: readonly Call[], compiled: CompiledKernel): IsaRow {
  const costs = calls.map(({ kernel }) => {
    const workgroups = sum(kernel.launches.map(({ workgroups: [x, y, z] }) => x * y * z));
    const multiplyAdds = kernel.flops / 2;
    const { loop, trips, cycles, latency } = estimate(
      compiled.code,
      multiplyAdds / (workgroups * compiled.invocations),
      kernel,
    );
    const subgroups = workgroups * Math.ceil(compiled.invocations / compiled.subgroup);
    return { loop, trips, subgroups, multiplyAdds, cycles: cycles * subgroups, latency: latency * subgroups };
  });
  const { vectorRegisters, scalarRegisters, spills, occupancy, workgroupMemory, code, subgroup } = compiled;
  const cycles = sum(costs.map((cost) => cost.cycles));
  const byMultiplyAdd = subgroup / sum(costs.map(({ multiplyAdds }) => multiplyAdds));
  const trips = costs.map((cost) => cost.trips);
  const { convolution, kernel } = first;
  return {
    kernel: kernel.name,
    work: convolution === undefined ? kernel.name : `${convolution.family} ${convolution.direction}`,
    labels: [...new Set(calls.map(({ label }) => label))],
    dispatches: sum(calls.map((call) => call.kernel.launches.length)),
    flops: sum(calls.map((call) => call.kernel.flops)),
    vectorRegisters,
    scalarRegisters,
    spills,
    occupancy,
    workgroupMemory,
    instructions: countsOf(sumBlocks(code.blocks)),
    loop: countsOf(costs[0]?.loop ?? sumBlocks(code.blocks)),
    trips: [Math.min(...trips), Math.max(...trips)],
    cyclesByInvocation: cycles / sum(costs.map(({ subgroups }) => subgroups)),
    cyclesByMultiplyAdd: cycles * byMultiplyAdd,
    latencyByMultiplyAdd: sum(costs.map((cost) => cost.latency)) * byMultiplyAdd,
    cycles,
  };
}

const countsOf = ({ vector, multiplyAdds, memory, workgroupMemory }: InstructionCounts): InstructionCounts => ({
  vector,
  multiplyAdds,
  memory,
  workgroupMemory,
});

/** Cycles of all kernels that do the same work, the most first. */
export function cyclesByWork(rows: readonly Pick<IsaRow, "work" | "cycles">[]): Map<string, number> {
  const cycles = new Map<string, number>();
  for (const row of rows) cycles.set(row.work, (cycles.get(row.work) ?? 0) + row.cycles);
  return new Map([...cycles].sort(([, a], [, b]) => b - a));
}

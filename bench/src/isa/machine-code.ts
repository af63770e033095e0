/** What instructions do, counted. */
export interface InstructionCounts {
  /** Vector instructions: each computes for all invocations of a subgroup. */
  readonly vector: number;
  /** Those of them that multiply and add. */
  readonly multiplyAdds: number;
  /** Loads and stores of each invocation's own address. */
  readonly memory: number;
  /** Accesses of workgroup memory. */
  readonly workgroupMemory: number;
}

/** Instructions that follow one another without a branch. */
export interface Block extends InstructionCounts {
  /** Cycles that a subgroup by itself takes from the first to the last, waiting included: the compiler's estimate. */
  readonly latency: number;
  /** Cycles in which its vector instructions keep the arithmetic units busy. */
  readonly issue: number;
}

/** Blocks `first` to `last` of a program, run again and again. */
export interface Loop {
  readonly first: number;
  readonly last: number;
}

/** A compiled kernel: its blocks in their order in memory, and the loops among them. */
export interface MachineCode {
  readonly blocks: readonly Block[];
  readonly loops: readonly Loop[];
  /** Subgroups that share the arithmetic units, as registers and workgroup memory allow. */
  readonly subgroups: number;
}

const multiplyAdd = /^v_(dual_)?(pk_)?(fma|mad|dot2)\w*_f(16|32)/;
/** What RDNA3 computes for 64 invocations in one cycle; the rest takes two. Source: "RDNA3" ISA, section 7.6. */
const dualIssue = /^v_(dual_)?(fma|fmac|fmaak|fmamk|add|sub|subrev|mul|max|min|cndmask|mov)_(f32|b32)/;

/** Where the opcode is: after the results, if there are any. */
const opcodePattern = /^\s*\(\s*(\d+) clk\)\s+(?:[^=]* = )?([a-z]\w*)/;

/**
 * Reads what Mesa's compiler prints with `ACO_DEBUG=perfinfo`: blocks `BB3` with the blocks that lead to each, and lines of
 * `( 2 clk)   v3 = v_add_u32 v1, v2`.
 * @param wide whether one instruction computes for 64 invocations on units of 32, which takes it two cycles unless it is one
 *   that these units issue in pairs.
 */
export function parseMachineCode(text: string, units: { wide: boolean; pairs: boolean }): MachineCode {
  const parts = text.split(/^(?=BB\d+$)/m).filter((part) => part.startsWith("BB"));
  const names = parts.map((part) => part.slice(0, part.indexOf("\n")));
  const loops = parts.flatMap((part, first): Loop[] => {
    const from = (/linear preds: ([^/]*)/.exec(part)?.[1] ?? "").split(",");
    const last = Math.max(-1, ...from.map((name) => names.indexOf(name.trim())));
    return last < first ? [] : [{ first, last }];
  });
  const subgroups = Number(/^num_waves: (\d+)/m.exec(text)?.[1] ?? 1);
  return { blocks: parts.map((part) => countBlock(part, units)), loops, subgroups };
}

function countBlock(text: string, { wide, pairs }: { wide: boolean; pairs: boolean }): Block {
  const block = { vector: 0, multiplyAdds: 0, memory: 0, workgroupMemory: 0, latency: 0, issue: 0 };
  for (const line of text.split("\n")) {
    const match = opcodePattern.exec(line);
    if (match === null) continue;
    const opcode = match[2] ?? "";
    block.latency += Number(match[1]);
    if (/^(buffer|global|scratch|flat)_/.test(opcode)) block.memory++;
    else if (opcode.startsWith("ds_")) block.workgroupMemory++;
    else if (opcode.startsWith("v_")) {
      block.vector++;
      if (multiplyAdd.test(opcode)) block.multiplyAdds++;
      block.issue += wide && !(pairs && dualIssue.test(opcode)) ? 2 : 1;
    }
  }
  return block;
}

/** Sums over blocks, each counted `weight(block)` times. */
export function sumBlocks(blocks: readonly Block[], weight: (index: number) => number = () => 1): Block {
  const sum = { vector: 0, multiplyAdds: 0, memory: 0, workgroupMemory: 0, latency: 0, issue: 0 };
  blocks.forEach((block, index) => {
    const times = weight(index);
    for (const key of Object.keys(sum) as (keyof Block)[]) sum[key] += times * block[key];
  });
  return sum;
}

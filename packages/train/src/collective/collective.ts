/**
 * What the processes that train one run together ask of each other. There are `size` of them, each with a rank from 0 on;
 * rank 0 writes the run folder. All call the same methods in the same order, each with its own part.
 *
 * `@lobule/mpi` has one for MPI; those of memory-collectives.ts are for tests.
 */
export interface Collective {
  readonly rank: number;
  readonly size: number;
  /** The name of each rank's machine, by rank. */
  readonly hosts: readonly string[];
  /**
   * Sends `parts[r]` to rank r, for every r.
   * @param lengths elements that each rank sends to this one, by rank.
   * @returns what each sent, by rank; good until the next call.
   * @throws RankError when a rank has died, hangs or gave up.
   */
  exchange(parts: readonly Float32Array[], lengths: readonly number[]): Promise<readonly Float32Array[]>;
  /** Notes how far this rank is, for the messages of the others when it is missed: "step 12 of epoch 3". */
  at(place: string): void;
}

/** Who tells the user of a rank's failure, and how all processes end. */
export interface RankFailure {
  /** The rank that tells; the others are silent. Rank 0 by default. */
  readonly teller?: number;
  /** Of all processes; 1 by default. */
  readonly exitCode?: number;
}

/** A rank that died, hangs or gave up; the message names it and what is the matter. It is thrown on all ranks. */
export class RankError extends Error {
  override readonly name = "RankError";
  readonly teller: number;
  readonly exitCode: number;

  constructor(message: string, { teller = 0, exitCode = 1 }: RankFailure = {}) {
    super(message);
    this.teller = teller;
    this.exitCode = exitCode;
  }
}

/** A single process. */
export const alone: Collective = {
  rank: 0,
  size: 1,
  hosts: ["this machine"],
  exchange: async (parts) => parts,
  at: () => undefined,
};

/** What a rank is called in messages. */
export const rankName = ({ hosts }: Pick<Collective, "hosts">, rank: number): string =>
  `rank ${rank} on ${hosts[rank] ?? "an unknown machine"}`;

/** What every rank has of its own, by rank. @param lengths elements that each has. */
export const gather = (
  world: Collective,
  own: Float32Array,
  lengths: readonly number[],
): Promise<readonly Float32Array[]> =>
  world.exchange(
    lengths.map(() => own),
    lengths,
  );

/** Which rank makes an item, and how many numbers it is. */
export interface Turn {
  readonly rank: number;
  readonly length: number;
}

/**
 * Items that the ranks made in turns, in their order, bit for bit.
 * @param own of this rank, in order.
 */
export async function gatherTurns(
  world: Collective,
  own: readonly Float32Array[],
  turns: readonly Turn[],
): Promise<Float32Array<ArrayBuffer>[]> {
  const lengths = Array<number>(world.size).fill(0);
  const starts = turns.map(({ rank, length }) => {
    const start = lengths[rank] ?? 0;
    lengths[rank] = start + length;
    return start;
  });
  const all = await gather(world, joined(own), lengths);
  return turns.map(({ rank, length }, i) => {
    const start = starts[i] ?? 0;
    return new Float32Array(all[rank]?.subarray(start, start + length) ?? []);
  });
}

/** Arrays one behind the other, bit for bit. */
export function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(parts.reduce((total, { length }) => total + length, 0));
  let next = 0;
  for (const part of parts) {
    all.set(part, next);
    next += part.length;
  }
  return all;
}

/** A text of every rank, by rank: a byte an element. */
export async function gatherTexts(world: Collective, own: string): Promise<string[]> {
  const bytes = Float32Array.from(new TextEncoder().encode(own));
  const counts = await gather(world, Float32Array.of(bytes.length), Array<number>(world.size).fill(1));
  const lengths = counts.map(([length = 0]) => length);
  const texts = await gather(world, bytes, lengths);
  return texts.map((each) => new TextDecoder().decode(Uint8Array.from(each)));
}

/** Whether any rank says so. */
export async function anyRank(world: Collective, own: boolean): Promise<boolean> {
  if (world.size === 1) return own;
  const said = await gather(world, Float32Array.of(own ? 1 : 0), Array<number>(world.size).fill(1));
  return said.some(([value]) => value === 1);
}

/**
 * Does something on every rank, and throws on all of them where one fails.
 * @throws RankError that says which and why; on rank 0 what was thrown, where that is the same everywhere.
 */
export async function onEveryRank<Result>(world: Collective, work: () => Promise<Result>): Promise<Result> {
  if (world.size === 1) return work();
  const outcome = await work().then(
    (result) => ({ result }),
    (error: unknown) => ({ error, text: error instanceof Error ? error.message : String(error) }),
  );
  const texts = await gatherTexts(world, "error" in outcome ? `!${outcome.text}` : "");
  const failed = texts.flatMap((text, rank) => (text === "" ? [] : [{ rank, text: text.slice(1) }]));
  const [first] = failed;
  if (first === undefined) return (outcome as { readonly result: Result }).result;
  const alike = failed.length === world.size && failed.every(({ text }) => text === first.text);
  if (alike && world.rank === 0 && "error" in outcome) throw outcome.error;
  throw new RankError(`${rankName(world, first.rank)}: ${first.text}`);
}

/**
 * Does something on rank 0 first, then on one rank of every other machine, then on the others: what the first writes is there
 * for those that share its machine or its files.
 * @throws as onEveryRank.
 */
export async function inTurns<Result>(world: Collective, work: () => Promise<Result>): Promise<Result> {
  const { hosts, rank, size } = world;
  if (size === 1) return work();
  const host = hosts[rank];
  const own = rank === 0 ? 0 : host === hosts[0] || hosts.indexOf(host ?? "") === rank ? 1 : 2;
  const results: Result[] = [];
  for (const turn of [0, 1, 2]) {
    await onEveryRank(world, async () => {
      if (turn === own) results.push(await work());
    });
  }
  return results[0] as Result; // each rank has had its turn
}

/**
 * Checks that the facts that a run depends on are the same on every rank.
 * @param facts by what they are called in the message, such as `epochs` or `case liver_7`.
 * @throws RankError that names the first rank and fact that differ from rank 0's, and both values.
 */
export async function requireSameFacts(world: Collective, facts: Readonly<Record<string, string>>): Promise<void> {
  if (world.size === 1) return;
  const all = (await gatherTexts(world, JSON.stringify(facts))).map(
    (text) => new Map<string, string>(Object.entries(JSON.parse(text))),
  );
  const [first = new Map<string, string>()] = all;
  for (const [rank, theirs] of all.entries()) {
    const names = new Set([...first.keys(), ...theirs.keys()]);
    const other = [...names].find((name) => first.get(name) !== theirs.get(name));
    if (other === undefined) continue;
    const [here, there] = [first, theirs].map((each) => each.get(other) ?? "nothing");
    throw new RankError(
      `${rankName(world, rank)} differs from rank 0 in ${other}: ${there} and not ${here}; start all ranks with the same program, command and data, on adapters of one kind`,
    );
  }
}

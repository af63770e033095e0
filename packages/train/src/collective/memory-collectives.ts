import type { Collective } from "./collective.js";

/** One call of every rank. */
interface Call {
  readonly parts: (readonly Float32Array[])[];
  readonly done: Promise<void>;
  finish(): void;
}

function newCall(): Call {
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { parts: [], done, finish };
}

/** Collectives of ranks that live in this process, one each. For tests. */
export function memoryCollectives(size: number): readonly Collective[] {
  const calls: Call[] = [];
  const hosts = Array<string>(size).fill("memory");
  return hosts.map((_, rank): Collective => {
    let next = 0;
    return {
      rank,
      size,
      hosts,
      at: () => undefined,
      exchange: async (parts, lengths) => {
        const index = next++;
        const call = calls[index] ?? newCall();
        calls[index] = call;
        call.parts[rank] = parts.map((each) => each.slice());
        if (call.parts.filter(() => true).length === size) call.finish();
        await call.done;
        return call.parts.map((from, r) => {
          const part = from[rank] ?? new Float32Array();
          if (part.length !== lengths[r]) {
            throw new RangeError(`rank ${r} sent ${part.length} numbers to rank ${rank}, which expected ${lengths[r]}`);
          }
          return part;
        });
      },
    };
  });
}

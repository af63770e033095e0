import { describe, expect, test } from "vitest";
import { groupVariables, type HostPauses, makeStartValues, type StartValues, Variable } from "./variable.js";

/** The values i / 7. */
const sevenths: StartValues = (target, first) => {
  for (let i = 0; i < target.length; i++) target[i] = (first + i) / 7;
};
const sizes = [5, 150_000, 1];
const made = (start: StartValues) => {
  const variables = sizes.map((size, i) => new Variable(`v${i}`, [size], start, "parameter"));
  groupVariables(variables);
  return variables;
};
const expected = sizes.map((size) => Float32Array.from({ length: size }, (_, i) => i / 7));
/** Pauses after every piece, in which a signal is heard. */
const pausesFor = (signal?: AbortSignal): HostPauses => {
  const check = () => signal?.throwIfAborted();
  const take = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    check();
  };
  return { due: true, check, take };
};
/** Far quicker than toEqual. */
const areEqual = (found: readonly (Float32Array | undefined)[]): boolean =>
  expected.every(
    (values, i) => values.length === found[i]?.length && values.every((each, k) => each === found[i]?.[k]),
  );
const read = (variables: readonly Variable[]) => Promise.all(variables.map((variable) => variable.read()));

describe("start values", () => {
  test("are the same in pieces, at once and before there is a group", async () => {
    expect(areEqual(await read(made(sevenths)))).toBe(true);
    const variables = made(sevenths);
    await makeStartValues(variables, pausesFor());
    expect(areEqual(await read(variables))).toBe(true);
    expect(
      areEqual(made(sevenths).map(({ group, offset }, i) => group?.host.slice(offset, offset + (sizes[i] ?? 0)))),
    ).toBe(true);
    expect(areEqual(sizes.map((size, i) => new Variable(`v${i}`, [size], sevenths, "parameter").initial))).toBe(true);
  });

  test("a signal ends their making after a few pieces; they can be made later", async () => {
    const controller = new AbortController();
    let pieces = 0;
    const slow: StartValues = (target, first) => {
      const end = performance.now() + 5;
      while (performance.now() < end);
      pieces++;
      sevenths(target, first);
    };
    const large = new Variable("large", [2 ** 16 * 1000], slow, "parameter");
    groupVariables([large]);
    setTimeout(() => controller.abort(new Error("stopped")), 0);
    await expect(makeStartValues([large], pausesFor(controller.signal))).rejects.toThrow("stopped");
    expect(pieces).toBeLessThan(100);
    const variables = made(sevenths);
    await expect(makeStartValues(variables, pausesFor(AbortSignal.abort(new Error("early"))))).rejects.toThrow("early");
    expect(areEqual(await read(variables))).toBe(true);
  });

  test("are not made where all are replaced, and what is written meanwhile stays", async () => {
    const never: StartValues = () => {
      throw new Error("made");
    };
    const replaced = made(never);
    replaced.forEach((variable, i) => {
      variable.write(expected[i] as Float32Array);
    });
    expect(areEqual(await read(replaced))).toBe(true);
    const variables = made(() => {
      const end = performance.now() + 60;
      while (performance.now() < end);
    });
    const making = makeStartValues(variables, pausesFor());
    variables[0]?.write(Float32Array.of(1, 2, 3, 4, 5));
    await making;
    expect([...((await variables[0]?.read()) ?? [])]).toEqual([1, 2, 3, 4, 5]);
  });
});

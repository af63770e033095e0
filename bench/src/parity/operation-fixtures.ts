import { join } from "node:path";
import { type CompileOptions, compile, type Device, gradients, type HostData, type Tensor } from "@lobule/tensor";
import { type Check, check, failure, largestDifference, largestMagnitude, relativeL2 } from "./check.js";
import {
  FixtureError,
  type FixtureObject,
  type FixtureTensor,
  listOf,
  numberOf,
  numbersOf,
  objectOf,
  readJsonObject,
  type TensorFile,
  textOf,
} from "./fixture-files.js";
import { type Mode, optionsFor } from "./mode.js";
import { type BuildOperation, type OperationResults, operations } from "./operations.js";

/** Relative L2 error that a kernel may have, unless the reference itself loses more to cancellation. */
const l2Limit = 1e-5;
/** max|got − expected| / max|expected| with intermediate results in f16. */
const halfLimit = 5e-3;
/** Digits to which the numbers of the index must agree with each other and with the tensors, which are rounded to f32. */
const indexLimit = 1e-6;

/** One case of one operation, as `ops/index.json` describes it. */
export interface OperationCase {
  readonly operation: string;
  readonly id: string;
  readonly exact: boolean;
  readonly file: string;
  readonly attributes: FixtureObject;
  readonly inputs: FixtureObject;
  readonly expected: readonly ExpectedTensor[];
}

interface ExpectedTensor {
  /** Name in the file after the case: `out.output`, `grad.x`. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly record: FixtureObject;
}

export const fixtureOf = ({ operation, id }: OperationCase): string => `ops/${operation}/${id}`;

/** Every case of `ops/index.json`. @throws FixtureError when it is missing or broken. */
export async function readOperationCases(folder: string): Promise<OperationCase[]> {
  return Object.entries(await readJsonObject(join(folder, "index.json"))).flatMap(([operation, value]) => {
    const entry = objectOf(value, `ops/index.json: ${operation}`);
    const cases = listOf(entry.cases, `ops/index.json: ${operation}.cases`);
    return cases.map((each, i): OperationCase => {
      const at = `ops/index.json: ${operation}.cases[${i}]`;
      const record = objectOf(each, at);
      const expected = (["outputs", "grads"] as const).flatMap((group) =>
        Object.entries(objectOf(record[group], `${at}.${group}`)).map(([name, tensor]): ExpectedTensor => {
          const where = `${at}.${group}.${name}`;
          const fields = objectOf(tensor, where);
          return {
            key: `${group === "outputs" ? "out" : "grad"}.${name}`,
            shape: numbersOf(fields.shape, where),
            record: fields,
          };
        }),
      );
      return {
        operation,
        id: textOf(record.id, `${at}.id`),
        exact: entry.exact === true,
        file: textOf(entry.file, `ops/index.json: ${operation}.file`),
        attributes: objectOf(record.attrs, `${at}.attrs`),
        inputs: objectOf(record.inputs, `${at}.inputs`),
        expected,
      };
    });
  });
}

/**
 * Computes one case on the device and compares every output and gradient.
 * @throws FixtureError when the file does not hold what the index says.
 */
export async function checkOperationCase(
  device: Device,
  each: OperationCase,
  file: TensorFile,
  mode: Mode,
): Promise<Check[]> {
  const fixture = fixtureOf(each);
  const build = operations[each.operation];
  if (build === undefined) return [failure(fixture, "–", `operation '${each.operation}' is unknown`)];
  const tensors = tensorsOf(each, file);
  const { program, derived } = compileCase(each, build, tensors, optionsFor(device, mode));
  const loaded = await program.load(device);
  try {
    const host = ([name, { data }]: readonly [string, FixtureTensor]): [string, HostData] => [
      name,
      name === "target" ? Uint32Array.from(data) : data,
    ];
    await loaded.run({ ...Object.fromEntries([...tensors.inputs].map(host)), grad_output: tensors.gradOutput.data });
    const read = async (name: string): Promise<Float32Array> => (await loaded.read(name)) as Float32Array;
    const checks: Check[] = [];
    for (const { key, record } of each.expected) {
      const derive = key.startsWith("out.") ? derived?.[key.slice("out.".length)] : undefined;
      if (derive === undefined && program.outputs[key] === undefined) {
        checks.push(failure(fixture, key, `nothing computes '${key}'`));
        continue;
      }
      const got = derive === undefined ? await read(key) : await derive(read);
      checks.push(...compare(fixture, key, got, tensors.references.get(key) as FixtureTensor, record, mode));
    }
    const consistency = check(fixture, "index.json", inconsistency(each, tensors.references), indexLimit);
    return consistency.ok ? checks : [...checks, consistency];
  } finally {
    loaded.destroy();
  }
}

/** What the file holds of a case. */
interface CaseTensors {
  readonly inputs: ReadonlyMap<string, FixtureTensor>;
  readonly gradOutput: FixtureTensor;
  /** By the keys of what is expected. */
  readonly references: ReadonlyMap<string, FixtureTensor>;
}

/** @throws FixtureError when a tensor is missing or has another shape than the index says. */
function tensorsOf(each: OperationCase, file: TensorFile): CaseTensors {
  const inputs = new Map<string, FixtureTensor>();
  for (const [name, shape] of Object.entries(each.inputs)) {
    inputs.set(name, file.take(`${each.id}/in.${name}`, numbersOf(shape, `${fixtureOf(each)}: ${name}`)));
  }
  const gradOutput = file.take(`${each.id}/grad_output`);
  const references = new Map(each.expected.map(({ key, shape }) => [key, file.take(`${each.id}/${key}`, shape)]));
  return { inputs, gradOutput, references };
}

/** The program of a case with its outputs and gradients by their keys, and what is derived from them on the host. */
function compileCase(
  each: OperationCase,
  build: BuildOperation,
  { inputs: files, gradOutput }: CaseTensors,
  options: CompileOptions,
) {
  const inputs = Object.fromEntries([
    ...[...files].map(([name, { shape }]) => [name, { shape, dtype: name === "target" ? "u32" : "f32" }] as const),
    ["grad_output", { shape: gradOutput.shape, dtype: "f32" }] as const,
  ]);
  let derived: OperationResults["derived"];
  const program = compile(
    {
      inputs,
      build: ({ grad_output, ...tensors }) => {
        const built = build({ tensors, files, attributes: each.attributes });
        derived = built.derived;
        const names = each.expected
          .filter(({ key }) => key.startsWith("grad."))
          .map(({ key }) => key.slice("grad.".length));
        const leaves = names.map((name) => known(built.leaves?.[name] ?? tensors[name], `${each.id}: ${name}`));
        const found = gradients(known(built.outputs.output, `${each.id}: output`), leaves, grad_output);
        const computed = Object.entries(built.outputs).map(([name, tensor]) => [`out.${name}`, tensor] as const);
        const differentiated = found.map((gradient, i) => [`grad.${names[i]}`, gradient] as const);
        return { outputs: { ...Object.fromEntries([...computed, ...differentiated]), ...built.auxiliary } };
      },
    },
    options,
  );
  return { program, derived };
}

function compare(
  fixture: string,
  key: string,
  got: ArrayLike<number>,
  { data }: FixtureTensor,
  record: FixtureObject,
  { precision }: Mode,
): Check[] {
  const magnitude = largestMagnitude(data);
  const given = numberOf(record.tol_abs, `${fixture}: ${key}.tol_abs`);
  const limit = given === 0 || precision === "f32" ? given : Math.max(given, halfLimit * magnitude);
  const l2 = limit === 0 ? 0 : Math.max(l2Limit, magnitude === 0 ? Number.POSITIVE_INFINITY : limit / magnitude);
  return [
    check(fixture, key, largestDifference(got, data), limit),
    check(fixture, `${key} L2`, relativeL2([[got, data]]), l2),
  ];
}

/**
 * How far the index disagrees with the tensors and with itself: max_abs with the tensor, tol_abs with
 * max(1e-5·max_abs, 10·torch_f32_abs_err, 1e-9) or 0 for exact operations, torch_f32_rel_err with their quotient.
 */
function inconsistency({ exact, expected }: OperationCase, references: ReadonlyMap<string, FixtureTensor>): number {
  const relative = (a: number, b: number): number =>
    a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
  const errors = expected.map(({ key, record }) => {
    const field = (name: string): number => numberOf(record[name], `ops/index.json: ${key}.${name}`);
    const [magnitude, torchError] = [field("max_abs"), field("torch_f32_abs_err")];
    const floor = Math.max(1e-5 * magnitude, 10 * torchError);
    return Math.max(
      relative(magnitude, largestMagnitude((references.get(key) as FixtureTensor).data)),
      relative(field("tol_abs"), exact ? 0 : Math.max(floor, 1e-9)),
      relative(field("torch_f32_rel_err"), torchError / (magnitude || 1)),
    );
  });
  return Math.max(0, ...errors);
}

/** @throws FixtureError when there is no such tensor. */
function known(tensor: Tensor | undefined, what: string): Tensor {
  if (tensor === undefined) throw new FixtureError(`${what} is missing`);
  return tensor;
}

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DataError, FileReadError, readBytes, readJson } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { readSafetensors, SafetensorsError, type SafetensorsTensor } from "@lobule/tensor";

/** A fixture that cannot be used: missing, broken, or not of the format. One sentence says which file and why. */
export class FixtureError extends Error {
  override readonly name = "FixtureError";
}

export interface FixtureTensor {
  readonly dtype: "F32";
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** @throws FixtureError when the tensor is no image. */
export function imageShapeOf({ shape }: FixtureTensor): readonly [n: number, c: number, h: number, w: number] {
  const [n, c, h, w, ...more] = shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || more.length > 0) {
    throw new FixtureError(`expected an image [n, c, h, w], got [${shape.join(", ")}]`);
  }
  return [n, c, h, w];
}

/** That of the labels of an image, [n, h, w]. */
export function targetShapeOf(image: FixtureTensor): readonly [n: number, h: number, w: number] {
  const [n, , h, w] = imageShapeOf(image);
  return [n, h, w];
}

/** The tensors of one file. It remembers which were asked for, so that none is left unchecked. */
export class TensorFile {
  private readonly taken = new Set<string>();

  private constructor(
    /** File name with its folder, for messages. */
    readonly label: string,
    private readonly tensors: ReadonlyMap<string, FixtureTensor>,
  ) {}

  /** @throws FixtureError when the file is missing, no safetensors file, or holds anything but F32. */
  static async read(path: string): Promise<TensorFile> {
    const label = labelOf(path);
    let tensors: Map<string, SafetensorsTensor>;
    try {
      tensors = readSafetensors(await readBytes(nodeStorage, path, "tensors"));
    } catch (error) {
      throw fixtureErrorOf(error, label);
    }
    for (const [name, { dtype }] of tensors) {
      if (dtype !== "F32") throw new FixtureError(`${label}: tensor '${name}' is ${dtype}, fixtures hold F32 only`);
    }
    return new TensorFile(label, tensors as Map<string, FixtureTensor>);
  }

  get names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** @throws FixtureError when there is no tensor of that name, or it has not the given shape. */
  take(name: string, shape?: readonly number[]): FixtureTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new FixtureError(`${this.label}: tensor '${name}' is missing`);
    if (shape !== undefined && tensor.shape.join() !== shape.join()) {
      throw new FixtureError(
        `${this.label}: tensor '${name}' has shape [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`,
      );
    }
    this.taken.add(name);
    return tensor;
  }

  /** Every tensor whose name begins with the prefix, under the rest of its name. */
  takeAll(prefix = ""): Map<string, FixtureTensor> {
    const names = this.names.filter((name) => name.startsWith(prefix));
    return new Map(names.map((name) => [name.slice(prefix.length), this.take(name)]));
  }

  /** Names that were never asked for. */
  get unused(): readonly string[] {
    return this.names.filter((name) => !this.taken.has(name));
  }
}

export interface FixtureObject {
  readonly [key: string]: unknown;
}

/** @throws FixtureError when the file is missing or holds no JSON object. */
export async function readJsonObject(path: string): Promise<FixtureObject> {
  const value = await readJson(nodeStorage, path, "record").catch((error: unknown) => {
    throw fixtureErrorOf(error, labelOf(path));
  });
  return objectOf(value, labelOf(path));
}

/** @throws FixtureError unless the value is a JSON object. */
export function objectOf(value: unknown, where: string): FixtureObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FixtureError(`${where}: expected an object`);
  return value as FixtureObject;
}

/** @throws FixtureError unless the value is a finite number. */
export function numberOf(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new FixtureError(`${where}: expected a number, got ${JSON.stringify(value)}`);
  return value;
}

/** @throws FixtureError unless the value is a text. */
export function textOf(value: unknown, where: string): string {
  if (typeof value !== "string") throw new FixtureError(`${where}: expected a text, got ${JSON.stringify(value)}`);
  return value;
}

/** @throws FixtureError unless the value is a list. */
export function listOf(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FixtureError(`${where}: expected a list, got ${JSON.stringify(value)}`);
  return value;
}

export const numbersOf = (value: unknown, where: string): readonly number[] =>
  listOf(value, where).map((each, i) => numberOf(each, `${where}[${i}]`));

export const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** The file's name with the folder that it is in. */
const labelOf = (path: string): string => join(basename(dirname(path)), basename(path));

/** Data errors name the file themselves. */
function fixtureErrorOf(error: unknown, label: string): unknown {
  if (error instanceof FileReadError && error.missing) return new FixtureError(`${label}: the file is missing`);
  if (error instanceof DataError) return new FixtureError(error.message);
  return error instanceof SafetensorsError ? new FixtureError(`${label}: ${error.message}`) : error;
}

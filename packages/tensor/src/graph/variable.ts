import { printShape, type Shape, ShapeError, sizeOf } from "../shape.js";
import type { FlatBuffer } from "./flat-buffer.js";
import { Tensor, type TensorDevice } from "./tensor.js";

/** Pauses in long work of the host, in which other work is done; `Pauses` of @lobule/data is one. */
export interface HostPauses {
  /** Whether a pause is due; asked after each piece of work. */
  readonly due: boolean;
  /** @throws where the work is to end. */
  check(): void;
  /** Lets other work come first. @throws where the work is to end. */
  take(): Promise<void>;
}

/** What a variable is: trained, a running statistic, a moment of an optimizer, or a sum of gradients. */
export type VariableRole = "parameter" | "statistic" | "moment" | "gradient";

/** Fills `target`, which holds zeros, with the start values of a variable from its element `first` on, a multiple of 4. */
export type StartValues = (target: Float32Array, first: number) => void;

/** Start values of 0. */
export const zeros: StartValues = () => undefined;

/** Start values that are made at a time, a few milliseconds' work. */
const elementsAtOnce = 2 ** 16;

/** Elements between the starts of two variables of a group: bindings begin at multiples of 256 bytes. */
const alignment = 64;

/**
 * Variables that live in one flat buffer, so that one dispatch can update or repack all of them. The host copy is the
 * truth until a program that uses the group is loaded; then the device's is.
 */
export class VariableGroup implements FlatBuffer {
  readonly name = "variables";
  readonly offsets: readonly number[];
  /** Elements of the flat buffer, gaps included. */
  readonly length: number;
  private values: Float32Array<ArrayBuffer> | undefined;
  private making: Promise<void> | undefined;
  storage: { readonly device: TensorDevice; readonly buffer: GPUBuffer } | undefined;

  constructor(readonly variables: readonly Variable[]) {
    let next = 0;
    this.offsets = variables.map((variable) => {
      const offset = next;
      next += Math.ceil(sizeOf(variable.shape) / alignment) * alignment;
      return offset;
    });
    this.length = next;
    variables.forEach((variable, i) => {
      variable.join(this, this.offsets[i] as number);
    });
  }

  /** Whether the host's copy has yet to be made: it follows what is written to the variables until then. */
  get isPlanned(): boolean {
    return this.values === undefined && this.making === undefined;
  }

  /** The host's copy, made when it is first asked for: a program can be planned without it. */
  get host(): Float32Array<ArrayBuffer> {
    if (this.values === undefined) for (const values of this.startValues()) this.values = values;
    return this.values as Float32Array<ArrayBuffer>; // startValues gives the array at least once
  }

  /** Makes the host's copy where there is none, in one piece without pauses. @throws what a pause throws. */
  makeHost(pauses?: HostPauses): Promise<void> {
    this.making ??= this.madeWithPauses(pauses).finally(() => {
      this.making = undefined;
    });
    return this.making;
  }

  private async madeWithPauses(pauses?: HostPauses): Promise<void> {
    if (this.values !== undefined) return;
    pauses?.check();
    let made: Float32Array<ArrayBuffer> | undefined;
    for (const values of this.startValues()) {
      made = values;
      if (pauses?.due) await pauses.take();
    }
    // Who could not wait has made it meanwhile, and may have written to it.
    this.values ??= made;
  }

  /** Gives the same array after each piece; it is complete after the last. */
  private *startValues(): Generator<Float32Array<ArrayBuffer>> {
    const values = new Float32Array(this.length);
    yield values;
    for (const [i, variable] of this.variables.entries()) {
      const offset = this.offsets[i] as number;
      const size = sizeOf(variable.shape);
      for (let first = 0; first < size; first += elementsAtOnce) {
        const end = Math.min(first + elementsAtOnce, size);
        variable.fillStart(values.subarray(offset + first, offset + end), first);
        yield values;
      }
    }
  }

  /**
   * The present values of the whole buffer, or of its elements from `first` to the one before `end`, with zeros or what was
   * written there in its gaps.
   */
  async read(first = 0, end = this.length): Promise<Float32Array<ArrayBuffer>> {
    if (this.storage === undefined) await this.makeHost();
    const { storage, host } = this;
    if (storage === undefined) return host.slice(first, end);
    return new Float32Array(await storage.device.readBuffer(storage.buffer, first * 4, (end - first) * 4));
  }

  /** Replaces the values of the whole buffer. @throws ShapeError when they are not as many as it has. */
  write(values: Float32Array<ArrayBuffer>): void {
    if (values.length !== this.length) {
      throw new ShapeError(`a buffer of ${this.length} numbers cannot be given ${values.length}`);
    }
    this.host.set(values);
    this.storage?.device.queue.writeBuffer(this.storage.buffer, 0, values);
  }

  /** Puts the group on the device; keeps it there for every later program. */
  place(device: TensorDevice): GPUBuffer {
    if (this.storage === undefined || this.storage.device !== device) {
      const buffer = device.createBuffer(this.length * 4, this.name);
      device.queue.writeBuffer(buffer, 0, this.host);
      this.storage = { device, buffer };
    }
    return this.storage.buffer;
  }
}

/** Mutable state: a parameter, a running statistic or an optimizer's moment. Programs update it in place. */
export class Variable<S extends Shape = Shape> extends Tensor<S, "f32"> {
  group: VariableGroup | undefined;
  offset = 0;
  private start: Float32Array | StartValues;

  /**
   * @param data the values, or what makes them when they are needed: a network's size can be told without them.
   * @throws ShapeError when the data does not fill the shape.
   */
  constructor(
    readonly name: string,
    shape: S,
    data: Float32Array | StartValues,
    readonly role: VariableRole,
  ) {
    super(shape, "f32", { kind: "variable", name, device: () => this.device });
    this.start = typeof data === "function" ? data : Float32Array.from(checked(name, shape, data));
  }

  /** The values that it was made with or last given before its group was used; a copy. */
  get initial(): Float32Array {
    const values = new Float32Array(sizeOf(this.shape));
    this.fillStart(values, 0);
    return values;
  }

  /** Puts the values that it starts with, from its element `first` on, into zeros. */
  fillStart(target: Float32Array, first: number): void {
    if (typeof this.start === "function") this.start(target, first);
    else target.set(this.start.subarray(first, first + target.length));
  }

  join(group: VariableGroup, offset: number): void {
    this.group = group;
    this.offset = offset;
  }

  get device(): TensorDevice | undefined {
    return this.group?.storage?.device;
  }

  /** The present values. */
  async read(): Promise<Float32Array> {
    if (this.group === undefined) return this.initial;
    const length = sizeOf(this.shape);
    if (this.group.storage === undefined) await this.group.makeHost();
    const { storage, host } = this.group;
    if (storage === undefined) return host.slice(this.offset, this.offset + length);
    return new Float32Array(await storage.device.readBuffer(storage.buffer, this.offset * 4, length * 4));
  }

  /** Replaces the values. @throws ShapeError when their count differs from the shape's. */
  write(data: Float32Array): void {
    checked(this.name, this.shape, data);
    if (this.group === undefined || this.group.isPlanned) {
      this.start = data.slice();
      return;
    }
    this.group.host.set(data, this.offset);
    this.group.storage?.device.queue.writeBuffer(this.group.storage.buffer, this.offset * 4, data.slice());
  }
}

function checked(name: string, shape: Shape, data: Float32Array): Float32Array {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`variable ${name}: ${data.length} numbers do not fill shape ${printShape(shape)}`);
  }
  return data;
}

/** Puts the variables that are in no group yet into groups, one a role. Does nothing to the others. */
export function groupVariables(variables: readonly Variable[]): void {
  for (const role of ["parameter", "statistic", "moment", "gradient"] as const) {
    const loose = [...new Set(variables)].filter((variable) => variable.role === role && variable.group === undefined);
    if (loose.length > 0) new VariableGroup(loose);
  }
}

/**
 * Makes the values that variables in groups start with where that has not been done. It takes seconds for a large
 * network, with pauses in which other work is done.
 * @throws what a pause throws.
 */
export async function makeStartValues(variables: Iterable<Variable>, pauses: HostPauses): Promise<void> {
  for (const group of new Set([...variables].map((variable) => variable.group))) await group?.makeHost(pauses);
}

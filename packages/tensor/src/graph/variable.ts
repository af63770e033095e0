import type { Device } from "../device/device.js";
import { printShape, type Shape, ShapeError, sizeOf } from "../shape.js";
import type { Node } from "./operation.js";
import { Tensor } from "./tensor.js";

export type VariableRole = "parameter" | "statistic" | "moment" | "gradient";

/** Elements between the starts of two variables of a group: bindings begin at multiples of 256 bytes. */
const alignment = 64;

/**
 * Variables that live in one flat buffer, so that one dispatch can update or repack all of them. The host copy is the
 * truth until a program that uses the group is loaded; then the device's is.
 */
export class VariableGroup {
  readonly offsets: readonly number[];
  /** Elements of the flat buffer, gaps included. */
  readonly length: number;
  private values: Float32Array<ArrayBuffer> | undefined;
  storage: { readonly device: Device; readonly buffer: GPUBuffer } | undefined;

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

  /** The host's copy, made when it is first asked for: a program can be planned without it. */
  get host(): Float32Array<ArrayBuffer> {
    if (this.values === undefined) {
      const values = new Float32Array(this.length);
      this.variables.forEach((variable, i) => {
        values.set(variable.initial, this.offsets[i]);
      });
      this.values = values;
    }
    return this.values;
  }

  /** Puts the group on the device; keeps it there for every later program. */
  place(device: Device): GPUBuffer {
    if (this.storage === undefined || this.storage.device !== device) {
      const buffer = device.createBuffer(this.length * 4, "variables");
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
  private start: Float32Array | (() => Float32Array);

  /**
   * @param data the values, or what makes them when they are first needed: a network's size can be told without them.
   * @throws ShapeError when the data does not fill the shape.
   */
  constructor(
    readonly name: string,
    shape: S,
    data: Float32Array | (() => Float32Array),
    readonly role: VariableRole,
  ) {
    const outputs: Tensor[] = [];
    const node: Node = { id: -1, operation: { kind: "variable", name }, inputs: [], outputs };
    super(shape, "f32", node, 0);
    outputs.push(this);
    Object.assign(node, { id: this.id });
    this.start = typeof data === "function" ? data : Float32Array.from(checked(name, shape, data));
  }

  /** The values that it was made with or last given before it joined a group. */
  get initial(): Float32Array {
    if (typeof this.start === "function") this.start = checked(this.name, this.shape, this.start());
    return this.start;
  }

  join(group: VariableGroup, offset: number): void {
    this.group = group;
    this.offset = offset;
  }

  get device(): Device | undefined {
    return this.group?.storage?.device;
  }

  /** The present values. */
  async read(): Promise<Float32Array> {
    if (this.group === undefined) return this.initial.slice();
    const { storage, host } = this.group;
    const length = sizeOf(this.shape);
    if (storage === undefined) return host.slice(this.offset, this.offset + length);
    return new Float32Array(await storage.device.readBuffer(storage.buffer, this.offset * 4, length * 4));
  }

  /** Replaces the values. @throws ShapeError when their count differs from the shape's. */
  write(data: Float32Array): void {
    checked(this.name, this.shape, data);
    if (this.group === undefined) {
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

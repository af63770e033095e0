import { create, toBinary } from "@bufbuild/protobuf";
import { ExportError } from "../export-error.js";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.js";

/** The version of ONNX's operators whose meaning the nodes have. */
export const opset = 17;
/** The version of the file format that came with it. */
const irVersion = 8n;
/** Bytes that a message of protobuf may have. */
const mostBytes = 2 ** 31 - 1;

/** An attribute of a node. Whole numbers are a bigint, since the format keeps them apart from other numbers. */
export type Attribute = bigint | number | string | readonly bigint[];

/** What goes into a graph or comes out of it: its extents, by name where they may be any. */
export interface GraphValue {
  readonly name: string;
  readonly type: "float32" | "uint8";
  readonly shape: readonly (number | string)[];
  readonly description: string;
}

/** What a model says of itself besides its graph. */
export interface ModelNotes {
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Collects the nodes and constants of a graph. Values are known by their names. */
export class GraphBuilder {
  private readonly nodes: NodeProto[] = [];
  private readonly constants = new Map<string, TensorProto>();

  /**
   * Adds a node with one output. An empty name stands for an input that is left out.
   * @returns the name of its output.
   */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `${opType}_${this.nodes.length}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    this.nodes.push(create(NodeProtoSchema, { opType, name: output, input: [...inputs], output: [output], attribute }));
    return output;
  }

  /** A constant of float32. @param name by which it is known; one that is there already is not added again. */
  floats(name: string, shape: readonly number[], data: () => Float32Array): string {
    return this.constant(name, shape, DataType.FLOAT, data);
  }

  /** One number of float32. */
  float(value: number): string {
    return this.floats(`float_${value}`, [], () => Float32Array.of(value));
  }

  /** A list of whole numbers, int64. */
  integers(...values: readonly number[]): string {
    const data = (): BigInt64Array => BigInt64Array.from(values, BigInt);
    return this.constant(`integers_${values.join("_")}`, [values.length], DataType.INT64, data);
  }

  /** One whole number, int64. */
  integer(value: number): string {
    return this.constant(`integer_${value}`, [], DataType.INT64, () => BigInt64Array.of(BigInt(value)));
  }

  private constant(
    name: string,
    shape: readonly number[],
    dataType: DataType,
    data: () => Float32Array | BigInt64Array,
  ): string {
    if (!this.constants.has(name)) {
      const { buffer, byteOffset, byteLength } = data();
      const rawData = new Uint8Array(buffer, byteOffset, byteLength).slice();
      this.constants.set(name, create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType, rawData }));
    }
    return name;
  }

  /**
   * The whole model as the bytes of an .onnx file.
   * @throws ExportError when its weights are more than the format holds in one file.
   */
  encode(inputs: readonly GraphValue[], outputs: readonly GraphValue[], notes: ModelNotes): Uint8Array<ArrayBuffer> {
    const initializer = [...this.constants.values()];
    const bytes = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
    // What is not weights is far under a hundredth of this.
    if (bytes > 0.99 * mostBytes) {
      throw new ExportError(
        `the network has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights, and an ONNX file holds 2 GiB; train one of fewer base features`,
      );
    }
    const graph: GraphProto = create(GraphProtoSchema, {
      name: "lobule",
      node: this.nodes,
      initializer,
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    });
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion,
        opsetImport: [{ domain: "", version: BigInt(opset) }],
        producerName: "lobule",
        docString: notes.description,
        graph,
        metadataProps: Object.entries(notes.metadata).map(([key, value]) => ({ key, value })),
      }),
    );
  }
}

function attributeOf(name: string, value: Attribute): AttributeProto {
  if (typeof value === "bigint") return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: value });
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: [...value] });
}

const elementTypes = { float32: DataType.FLOAT, uint8: DataType.UINT8 } as const;

function valueInfo({ name, type, shape, description }: GraphValue): ValueInfoProto {
  const dim = shape.map((extent) => ({
    value:
      typeof extent === "number"
        ? ({ case: "dimValue", value: BigInt(extent) } as const)
        : ({ case: "dimParam", value: extent } as const),
  }));
  const tensorType = { elemType: elementTypes[type], shape: { dim } };
  return create(ValueInfoProtoSchema, {
    name,
    docString: description,
    type: { value: { case: "tensorType", value: tensorType } },
  });
}

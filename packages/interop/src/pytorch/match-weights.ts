import type { StateEntry } from "@lobule/nn";
import { type ForeignTensor, type ForeignWeights, floatsOf } from "./foreign-tensor.js";
import { brief, PytorchError } from "./pytorch-error.js";
import type { PytorchFile } from "./read-pytorch.js";

/** How the tensors of a file are told apart. */
export interface MatchOptions {
  /** Which state dict of the file; needed where it has several. */
  readonly entry?: string | undefined;
  /** The network's name for each of the file's, null for what is left out; without it by name, else by order and shape. */
  readonly map?: Readonly<Record<string, string | null>> | undefined;
}

/** Weights of a file under the names of a network. */
export interface MatchedWeights {
  readonly weights: ReadonlyMap<string, StateEntry>;
  /** The name that each has in the file. */
  readonly origins: ReadonlyMap<string, string>;
  readonly how: "name" | "order and shape" | "map";
}

/** Weights that are not those of a network. */
export class WeightMisfitError extends PytorchError {
  constructor(
    message: string,
    /** A line for each name that does not fit. */
    readonly misfits: readonly string[],
  ) {
    super(message);
  }
}

/** What is needed of a file: its state dicts, and whether they are ordered. */
type StateDicts = Pick<PytorchFile, "stateDicts" | "ordered">;

/** Shapes of a network's parameters and running statistics by name, in the order of its definition. */
export type WantedShapes = ReadonlyMap<string, readonly number[]>;

/**
 * Gives the tensors of a file the names of a network: by equal names (a common prefix such as "module." does not count),
 * else the first of a shape and last name to the first, the second to the second.
 * @throws WeightMisfitError when they do not fit; PytorchError when the file has several state dicts and none is named, or
 * a weight is no floating-point number.
 */
export function matchWeights(wanted: WantedShapes, file: StateDicts, { entry, map }: MatchOptions): MatchedWeights {
  const tensors = withoutCounters(stateDictOf(file, entry));
  const named = map === undefined ? byName(wanted, tensors) : byMap(tensors, map);
  const origins = named ?? (file.ordered ? byOrder(wanted, tensors) : undefined);
  if (origins === undefined) {
    throw new WeightMisfitError(
      file.ordered
        ? "the names of the file's tensors are not the network's, and neither are their shapes in order"
        : "the names of the file's tensors are not the network's, and .safetensors keeps no order to go by; give --map",
      misfitsOf(wanted, tensors, new Map()),
    );
  }
  const leftOut = new Set(Object.entries(map ?? {}).flatMap(([theirs, ours]) => (ours === null ? [theirs] : [])));
  const misfits = misfitsOf(wanted, tensors, origins, leftOut);
  if (misfits.length > 0) {
    throw new WeightMisfitError(
      `${misfits.length} of the file's and the network's tensors do not fit each other`,
      misfits,
    );
  }
  const weights = new Map<string, StateEntry>();
  for (const [ours, shape] of wanted) {
    const theirs = origins.get(ours) ?? "";
    const tensor = tensors.get(theirs);
    if (tensor !== undefined)
      weights.set(ours, { dtype: "F32", shape, data: finite(theirs, floatsOf(theirs, tensor)) });
  }
  return { weights, origins, how: map !== undefined ? "map" : named === undefined ? "order and shape" : "name" };
}

/** @throws PytorchError when there are several and none is named, or none has the name. */
function stateDictOf({ stateDicts }: StateDicts, entry: string | undefined): ForeignWeights {
  const keys = [...stateDicts.keys()];
  if (entry === undefined && keys.length === 1) return stateDicts.get(keys[0] ?? "") ?? new Map();
  // Checkpoints of training have the optimizer's moments beside the weights.
  const usual = ["state_dict", "model_state_dict", "network_weights", "model"].filter((key) => stateDicts.has(key));
  const found = stateDicts.get(entry ?? (usual.length === 1 ? (usual[0] ?? "") : ""));
  if (found !== undefined) return found;
  const list = keys.slice(0, 8).map((key) => `'${brief(key)}'`);
  throw new PytorchError(
    `${entry === undefined ? "holds several state dicts" : `holds no state dict '${entry}'`}; name one of ${list.join(", ")}${keys.length > 8 ? ", …" : ""} with --entry`,
  );
}

/** How many batches a batch norm has seen, of which nothing depends here. */
const withoutCounters = (tensors: ForeignWeights): ForeignWeights =>
  new Map([...tensors].filter(([name]) => !name.endsWith("num_batches_tracked")));

/** Undefined where fewer than half of the names are the network's, whatever stands before all of them. */
function byName(wanted: WantedShapes, tensors: ForeignWeights): ReadonlyMap<string, string> | undefined {
  const names = [...wanted.keys()];
  const prefixes = new Set([""]);
  for (const theirs of tensors.keys()) {
    for (const ours of [names[0], names.at(-1)]) {
      if (ours !== undefined && theirs.endsWith(`.${ours}`)) prefixes.add(theirs.slice(0, -ours.length));
    }
  }
  const matches = [...prefixes].map((prefix) => names.filter((name) => tensors.has(prefix + name)).length);
  const most = Math.max(...matches);
  if (2 * most < names.length) return undefined;
  const prefix = [...prefixes][matches.indexOf(most)] ?? "";
  return new Map(names.filter((name) => tensors.has(prefix + name)).map((name) => [name, prefix + name]));
}

function byMap(tensors: ForeignWeights, map: Readonly<Record<string, string | null>>): ReadonlyMap<string, string> {
  const origins = new Map<string, string>();
  for (const [theirs, ours] of Object.entries(map)) {
    if (!tensors.has(theirs)) throw new PytorchError(`holds no tensor '${brief(theirs)}', which --map names`);
    if (ours !== null) origins.set(ours, theirs);
  }
  return origins;
}

/** Undefined where a shape does not occur as often on both sides. */
function byOrder(wanted: WantedShapes, tensors: ForeignWeights): ReadonlyMap<string, string> | undefined {
  const kindOf = (name: string, shape: readonly number[]): string => `${name.split(".").at(-1)} ${shape.join(" ")}`;
  const left = new Map<string, string[]>();
  for (const [theirs, { shape }] of tensors) {
    const kind = kindOf(theirs, shape);
    left.set(kind, [...(left.get(kind) ?? []), theirs]);
  }
  const origins = new Map<string, string>();
  for (const [ours, shape] of wanted) {
    const theirs = left.get(kindOf(ours, shape))?.shift();
    if (theirs === undefined) return undefined;
    origins.set(ours, theirs);
  }
  return [...left.values()].every((list) => list.length === 0) ? origins : undefined;
}

function misfitsOf(
  wanted: WantedShapes,
  tensors: ForeignWeights,
  origins: ReadonlyMap<string, string>,
  leftOut: ReadonlySet<string> = new Set(),
): string[] {
  const used = new Set(origins.values());
  const ours = [...wanted].flatMap(([name, shape]) => {
    const theirs = origins.get(name);
    const tensor = theirs === undefined ? undefined : tensors.get(theirs);
    if (tensor === undefined) return [`'${name}' ${print(shape)} of the network: the file has none`];
    return print(tensor.shape) === print(shape)
      ? []
      : [`'${name}' ${print(shape)} of the network: '${brief(theirs ?? "")}' of the file is ${print(tensor.shape)}`];
  });
  const unknown = [...origins].flatMap(([name, theirs]) =>
    wanted.has(name) ? [] : [`'${brief(theirs)}' of the file: the network has no '${name}'`],
  );
  const theirs = [...tensors].flatMap(([name, { shape }]) =>
    used.has(name) || leftOut.has(name) ? [] : [`'${brief(name)}' ${print(shape)} of the file: the network has none`],
  );
  return [...ours, ...unknown, ...theirs];
}

const print = (shape: ForeignTensor["shape"]): string => `[${shape.join(", ")}]`;

/** @throws PytorchError when a number is none. */
function finite(name: string, values: Float32Array): Float32Array {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new PytorchError(`'${brief(name)}' holds ${values[at]} at position ${at}, which no sound weight is`);
  return values;
}

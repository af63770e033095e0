import type { ForeignTensor, ForeignWeights } from "./foreign-tensor.js";
import { PickleCall, type PickleValue, textOf } from "./pickle.js";
import { type StorageBytes, tensorOf } from "./torch-tensors.js";

/** How deep a state dict may stand in a checkpoint, and a module in a model. */
const [mostDepth, mostModules] = [6, 40];

/**
 * The state dicts of a checkpoint, by the keys that lead to them: "" where it is one itself. A model that was saved as a
 * whole counts as its state dict.
 * @throws PytorchError when a tensor does not fit its storage.
 */
export function stateDictsOf(root: PickleValue, storages: StorageBytes): Map<string, ForeignWeights> {
  const found = new Map<string, ForeignWeights>();
  // What is there in several places is looked at once, so that work is in proportion to the file.
  const seen = new Set<PickleValue>();
  const visit = (value: PickleValue, path: string, depth: number): void => {
    if (depth > mostDepth || seen.has(value)) return;
    seen.add(value);
    const module = value instanceof PickleCall ? modulesOf(value, storages) : undefined;
    const map = value instanceof PickleCall ? (value.items ?? value.state) : value;
    if (module !== undefined && module.size > 0) {
      found.set(path, module);
      return;
    }
    if (!(map instanceof Map)) return;
    const tensors = new Map<string, ForeignTensor>();
    for (const [key, each] of map) {
      const tensor = tensorOf(each, storages);
      if (tensor !== undefined) tensors.set(textOf(key), tensor);
      else visit(each, path === "" ? textOf(key) : `${path}.${textOf(key)}`, depth + 1);
    }
    if (tensors.size > 0) found.set(path, tensors);
  };
  visit(root, "", 0);
  return found;
}

/** The parameters and buffers of a module that was saved as a whole; undefined where a value is none. */
function modulesOf(value: PickleCall, storages: StorageBytes): ForeignWeights | undefined {
  if (!isModule(value)) return undefined;
  const tensors = new Map<string, ForeignTensor>();
  const seen = new Set<PickleValue>();
  const visit = (module: PickleValue, path: string, depth: number): void => {
    if (!(module instanceof PickleCall) || !isModule(module) || depth > mostModules || seen.has(module)) return;
    seen.add(module);
    for (const group of ["_parameters", "_buffers"]) {
      for (const [name, each] of entriesOf(module.state.get(group))) {
        const tensor = tensorOf(each, storages);
        if (tensor !== undefined) tensors.set(`${path}${name}`, tensor);
      }
    }
    for (const [name, each] of entriesOf(module.state.get("_modules"))) visit(each, `${path}${name}.`, depth + 1);
  };
  visit(value, "", 0);
  return tensors;
}

const isModule = (value: PickleCall): value is PickleCall & { readonly state: Map<PickleValue, PickleValue> } =>
  value.state instanceof Map && (value.state.has("_parameters") || value.state.has("_modules"));

const entriesOf = (value: PickleValue | undefined): [string, PickleValue][] =>
  value instanceof Map ? [...value].map(([key, each]) => [textOf(key), each]) : [];

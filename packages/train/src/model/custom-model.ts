import { Module, type SegmentationNetwork } from "@lobule/nn";
import { constant, printShape, type Shape } from "@lobule/tensor";
import { ModelError } from "./model-error.js";
import { ownModules } from "./own-modules.js";

/** What a model of one's own is made for. */
export interface ModelRequest {
  /** Channels of its images: a slice and its neighbors. */
  readonly inChannels: number;
  /** How many classes its logits must have, the background included. */
  readonly classes: number;
  readonly baseFeatures: number;
  readonly depth: number;
  /** Seed of the start values: give it to a `Scope`. */
  readonly seed: number;
}

/** What a model file exports as its default. */
export type ModelFactory = (request: ModelRequest) => SegmentationNetwork;

/** Helps the compiler to check a model file: `export default defineModel(({ classes, seed }) => …)`. */
export const defineModel = (factory: ModelFactory): ModelFactory => factory;

/**
 * The factory of a model's code, CommonJS as `lobule train --model` keeps it in the run folder. The code is run.
 * @throws ModelError naming `source` when it cannot be run or exports no function.
 */
export function factoryOf(code: string, source: string): ModelFactory {
  const available = { ...ownModules, "@lobule/train": { defineModel } };
  const require = (name: string): unknown => {
    const found = Object.entries(available).find(([known]) => known === name);
    if (found === undefined) {
      throw new ModelError(`${source}: imports ${name}; a model may import ${Object.keys(available).join(", ")}`);
    }
    return found[1];
  };
  const module: { exports: { default?: unknown } } = { exports: {} };
  try {
    new Function("require", "module", "exports", code)(require, module, module.exports);
  } catch (error) {
    if (error instanceof ModelError) throw error;
    if (error instanceof EvalError) {
      throw new ModelError(
        `${source}: this page may not run code from text, which a model of one's own is; serve it with a Content-Security-Policy that has 'unsafe-eval' in script-src, or use the model in Node`,
      );
    }
    throw new ModelError(`${source}: cannot be run: ${error instanceof Error ? error.message : String(error)}`);
  }
  const factory = module.exports.default;
  if (typeof factory !== "function") {
    throw new ModelError(`${source}: has no function as its default export; see docs/networks.md`);
  }
  return factory as ModelFactory;
}

/** @throws ModelError naming `source` when the code makes something that is no network, or throws. */
export function buildCustom(code: string, source: string, request: ModelRequest): SegmentationNetwork {
  const factory = factoryOf(code, source);
  let made: unknown;
  try {
    made = factory(request);
  } catch (error) {
    throw new ModelError(`${source}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!(made instanceof Module) || !("forward" in made) || typeof made.forward !== "function") {
    throw new ModelError(`${source}: its default export must return a Module with a forward method`);
  }
  const network = made as SegmentationNetwork;
  const logits = forwardShape(network, request, source);
  if (logits[1] !== request.classes) {
    throw new ModelError(
      `${source}: its logits have shape ${printShape(logits)} for one slice; expected [1, ${request.classes}, height, width]`,
    );
  }
  return network;
}

/** Shape of the logits of one small slice. */
function forwardShape(network: SegmentationNetwork, { inChannels }: ModelRequest, source: string): Shape {
  const side = 4 * (network.divisor ?? 1);
  try {
    return network.eval().forward(constant(new Float32Array(inChannels * side * side), [1, inChannels, side, side]))
      .shape;
  } catch (error) {
    throw new ModelError(`${source}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

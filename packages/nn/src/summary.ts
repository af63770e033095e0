import { constant, printShape, type Shape, Tensor, Variable } from "@lobule/tensor";
import type { Module } from "./module.js";
import { observed } from "./observe.js";

/** A module with a forward pass from one image. */
export interface ImageModule extends Module {
  forward(x: never): Tensor;
}

interface Row {
  readonly name: string;
  readonly layer: string;
  readonly output: string;
  readonly parameters: number;
}

/**
 * A table of the layers that hold parameters of their own: name, kind, output shape for an input of the given shape,
 * and parameters; the totals below. Nothing is computed and no device is needed.
 *
 * A layer whose work another kernel does (the attention gate's convolutions) shows no output shape.
 * @throws ShapeError when the input does not fit the module.
 */
export function summary(
  module: ImageModule,
  inputShape: readonly [n: number, c: number, h: number, w: number],
): string {
  const outputs = outputShapes(module, inputShape);
  const rows = [...module.namedModules()]
    .map(([name, layer]): Row => {
      const own = Object.values(layer).filter((value) => value instanceof Variable && value.role === "parameter");
      const shape = outputs.get(layer);
      return {
        name: name === "" ? "(all)" : name,
        layer: layer.constructor.name,
        output: shape === undefined ? "–" : printShape(shape),
        parameters: own.reduce((total, variable) => total + sizeOf(variable.shape), 0),
      };
    })
    .filter(({ parameters }) => parameters > 0);
  const total = module.parameters().reduce((count, variable) => count + sizeOf(variable.shape), 0);
  const statistics = module.buffers().reduce((count, variable) => count + sizeOf(variable.shape), 0);
  const columns = (["name", "layer", "output"] as const).map((key) =>
    Math.max(key.length, ...rows.map((row) => row[key].length)),
  );
  const line = (name: string, layer: string, output: string, parameters: string): string =>
    [name, layer, output].map((text, i) => text.padEnd(columns[i] ?? 0)).join("  ") + parameters.padStart(12);
  return [
    line("name", "layer", "output", "parameters"),
    ...rows.map((row) => line(row.name, row.layer, row.output, row.parameters.toLocaleString("en-US"))),
    `${total.toLocaleString("en-US")} parameters (${((total * 4) / 2 ** 20).toFixed(2)} MiB), ${statistics.toLocaleString("en-US")} running statistics; input ${printShape(inputShape)}`,
  ].join("\n");
}

/** Traces a forward pass once. */
function outputShapes(module: ImageModule, inputShape: Shape): Map<Module, Shape> {
  const input = constant(new Float32Array(sizeOf(inputShape)), inputShape);
  const { observations } = observed(module, () => module.forward(input as never));
  return new Map(
    [...observations.values()].flatMap(({ module: each, output }) =>
      output instanceof Tensor ? [[each, output.shape] as const] : [],
    ),
  );
}

const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);

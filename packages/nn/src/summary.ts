import { constant, type Image, printShape, type Shape, Tensor, Variable } from "@lobule/tensor";
import { type LayerCost, layerCost } from "./layer-costs.js";
import type { Module } from "./module.js";
import { type Observations, observed } from "./observe.js";

/** A module with a forward pass from one image. */
export interface ImageModule extends Module {
  forward(x: Image): Tensor;
}

/** What a summary is to predict. */
export interface SummaryOptions {
  /** What the adapter can do at most; with it each layer's least time is predicted. */
  readonly roof?: { readonly flopsPerSecond: number; readonly bytesPerSecond: number };
}

interface Row {
  readonly name: string;
  readonly layer: string;
  readonly output: string;
  readonly parameters: number;
  readonly cost: LayerCost | undefined;
}

/**
 * A table of the layers: name, kind, output shape for an input of the given shape, parameters, and FLOPs and bytes of a
 * forward pass by the plan of each layer by itself; the totals below. Nothing is computed and no device is needed. With
 * a roof also the time that a layer takes at least: the longer of arithmetic and traffic.
 *
 * A layer whose work another one's kernel does (the attention gate's convolutions) has no output shape and no cost.
 * @throws ShapeError when the input does not fit the module.
 */
export function summary(
  module: ImageModule,
  inputShape: readonly [n: number, c: number, h: number, w: number],
  { roof }: SummaryOptions = {},
): string {
  const input = constant(new Float32Array(sizeOf(inputShape)), inputShape);
  const { observations } = observed(module, () => module.forward(input));
  const rows = rowsOf(module, observations);
  const least = ({ flops, bytes }: LayerCost): number =>
    roof === undefined ? 0 : 1000 * Math.max(flops / roof.flopsPerSecond, bytes / roof.bytesPerSecond);
  const columns = (["name", "layer", "output"] as const).map((key) =>
    Math.max(key.length, ...rows.map((row) => row[key].length)),
  );
  const line = (texts: readonly string[], numbers: readonly string[]): string =>
    [
      texts.map((text, i) => text.padEnd(columns[i] ?? 0)).join("  "),
      ...numbers.map((text, i) => text.padStart(i === 0 ? 12 : 9)),
    ]
      .join("")
      .trimEnd();
  const costs = (cost: LayerCost | undefined): string[] =>
    cost === undefined
      ? ["", ""]
      : [
          (cost.flops / 1e6).toFixed(2),
          (cost.bytes / 1e6).toFixed(2),
          ...(roof === undefined ? [] : [least(cost).toFixed(3)]),
        ];
  const statistics = module.buffers().reduce((count, variable) => count + sizeOf(variable.shape), 0);
  const parameters = module.parameters().reduce((count, variable) => count + sizeOf(variable.shape), 0);
  const present = rows.flatMap(({ cost }) => cost ?? []);
  const total = (of: (cost: LayerCost) => number): number => present.reduce((sum, cost) => sum + of(cost), 0);
  return [
    line(["name", "layer", "output"], ["parameters", "MFLOP", "MB", ...(roof === undefined ? [] : ["ms"])]),
    ...rows.map((row) =>
      line([row.name, row.layer, row.output], [row.parameters.toLocaleString("en-US"), ...costs(row.cost)]),
    ),
    `${parameters.toLocaleString("en-US")} parameters (${((parameters * 4) / 2 ** 20).toFixed(2)} MiB), ${statistics.toLocaleString("en-US")} running statistics; input ${printShape(inputShape)}`,
    `layer by layer ${(total(({ flops }) => flops) / 1e9).toFixed(3)} GFLOP, ${(total(({ bytes }) => bytes) / 1e6).toFixed(1)} MB${roof === undefined ? "" : `, ${total(least).toFixed(2)} ms at the roof`}; fusion saves traffic between layers`,
  ].join("\n");
}

/** Layers with parameters of their own, and those that do work without. */
function rowsOf(module: ImageModule, observations: Observations): Row[] {
  return [...module.namedModules()].flatMap(([name, layer]): Row[] => {
    const own = Object.values(layer).filter((value) => value instanceof Variable && value.role === "parameter");
    const parameters = own.reduce((total, variable) => total + sizeOf(variable.shape), 0);
    const observation = observations.get(name);
    const within = `${name}.`;
    // What a module's parts do is told in their own rows.
    const whole = name !== "" && ![...observations.keys()].some((other) => other.startsWith(within));
    if (parameters === 0 && !(observation !== undefined && whole)) return [];
    const output = observation?.output;
    return [
      {
        name: name === "" ? "(all)" : name,
        layer: layer.constructor.name,
        parameters,
        output: output instanceof Tensor ? printShape(output.shape) : "–",
        cost: observation === undefined || !whole ? undefined : layerCost(observation),
      },
    ];
  });
}

const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);

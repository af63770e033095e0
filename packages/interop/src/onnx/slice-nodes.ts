import { mapChannels } from "@lobule/data";
import { channelsOf, type IntensityMap, intensityMap, type ModelDescription } from "@lobule/train";
import type { GraphBuilder } from "./graph-builder.js";
import { bilinear } from "./operation-nodes.js";

/** How slices become the network's image, and its logits those of the slices. */
export interface SliceNodes {
  /** The name of the network's image. */
  readonly image: string;
  /** Brings logits to the slices' own height and width. */
  readonly back: (logits: string) => string;
}

/**
 * What is done with slices before and after the network, as `SlicePredictor` does it: HU are clipped to the window and
 * scaled to 0..1, or made z-scores, then slices are padded to a multiple of what the network asks for, or resampled to its size.
 * @param slices [batch, input slices · channels, height, width], HU: of each slice all channels.
 * @param divisor of the network's height and width.
 */
export function sliceNodes(
  graph: GraphBuilder,
  slices: string,
  description: Pick<ModelDescription, "window" | "normalization" | "channels" | "inputSlices" | "size" | "classes">,
  divisor: number,
): SliceNodes {
  const { size, classes } = description;
  const windowed = inNumbers(graph, slices, description);
  const extents = graph.node("Slice", [graph.node("Shape", [slices]), graph.integers(2), graph.integers(4)]);
  if (size !== null) return resampled(graph, windowed, extents, size, classes.length);
  return divisor === 1 ? { image: windowed, back: (logits) => logits } : padded(graph, windowed, extents, divisor);
}

/** HU as the numbers of the network, each channel in its own way. */
function inNumbers(
  graph: GraphBuilder,
  slices: string,
  description: Pick<ModelDescription, "window" | "normalization" | "channels" | "inputSlices">,
): string {
  const maps = mapChannels(channelsOf(description), intensityMap);
  const [first, ...others] = maps;
  const all = Array.from({ length: description.inputSlices }, () => maps).flat();
  const each = (name: string, of: (map: IntensityMap) => number): string =>
    others.length === 0
      ? graph.float(Math.fround(of(first)))
      : graph.floats(`${name} of channels`, [1, all.length, 1, 1], () => Float32Array.from(all, of));
  const clipped =
    others.length === 0
      ? graph.node("Clip", [slices, graph.float(first.low), graph.float(first.high)])
      : graph.node("Min", [
          graph.node("Max", [slices, each("low", (map) => map.low)]),
          each("high", (map) => map.high),
        ]);
  const gained = graph.node("Mul", [clipped, each("gain", ({ gain }) => gain)]);
  return graph.node("Add", [gained, each("shift", ({ shift }) => shift)]);
}

/** The slice in the middle of an image of the next multiples, with 0 around it: the lower end of the window, or the mean. */
function padded(graph: GraphBuilder, slices: string, extents: string, divisor: number): SliceNodes {
  const missing = graph.node("Mod", [graph.node("Neg", [extents]), graph.integer(divisor)]);
  const before = graph.node("Div", [graph.node("Add", [missing, graph.integer(1)]), graph.integer(2)]);
  const after = graph.node("Sub", [missing, before]);
  const none = graph.integers(0, 0);
  const pads = graph.node("Concat", [none, before, none, after], { axis: 0n });
  return {
    image: graph.node("Pad", [slices, pads, graph.float(0)]),
    back: (logits) => graph.node("Slice", [logits, before, graph.node("Add", [before, extents]), graph.integers(2, 3)]),
  };
}

/**
 * The slice stretched onto size × size: the mean of s² bilinear samples a pixel, s the slice's larger extent over the
 * size, rounded up; beyond the slice 0. Both axes are matrices, since samples lie on a grid.
 */
function resampled(graph: GraphBuilder, slices: string, extents: string, size: number, classes: number): SliceNodes {
  const ratios = graph.node("Div", [graph.node("Cast", [extents], { to: float32 }), graph.float(size)]);
  const largest = graph.node("ReduceMax", [ratios], { axes: [0n], keepdims: 0n });
  const steps = graph.node("Max", [graph.node("Ceil", [largest]), graph.float(1)]);
  const axis = (number: 0 | 1): string => {
    const at = (list: string): string => graph.node("Gather", [list, graph.integer(number)]);
    return samplingMatrix(graph, { extent: at(extents), ratio: at(ratios), steps, size });
  };
  const rows = graph.node("MatMul", [axis(0), slices]);
  const image = graph.node("MatMul", [rows, graph.node("Transpose", [axis(1)], { perm: [1n, 0n] })]);
  return {
    image,
    back: (logits) => {
      const batch = graph.node("Slice", [graph.node("Shape", [slices]), graph.integers(0), graph.integers(1)]);
      const sizes = graph.node("Concat", [batch, graph.integers(classes), extents], { axis: 0n });
      return graph.node("Resize", [logits, "", "", sizes], bilinear);
    },
  };
}

/** Numbers of ONNX's element types. */
const float32 = 1n;
const int64 = 7n;

interface Sampling {
  /** Pixels of the slice along the axis, int64. */
  readonly extent: string;
  /** Of these for a pixel of the image, float32. */
  readonly ratio: string;
  /** Samples a pixel of the image, float32. */
  readonly steps: string;
  /** Pixels of the image along the axis. */
  readonly size: number;
}

/**
 * [size, extent]: the share of each pixel of the slice in each of the image.
 * mean over k of max(0, 1 − |u − j|), u = (i + (k + ½)/steps)·ratio − ½ for pixel i of the image and j of the slice.
 */
function samplingMatrix(graph: GraphBuilder, { extent, ratio, steps, size }: Sampling): string {
  const range = (count: string): string => graph.node("Range", [graph.integer(0), count, graph.integer(1)]);
  const floats = (list: string): string => graph.node("Cast", [list], { to: float32 });
  const count = graph.node("Cast", [graph.node("Mul", [steps, graph.float(size)])], { to: int64 });
  const places = graph.node("Div", [graph.node("Add", [floats(range(count)), graph.float(0.5)]), steps]);
  const source = graph.node("Sub", [graph.node("Mul", [places, ratio]), graph.float(0.5)]);
  const column = graph.node("Unsqueeze", [source, graph.integers(1)]);
  const distance = graph.node("Abs", [graph.node("Sub", [column, floats(range(extent))])]);
  const shares = graph.node("Relu", [graph.node("Sub", [graph.float(1), distance])]);
  const inSteps = graph.node(
    "Concat",
    [graph.integers(size, -1), graph.node("Unsqueeze", [extent, graph.integers(0)])],
    {
      axis: 0n,
    },
  );
  return graph.node("ReduceMean", [graph.node("Reshape", [shares, inSteps])], { axes: [1n], keepdims: 0n });
}

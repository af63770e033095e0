import type { DType } from "@lobule/kernels-wgsl";
import type { Shape } from "../shape.js";
import { apply, applyOne, f32, type OutputSpec } from "./apply.js";
import { type KernelTraits, type Lowering, type PointwiseOperation, type RemapOperation, Tensor } from "./tensor.js";

// Operations are applied to inputs by name. Their types survive into everything that is said of the operation: which
// inputs are slots, how it is lowered, its gradient. The graph and the compiler know positions only.

/** Inputs by name; a list of tensors may stand under one. */
export type Inputs = Readonly<Record<string, Tensor | readonly Tensor[]>>;

/** Gradients with respect to inputs, in their shapes; left out or `undefined` where there is none. */
export type Gradients<I extends Inputs> = { readonly [Name in keyof I]?: Tensor | undefined };

type OutputSpecs = Readonly<Record<string, OutputSpec>>;
type Outputs<O extends OutputSpecs> = { readonly [Name in keyof O]: Tensor<O[Name]["shape"], O[Name]["dtype"]> };
type NameOf<T> = keyof T & string;

interface Common<I> {
  readonly name: string;
  /** What distinguishes two operations of the same name besides their inputs' shapes, as text. */
  readonly key?: string;
  readonly inputs: I;
}

/** An operation of hand-written kernels with several outputs. */
export interface KernelsDefinition<I extends Inputs, O extends OutputSpecs>
  extends Common<I>,
    KernelTraits<NameOf<I>, NameOf<O>> {
  readonly outputs: O;
  readonly repeatable?: {
    readonly flops: number;
    readonly expression?: (inputs: I, outputs: Outputs<O>) => Tensor;
  };
  /** Says which kernels run on which tensors. */
  readonly lower: (inputs: I, outputs: Outputs<O>, lowering: Lowering) => void;
  readonly gradient?: (gradOutputs: Partial<Outputs<O>>, inputs: I, outputs: Outputs<O>) => Gradients<I>;
}

/** An operation of hand-written kernels with one output. */
export interface KernelDefinition<I extends Inputs, S extends Shape, D extends DType>
  extends Common<I>,
    KernelTraits<NameOf<I>, "output"> {
  readonly output: OutputSpec<S, D>;
  readonly repeatable?: { readonly flops: number };
  /** Says which kernels run on which tensors. */
  readonly lower: (inputs: I, output: Tensor<S, D>, lowering: Lowering) => void;
  readonly gradient?: ((gradOutput: Tensor<S, D>, inputs: I, output: Tensor<S, D>) => Gradients<I>) | undefined;
}

/** An operation that is computed element by element, wherever its result is read. */
export interface PointwiseDefinition<I extends TensorInputs, E extends TensorInputs, S extends Shape>
  extends Common<I>,
    GradientOfExpression<I, E, S> {
  readonly shape: S;
  /** Inputs of shape [channels, 4]: the expression gets the vec4f of its channel. */
  readonly coefficients?: readonly NameOf<I>[];
  /** WGSL expression of the inputs, each an f32. */
  readonly wgsl: (args: { readonly [Name in keyof I]: string }) => string;
}

/** An operation that only re-addresses channels. */
export interface RemapDefinition<I extends TensorInputs, E extends TensorInputs, S extends Shape>
  extends Common<I>,
    Pick<RemapOperation, "kind" | "channel">,
    GradientOfExpression<I, E, S> {
  readonly shape: S;
}

type TensorInputs = Readonly<Record<string, Tensor>>;
type NoInputs = Readonly<Record<never, Tensor>>;

interface GradientOfExpression<I extends TensorInputs, E extends TensorInputs, S extends Shape> {
  /** Tensors that the result does not read, but that receive gradients. */
  readonly unread?: E;
  readonly gradient?: (gradOutput: Tensor<S, "f32">, inputs: I & E, output: Tensor<S, "f32">) => Gradients<I & E>;
}

/** Applies an operation of hand-written kernels that has several outputs. */
export function applyKernels<const I extends Inputs, const O extends OutputSpecs>({
  inputs,
  outputs,
  slotInputs = [],
  halfInputs = [],
  halfOutputs = [],
  repeatable,
  lower,
  gradient,
  ...rest
}: KernelsDefinition<I, O>): Outputs<O> {
  const inputsOf = (list: readonly Tensor[]): I => byName(inputs, list);
  const outputsOf = (list: readonly Tensor[]): Outputs<O> => byName(outputs, list);
  const expression = repeatable?.expression;
  const made = apply(
    {
      ...rest,
      kind: "kernel",
      slotInputs: positionsOf(inputs, slotInputs),
      halfInputs: positionsOf(inputs, halfInputs),
      halfOutputs: positionsOf(outputs, halfOutputs),
      repeatable: repeatable && {
        flops: repeatable.flops,
        expression: expression && ((from, to) => expression(inputsOf(from), outputsOf(to))),
      },
      lower: (lowering, from, to) => lower(inputsOf(from), outputsOf(to), lowering),
      gradient:
        gradient &&
        ((gradOutputs, from, to) =>
          byPosition(inputs, gradient(byName(outputs, gradOutputs), inputsOf(from), outputsOf(to)))),
    },
    Object.values(inputs).flat(),
    Object.values(outputs),
  );
  return outputsOf(made);
}

/** Applies an operation of hand-written kernels that has one output. */
export const applyKernel = <const I extends Inputs, const S extends Shape, const D extends DType>({
  output,
  lower,
  gradient,
  ...rest
}: KernelDefinition<I, S, D>): Tensor<S, D> =>
  applyKernels<I, { output: OutputSpec<S, D> }>({
    ...rest,
    outputs: { output },
    lower: (inputs, outputs, lowering) => lower(inputs, outputs.output, lowering),
    ...(gradient && {
      gradient: (gradOutputs, inputs, outputs) =>
        gradOutputs.output === undefined ? {} : gradient(gradOutputs.output, inputs, outputs.output),
    }),
  }).output;

/**
 * Applies an operation that is computed element by element.
 *
 * ```ts
 * import { applyPointwise, type Image, multiply, scale } from "@lobule/tensor";
 *
 * const square = <C extends number>(x: Image<C>): Image<C> =>
 *   applyPointwise({
 *     name: "square",
 *     inputs: { x },
 *     shape: x.shape,
 *     wgsl: (args) => `(${args.x} * ${args.x})`,
 *     gradient: (g, inputs) => ({ x: scale(multiply(g, inputs.x), 2) }),
 *   });
 * ```
 */
export const applyPointwise = <
  const I extends TensorInputs,
  const S extends Shape,
  const E extends TensorInputs = NoInputs,
>(
  definition: PointwiseDefinition<I, E, S>,
): Tensor<S, "f32"> => {
  const { name, key, inputs, coefficients = [], wgsl } = definition;
  return applyExpression(definition, {
    kind: "pointwise",
    name,
    key,
    coefficients: positionsOf(inputs, coefficients),
    wgsl: (args) => wgsl(byName(inputs, args)),
  });
};

/** Applies an operation that only re-addresses channels. */
export const applyRemap = <
  const I extends TensorInputs,
  const S extends Shape,
  const E extends TensorInputs = NoInputs,
>(
  definition: RemapDefinition<I, E, S>,
): Tensor<S, "f32"> => {
  const { kind, name, key, channel } = definition;
  return applyExpression(definition, { kind, name, key, channel });
};

function applyExpression<I extends TensorInputs, E extends TensorInputs, S extends Shape>(
  { inputs, unread, shape, gradient }: Pick<PointwiseDefinition<I, E, S>, "inputs" | "unread" | "shape" | "gradient">,
  operation: PointwiseOperation | RemapOperation,
): Tensor<S, "f32"> {
  const all: Inputs = { ...inputs, ...unread };
  return applyOne(
    {
      ...operation,
      expressionInputs: Object.keys(inputs).length,
      gradient:
        gradient &&
        ((gradOutputs, from, to) => {
          const { output: gradOutput } = byName<Result<S>>(one, gradOutputs);
          return byPosition(all, gradient(gradOutput, byName(all, from), byName<Result<S>>(one, to).output));
        }),
    },
    Object.values(all).flat(),
    f32(shape),
  );
}

/** The one output of an expression; there is no gradient of it without one of the output. */
interface Result<S extends Shape> {
  readonly output: Tensor<S, "f32">;
}
const one = { output: undefined };

/**
 * A list by the names under which its elements were given: `like` says which, and how many there are under each. The
 * types are those of the definition that `like` belongs to.
 */
function byName<T>(like: Readonly<Record<string, unknown>>, list: readonly unknown[]): T {
  let at = 0;
  const entries = Object.entries(like).map(([name, value]) => {
    const first = at;
    at += Array.isArray(value) ? value.length : 1;
    return [name, Array.isArray(value) ? list.slice(first, at) : list[first]];
  });
  return Object.fromEntries(entries);
}

/** The positions of the named ones in the list of all. */
function positionsOf(like: Readonly<Record<string, unknown>>, names: readonly string[]): number[] {
  const counts = Object.values(like).map((value) => (Array.isArray(value) ? value.length : 1));
  const owners = Object.keys(like).flatMap((name, i) => Array<string>(counts[i] ?? 0).fill(name));
  return owners.flatMap((name, position) => (names.includes(name) ? [position] : []));
}

/** The gradients in the order of the inputs; none for lists. */
function byPosition(inputs: Inputs, gradients: Readonly<Record<string, Tensor | undefined>>): (Tensor | undefined)[] {
  return Object.entries(inputs).flatMap(([name, value]) =>
    value instanceof Tensor ? [gradients[name]] : value.map(() => undefined),
  );
}

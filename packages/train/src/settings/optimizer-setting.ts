import { z } from "zod";

const kind = "how parameters follow their gradients; sgd is Nesterov's";
const decay = z.number().min(0);
const weightDecay = "weight decay: added to the gradient by adam and sgd, taken from the weights by adamw";

/** How parameters follow their gradients; the equations are with the classes. */
export const optimizerSetting = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("adam").describe(kind), weightDecay: decay.default(0).describe(weightDecay) }),
  // Loshchilov and Hutter 2019.
  z.strictObject({ kind: z.literal("adamw").describe(kind), weightDecay: decay.default(0.01).describe(weightDecay) }),
  z.strictObject({
    kind: z.literal("sgd").describe(kind),
    momentum: z.number().min(0).lt(1).default(0.9).describe("momentum of sgd"),
    weightDecay: decay.default(0).describe(weightDecay),
  }),
]);

export type OptimizerSpec = z.output<typeof optimizerSetting>;

export const defaultOptimizer: OptimizerSpec = optimizerSetting.parse({ kind: "adam" });

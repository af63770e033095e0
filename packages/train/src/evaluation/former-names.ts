import { z } from "zod";

/** Measures of a class by the names that evaluations were written with before, as well as by those of today. */
export const withFormerNames = <T extends z.ZodType>(measures: T) =>
  z.preprocess((value) => {
    const former = formerSchema.safeParse(value);
    if (!former.success) return value;
    const { normalisedSurfaceDistance, ...others } = former.data;
    return { normalizedSurfaceDistance: normalisedSurfaceDistance, ...others };
  }, measures);

const formerSchema = z.looseObject({ normalisedSurfaceDistance: z.unknown().nonoptional() });

import type { WeightMisfitError } from "@lobule/interop";

/** Misfits that are listed in full. */
const listed = 20;

/** A line for each tensor that does not fit, and how many more there are. */
export const listMisfits = ({ misfits }: WeightMisfitError): readonly string[] => [
  ...misfits.slice(0, listed),
  ...(misfits.length > listed ? [`… and ${misfits.length - listed} more`] : []),
];

import { plural } from "@lobule/data";
import { z } from "zod";
import { ExperimentError } from "../experiment/experiment-file.js";

const recordSchema = z.looseObject({ data: z.string(), contents: z.record(z.string(), z.string()) });

/** Cases of each kind that a sentence names. */
const named = 3;

/**
 * Refuses data that are not those that a cross-validation was begun with.
 * @param before what its record says it was begun with.
 * @param now the folder, and a hash of image, labels and grid of every case by its name.
 * @throws ExperimentError naming cases that are new, gone, or hold something else.
 */
export function requireSameCases(
  before: unknown,
  { data, contents }: { readonly data: string; readonly contents: Readonly<Record<string, string>> },
  directory: string,
): void {
  const record = recordSchema.safeParse(before);
  // Another folder, and what is no cross-validation, is refused as such.
  if (!record.success || record.data.data !== data) return;
  const [old, now] = [new Map(Object.entries(record.data.contents)), new Map(Object.entries(contents))];
  const differences = [
    casesText(
      [...now.keys()].filter((name) => !old.has(name)),
      "is new",
      "are new",
    ),
    casesText(
      [...old.keys()].filter((name) => !now.has(name)),
      "is gone",
      "are gone",
    ),
    casesText(
      [...now].flatMap(([name, hash]) => (old.has(name) && old.get(name) !== hash ? [name] : [])),
      "holds something else",
      "hold something else",
    ),
  ].filter((text) => text !== "");
  if (differences.length === 0) return;
  throw new ExperimentError(
    `the cases have changed since ${directory} began: ${differences.join("; ")}; put them back, or name another folder by --out`,
  );
}

function casesText(names: readonly string[], one: string, several: string): string {
  if (names.length === 0) return "";
  const listed = names.length > named ? plural(names.length, "case") : names.join(", ");
  return `${listed} ${names.length === 1 ? one : several}`;
}

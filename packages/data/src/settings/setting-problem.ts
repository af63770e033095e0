import type { z } from "zod";
import { alternatives, formsAt, formText, namesIn, type SettingSchema, wordsOf } from "./setting-form.js";
import { nearest, suggestion } from "./suggest.js";

/** A setting that does not fit its form. */
export interface SettingProblem {
  /** Where it is: ["loss", "gamma"]. */
  readonly path: readonly PropertyKey[];
  /** What is wrong with it, to follow its name: "needs a whole number from 1, got 2.5". */
  readonly problem: string;
}

/** The first of a schema's issues with a value, in our own words. */
export function settingProblem(error: z.core.$ZodError, value: unknown, schema: SettingSchema): SettingProblem {
  const [issue] = error.issues;
  if (issue === undefined) return { path: [], problem: "does not fit" };
  const path = [...issue.path];
  if (issue.code === "unrecognized_keys") return unknownSetting(path, issue.keys, value, schema);
  const found = at(value, path);
  if (issue.code === "invalid_key") return { path, problem: issue.issues[0]?.message ?? "is not known here" };
  if (issue.code === "custom") return { path, problem: `${issue.message}, got ${shown(found)}` };
  const forms = kindsAt(schema, path, value);
  if (found === undefined) {
    const meant = misspelled(path, error.issues);
    return meant === undefined
      ? { path, problem: `is missing; it needs ${formText(forms)}` }
      : unknownSetting(path.slice(0, -1), [meant], value, schema);
  }
  const near = typeof found === "string" ? suggestion(found, wordsOf(forms), (word) => `'${word}'`) : "";
  return { path, problem: `needs ${formText(forms)}, got ${shown(found)}${near}` };
}

/** A name beside a missing one that is not known and was probably meant as it. */
function misspelled(missing: readonly PropertyKey[], issues: readonly z.core.$ZodIssue[]): string | undefined {
  const [name, group] = [String(missing.at(-1)), missing.slice(0, -1)];
  return issues
    .flatMap((issue) => (issue.code === "unrecognized_keys" && issue.path.join() === group.join() ? issue.keys : []))
    .find((key) => nearest(key, [name]) !== undefined);
}

/** Forms at a path; of groups of several kinds those of the value's own kind. */
function kindsAt(schema: SettingSchema, path: readonly PropertyKey[], value: unknown): readonly SettingSchema[] {
  const [key, ...rest] = path;
  if (key === undefined) return alternatives(schema);
  const kind = isPlain(value) ? value.kind : undefined;
  const kinds = alternatives(schema);
  const own = kinds.filter((form) => kind !== undefined && formsAt(form, ["kind"]).some((each) => each.const === kind));
  const within = own.length > 0 ? own : kinds;
  return within.flatMap((form) => formsAt(form, [key])).flatMap((form) => kindsAt(form, rest, at(value, [key])));
}

function unknownSetting(
  path: readonly PropertyKey[],
  [key = ""]: readonly string[],
  value: unknown,
  schema: SettingSchema,
): SettingProblem {
  const group = at(value, path);
  const kind = isPlain(group) && typeof group.kind === "string" ? group.kind : undefined;
  const kinds = formsAt(schema, path);
  const others = kinds
    .filter((form) => formsAt(form, [key]).length > 0)
    .flatMap((form) => wordsOf(formsAt(form, ["kind"])));
  if (kind !== undefined && others.length > 0) {
    const name = String(path.at(-1) ?? "");
    return {
      path: [...path, key],
      problem: `has no effect with the ${name} '${kind}'; it goes with ${others.join(", ")}`,
    };
  }
  const near = suggestion(key, namesIn(kinds), (name) => `'${name}'`);
  return { path: [...path, key], problem: `is no setting${near === "" ? "; leave it out" : near}` };
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );

/** A value as a message shows it: numbers as they are, the rest as JSON of a bounded length. */
export function shown(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : typeof value === "string" ? `'${value}'` : text;
}

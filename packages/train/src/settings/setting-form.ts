import { z } from "zod";

/** What a value must look like. */
export type SettingSchema = z.core.JSONSchema.BaseSchema;

/** The form of what a schema takes. */
export const settingSchemaOf = (schema: z.ZodType): SettingSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });

const isForm = (schema: z.core.JSONSchema._JSONSchema | undefined): schema is SettingSchema =>
  typeof schema === "object";

/** All forms that a value may have, those of alternatives one by one. */
export const alternatives = (schema: SettingSchema): readonly SettingSchema[] =>
  [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
    .filter(isForm)
    .flatMap(alternatives)
    .concat(schema.anyOf === undefined && schema.oneOf === undefined ? [schema] : []);

/** Forms of the setting at a path, in every alternative that has it. */
export function formsAt(schema: SettingSchema, path: readonly PropertyKey[]): readonly SettingSchema[] {
  const [key, ...rest] = path;
  const here = alternatives(schema);
  if (key === undefined) return here;
  return here.flatMap(({ properties, items, prefixItems, additionalProperties }) => {
    const inner =
      typeof key === "number"
        ? (prefixItems?.[key] ?? (Array.isArray(items) ? undefined : items))
        : (properties?.[String(key)] ?? additionalProperties);
    return isForm(inner) ? formsAt(inner, rest) : [];
  });
}

/** Names of the settings of a group, in any of its kinds. */
export const namesIn = (forms: readonly SettingSchema[]): readonly string[] => [
  ...new Set(forms.flatMap(({ properties = {} }) => Object.keys(properties))),
];

/** The words that forms allow, where they allow words only. */
export const wordsOf = (forms: readonly SettingSchema[]): readonly string[] =>
  [...new Set(forms.flatMap((form) => form.enum ?? (form.const === undefined ? [] : [form.const])))].filter(
    (each) => typeof each === "string",
  );

/** What forms allow, to follow "needs": "a whole number from 1 up to 9", "one of a, b". */
export function formText(forms: readonly SettingSchema[]): string {
  const words = wordsOf(forms);
  const others = forms.filter((form) => form.enum === undefined && form.const === undefined).map(otherText);
  const named = words.length === 0 ? [] : [words.length === 1 ? `'${words[0]}'` : `one of ${words.join(", ")}`];
  return [...new Set([...named, ...others])].join(" or ");
}

function otherText(form: SettingSchema): string {
  if (form.description !== undefined) return form.description;
  switch (form.type) {
    case "integer":
      return `a whole number${boundsText(boundsOf(form))}`;
    case "number":
      return `a number${boundsText(boundsOf(form))}`;
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "string":
      return form.minLength === undefined ? "text" : "text that is not empty";
    case "array":
      return arrayText(form);
    default:
      return "a group of settings in braces";
  }
}

function arrayText({ prefixItems, items, minItems = 0 }: SettingSchema): string {
  if (prefixItems !== undefined) return `a list of ${prefixItems.length} values`;
  const each = !Array.isArray(items) && isForm(items) ? `, each ${formText(alternatives(items))}` : "";
  return `a list${minItems > 0 ? " that is not empty" : ""}${each}`;
}

/** Bounds of a number, all but `above` and `below` part of it. */
export interface NumberBounds {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
  readonly multipleOf?: number;
}

/** Those of a form; what a double holds exactly is no bound of a setting. */
export function boundsOf({ type, minimum, exclusiveMinimum, maximum, exclusiveMaximum }: SettingSchema): NumberBounds {
  const above = typeof exclusiveMinimum === "number" && type === "number" ? exclusiveMinimum : undefined;
  const least = typeof exclusiveMinimum === "number" && type === "integer" ? exclusiveMinimum + 1 : minimum;
  return {
    ...(least === undefined || !Number.isFinite(least) || least < -(2 ** 52) ? {} : { least }),
    ...(above === undefined ? {} : { above }),
    ...(maximum === undefined || maximum > 2 ** 52 ? {} : { most: maximum }),
    ...(typeof exclusiveMaximum === "number" ? { below: exclusiveMaximum } : {}),
  };
}

/** " from 1 up to 9", to follow "a number". */
export function boundsText({ multipleOf, ...bounds }: NumberBounds): string {
  return `${multipleOf === undefined ? "" : `, a multiple of ${multipleOf},`}${rangeText(bounds)}`;
}

function rangeText({ least, above, most, below }: NumberBounds): string {
  const low = least === undefined ? (above === undefined ? "" : ` above ${above}`) : ` from ${least}`;
  const high = most === undefined ? (below === undefined ? "" : `below ${below}`) : `up to ${most}`;
  if (high === "") return low;
  return below !== undefined && low !== "" ? `${low} and ${high}` : `${low} ${high}`;
}

import { z } from "zod";

/** What a value must look like. */
export type SettingSchema = z.core.JSONSchema.BaseSchema;

/** The form of what a schema takes. */
export const settingSchemaOf = (schema: z.ZodType): SettingSchema =>
  z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // What a double holds exactly is no bound of a setting.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });

const isForm = (schema: z.core.JSONSchema._JSONSchema | undefined): schema is SettingSchema =>
  typeof schema === "object";

const typeNames = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;

/** All forms that a value may have, those of alternatives one by one. */
export const alternatives = (schema: SettingSchema): readonly SettingSchema[] =>
  [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
    .filter(isForm)
    .flatMap(alternatives)
    .concat(schema.anyOf === undefined && schema.oneOf === undefined ? typesOf(schema) : []);

/** A form a type: "text or null" may be one form of two types. */
function typesOf(schema: SettingSchema): SettingSchema[] {
  const types: unknown = schema.type;
  if (!Array.isArray(types)) return [schema];
  return typeNames.filter((type) => types.includes(type)).map((type) => ({ ...schema, type }));
}

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

/** A setting as its schema describes it. */
export interface DescribedSetting {
  /** Keys from the outside: ["loss", "gamma"]. */
  readonly path: readonly string[];
  /** A phrase that says what it does, with its unit. */
  readonly description: string;
  /** What it takes, to follow "needs"; without null. */
  readonly takes: string;
  /** What it is where it is not given, in each kind of its group that has it; empty where it must be given. */
  readonly defaults: readonly { readonly kind: string | undefined; readonly value: unknown }[];
}

/**
 * All settings of a schema in its order, those of a group one by one.
 * @param given the default of the group as a whole.
 * @throws RangeError naming a setting without a description.
 */
export function describeSettings(
  group: SettingSchema,
  path: readonly string[] = [],
  given: unknown = group.default,
): DescribedSetting[] {
  const kinds = alternatives(group).filter(({ properties }) => properties !== undefined);
  return namesIn(kinds).flatMap((name) => {
    const own = [...path, name];
    const found = kinds.flatMap(({ properties = {} }) => {
      const setting = properties[name];
      if (!isForm(setting)) return [];
      const [kind] = isForm(properties.kind) ? wordsOf([properties.kind]) : [];
      return [{ kind, setting }];
    });
    const [first] = found;
    if (first === undefined) return [];
    const inner = alternatives(first.setting);
    if (inner.some(({ properties }) => properties !== undefined)) return describeSettings(first.setting, own);
    const description = found.map(({ setting }) => setting.description).find((each) => each !== undefined);
    if (description === undefined) throw new RangeError(`the setting ${own.join(".")} has no description`);
    const forms = found.flatMap(({ setting }) => alternatives(setting)).filter(({ type }) => type !== "null");
    const defaults = found.flatMap(({ kind, setting }) =>
      "default" in setting ? [{ kind, value: setting.default }] : [],
    );
    const inGroup: unknown = typeof given === "object" && given !== null ? Reflect.get(given, name) : undefined;
    if (defaults.length === 0 && inGroup !== undefined) defaults.push({ kind: undefined, value: inGroup });
    return [{ path: own, description, takes: formText(forms), defaults }];
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
  if (form.title !== undefined) return form.title;
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
      return "an object";
  }
}

function arrayText({ prefixItems, items, minItems = 0, maxItems }: SettingSchema): string {
  if (prefixItems !== undefined) return `a list of ${prefixItems.length} values`;
  const each = !Array.isArray(items) && isForm(items) ? `, each ${formText(alternatives(items))}` : "";
  if (minItems > 1 && maxItems !== undefined) return `a list of ${minItems} to ${maxItems}${each}`;
  const least = minItems > 1 ? ` of at least ${minItems}` : minItems > 0 ? " that is not empty" : "";
  return `a list${least}${maxItems === undefined ? "" : ` of at most ${maxItems}`}${each}`;
}

/** Bounds of a number, all but `above` and `below` part of it. */
export interface NumberBounds {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
  readonly multipleOf?: number;
}

/** Those of a form. */
export function boundsOf({ type, minimum, exclusiveMinimum, maximum, exclusiveMaximum }: SettingSchema): NumberBounds {
  const above = typeof exclusiveMinimum === "number" && type === "number" ? exclusiveMinimum : undefined;
  const least = typeof exclusiveMinimum === "number" && type === "integer" ? exclusiveMinimum + 1 : minimum;
  return {
    ...(least === undefined ? {} : { least }),
    ...(above === undefined ? {} : { above }),
    ...(maximum === undefined ? {} : { most: maximum }),
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

import { type DType, KernelDeclarationError } from "../contract/kernel.js";

/** A resource of a WGSL file: `@group(0) @binding(0) var<storage, read> input: array<real>;`. */
export interface Binding {
  readonly name: string;
  readonly access: "uniform" | "read" | "read_write";
  readonly type: string;
}

const bindingPattern =
  /^@group\(0\) @binding\(\d+\) var<(uniform|storage, read|storage, read_write)> (\w+): ([^;]+);.*$/gm;

/** The bindings of a file in their order there; the index is the binding number. */
export function bindingsOf(source: string): Binding[] {
  return [...source.matchAll(bindingPattern)].map(([, access, name, type]) => ({
    name: name as string,
    access: (access as string).replace("storage, ", "") as Binding["access"],
    type: type as string,
  }));
}

/** The text with an extension of WGSL enabled; asked for twice, it is so once. */
export const enable = (source: string, extension: "f16" | "subgroups"): string =>
  source.includes(`enable ${extension};`) ? source : `enable ${extension};\n${source}`;

/** Numbers the bindings from 0 in the order in which they stand in the text. */
export function renumberBindings(source: string): string {
  let next = 0;
  return source.replace(/^@group\(0\) @binding\(\d+\)/gm, () => `@group(0) @binding(${next++})`);
}

/** The text without the binding of that name. */
export function removeBinding(source: string, name: string): string {
  const pattern = new RegExp(`^@group\\(0\\) @binding\\(\\d+\\) var<[^>]+> ${name}:.*\\n`, "m");
  if (!pattern.test(source)) throw new KernelDeclarationError(`no binding named '${name}' to remove`);
  return source.replace(pattern, "");
}

/** Replaces the declaration of the binding of that name; it keeps its number. */
export function replaceBinding(source: string, name: string, declaration: string): string {
  const pattern = new RegExp(`^(@group\\(0\\) @binding\\(\\d+\\)) var<[^>]+> ${name}:.*$`, "m");
  if (!pattern.test(source)) throw new KernelDeclarationError(`no binding named '${name}' to replace`);
  return source.replace(pattern, `$1 ${declaration}`);
}

/** Where a top-level `fn name` or `struct name` stands: start and end of its text, braces included. */
function findDefinition(source: string, kind: "fn" | "struct", name: string): [start: number, end: number] {
  const match = new RegExp(`^${kind} ${name}\\b`, "m").exec(source);
  if (!match) throw new KernelDeclarationError(`no '${kind} ${name}' in the kernel`);
  let depth = 0;
  for (let at = source.indexOf("{", match.index); at < source.length; at++) {
    if (source[at] === "{") depth++;
    else if (source[at] === "}" && --depth === 0) return [match.index, at + 1];
  }
  throw new KernelDeclarationError(`'${kind} ${name}' has no end`);
}

/** A function or struct as a whole. */
export function definitionOf(source: string, kind: "fn" | "struct", name: string): string {
  return source.slice(...findDefinition(source, kind, name));
}

/**
 * Replaces what is in the text once: for what is no definition, constant or binding. A space of a string stands for any white
 * space or none, since functions are written with it in their files and without in packages.
 */
export function replaceText(source: string, sought: string | RegExp, replacement: string): string {
  const pattern = typeof sought === "string" ? new RegExp(escaped(sought).replaceAll(" ", "\\s*")) : sought;
  const changed = source.replace(pattern, replacement);
  if (changed === source) throw new KernelDeclarationError(`no ${pattern} in the kernel`);
  return changed;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether the text defines `fn name` at top level. */
export const hasFunction = (source: string, name: string): boolean => new RegExp(`^fn ${name}\\b`, "m").test(source);

/** Replaces a function or struct as a whole. */
export function replaceDefinition(source: string, kind: "fn" | "struct", name: string, text: string): string {
  const [start, end] = findDefinition(source, kind, name);
  return source.slice(0, start) + text + source.slice(end);
}

/** Gives a top-level `const name: u32` another value. */
export function replaceConstant(source: string, name: string, value: number): string {
  const pattern = new RegExp(`^const ${name}: u32 = [^;]+;`, "m");
  if (!pattern.test(source)) throw new KernelDeclarationError(`no 'const ${name}: u32' in the kernel`);
  return source.replace(pattern, `const ${name}: u32 = ${value};`);
}

/** Field names and types of a struct, in order. */
export function structFields(source: string, name: string): { name: string; type: string }[] {
  const [start, end] = findDefinition(source, "struct", name);
  const body = source.slice(source.indexOf("{", start) + 1, end - 1).replace(/\/\/.*$/gm, "");
  return body
    .split(",")
    .map((field) => field.trim())
    .filter((field) => field.length > 0)
    .map((field) => {
      const [fieldName, type] = field.split(":").map((part) => part.trim());
      return { name: fieldName as string, type: type as string };
    });
}

/** Sets the storage type of a file: rewrites its `alias real = f32;` line. */
export function withStorageType(source: string, dtype: Extract<DType, "f32" | "f16">): string {
  if (dtype === "f32") return source;
  return enable(replaceText(source, "alias real = f32;", `alias real = ${dtype};`), "f16");
}

/**
 * Sets the storage type of each binding of `real`, or of vectors of 2 or 4 of them, by itself: f16 for those named in `half`,
 * f32 for the others. What the kernel writes has one type.
 * @throws KernelDeclarationError when it would have two.
 */
export function withStorageTypes(source: string, half: ReadonlySet<string>): string {
  const bindings = bindingsOf(source).filter(({ type }) => /^array<(real|vec[24]<real>)>$/.test(type));
  if (!bindings.some(({ name }) => half.has(name))) return source;
  const written = bindings.filter(({ access }) => access === "read_write").map(({ name }) => half.has(name));
  if (written.includes(true) && written.includes(false)) {
    throw new KernelDeclarationError("a kernel cannot write f16 and f32 through 'array<real>' bindings");
  }
  let text = source;
  for (const { name, access, type } of bindings) {
    if (access === "read_write") continue;
    text = text.replace(`> ${name}: ${type};`, `> ${name}: ${type.replace("real", half.has(name) ? "f16" : "f32")};`);
  }
  if (written.includes(true)) return withStorageType(text, "f16");
  return enable(text, "f16");
}

/** Adds u32 fields to `struct Sizes`. */
export function extendSizes(source: string, names: readonly string[]): string {
  if (names.length === 0) return source;
  const start = source.search(/^struct Sizes\b/m);
  const end = source.indexOf("}", start);
  const body = source.slice(start, end).trimEnd();
  const comma = body
    .replace(/\/\/.*$/gm, "")
    .trimEnd()
    .endsWith(",")
    ? ""
    : ",";
  return `${source.slice(0, start)}${body}${comma}\n${names.map((name) => `  ${name}: u32,`).join("\n")}\n${source.slice(end)}`;
}

/** Sets a constant that the file marks as tunable: `const TILE: u32 = 4; // tunable`. */
export function withConstant(source: string, name: string, value: number | boolean): string {
  const pattern = new RegExp(`^const ${name}(: \\w+)? = [^;]+; // tunable`, "m");
  const match = pattern.exec(source);
  if (!match) throw new KernelDeclarationError(`the kernel has no tunable constant '${name}'`);
  const suffix = match[1] === ": u32" ? "u" : "";
  return source.replace(pattern, `const ${name}${match[1] ?? ""} = ${value}${suffix}; // tunable`);
}

/**
 * The bytes of `struct Sizes` in uniform layout: its fields are u32, i32 or f32 scalars, four bytes each,
 * padded to 16.
 * @throws KernelDeclarationError when a field has no value, a value no field, or a value does not fit its type.
 */
export function packSizes(source: string, sizes: Readonly<Record<string, number>>): ArrayBuffer {
  const fields = structFields(source, "Sizes");
  const known = new Set(fields.map((field) => field.name));
  for (const name of Object.keys(sizes)) {
    if (!known.has(name)) throw new KernelDeclarationError(`'struct Sizes' has no field '${name}'`);
  }
  const buffer = new ArrayBuffer(Math.ceil((fields.length * 4) / 16) * 16);
  const view = new DataView(buffer);
  fields.forEach(({ name, type }, index) => {
    const value = sizes[name];
    if (value === undefined) throw new KernelDeclarationError(`no value for '${name}' of 'struct Sizes'`);
    if (type === "f32") view.setFloat32(index * 4, value, true);
    else if (type === "u32" || type === "i32") {
      const low = type === "u32" ? 0 : -(2 ** 31);
      if (!Number.isInteger(value) || value < low || value >= low + 2 ** 32) {
        throw new KernelDeclarationError(`${name} = ${value} is no ${type}`);
      }
      view.setUint32(index * 4, value >>> 0, true);
    } else throw new KernelDeclarationError(`field '${name}' of 'struct Sizes' has type ${type}; use u32, i32 or f32`);
  });
  return buffer;
}

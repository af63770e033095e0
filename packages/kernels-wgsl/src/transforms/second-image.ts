import { KernelDeclarationError } from "../contract/kernel.js";
import {
  bindingsOf,
  definitionOf,
  extendSizes,
  renumberBindings,
  replaceDefinition,
  replaceText,
} from "./wgsl-text.js";

/** The input's slot, of which a second one is made. */
const slotFunctions = ["prepareInput", "loadInput", "loadInputQuad"];

/**
 * A file's text for an input that is two images whose channels follow one another: `sizes.split` of the first, then those of
 * another, which is read through a slot Second. So no load asks which it is of.
 *
 * `entries` are functions that read the input: a range of channels, from the last parameter but one to before the last, or a block
 * of channels, all of one image, from the last parameter on:
 *
 *     fn addChannels(…, first: u32, end: u32) { for (var c = first; c < end; c++) { … prepareInput(n, c) … } }
 *     fn loadPart(…, firstIn: u32) -> Part { … }
 *
 * An entry, what it calls, and structs that hold an InputChannel are copied for the second image. The new entry calls both in
 * turn, or one.
 */
export function withSecondImage(source: string, entries: Readonly<Record<string, "range" | "block">>): string {
  const names = [...source.matchAll(/^fn (\w+)/gm)].map(([, name = ""]) => name);
  const texts = new Map(names.map((name) => [name, definitionOf(source, "fn", name)]));
  const copied = new Set<string>();
  for (const entry of Object.keys(entries)) {
    if (!copyReaders(entry, texts, copied)) throw new KernelDeclarationError(`'fn ${entry}' reads no input`);
  }
  const structs = [...source.matchAll(/^struct (\w+)/gm)].map(([, name = ""]) => name);
  const holding = structs.filter((name) => /:\s*InputChannel\b/.test(definitionOf(source, "struct", name)));
  const ofSecond = new Map([...holding, ...copied].map((name) => [name, `${name}OfSecond`]));
  ofSecond.set("prepareInput", "prepareSecondAfterFirst").set("InputChannel", "SecondChannel");
  ofSecond.set("loadInput", "loadSecond").set("loadInputQuad", "loadSecondQuad");
  const copies = [
    ...holding.map((name) => definitionOf(source, "struct", name)),
    ...[...copied].map((name) => texts.get(name) ?? ""),
  ].map((text) => rename(text, ofSecond));
  const text = Object.entries(entries).reduce((result, [entry, reads]) => withBoth(result, entry, reads), source);
  return extendSizes(withSecondSlot(`${text}\n${copies.join("\n")}\n`), ["split"]);
}

/** The text with an entry that calls its copies for the two images. */
function withBoth(source: string, entry: string, reads: "range" | "block"): string {
  const whole = definitionOf(source, "fn", entry);
  const head = whole.slice(0, whole.indexOf("{"));
  const parameters = [...head.matchAll(/(\w+)\s*:/g)].map(([, name = ""]) => name);
  const call = (image: "First" | "Second", given: readonly string[]): string =>
    `${entry}Of${image}(${given.join(", ")});`;
  const last = parameters.at(-1) ?? "";
  const others = parameters.slice(0, -2);
  const calls =
    reads === "block"
      ? `if (${last} >= sizes.split) { return ${call("Second", parameters)} }\n  return ${call("First", parameters)}`
      : `${call("First", [...parameters.slice(0, -1), "sizes.split"])}\n  ${call("Second", [...others, "sizes.split", last])}`;
  const ofFirst = rename(whole, new Map([[entry, `${entry}OfFirst`]]));
  return replaceDefinition(source, "fn", entry, `${ofFirst}\n${head}{\n  ${calls}\n}`);
}

/** Adds a function that reads the input to `copied`, after those it calls; whether it does. */
function copyReaders(name: string, texts: ReadonlyMap<string, string>, copied: Set<string>): boolean {
  const body = texts.get(name);
  if (body === undefined) throw new KernelDeclarationError(`no 'fn ${name}' in the kernel`);
  const called = (other: string): boolean => other !== name && new RegExp(`\\b${other}\\(`).test(body);
  const others = [...texts.keys()].filter((other) => !slotFunctions.includes(other) && called(other));
  const reading = others.filter((other) => copyReaders(other, texts, copied));
  if (reading.length === 0 && !slotFunctions.some(called)) return false;
  copied.add(name);
  return true;
}

const rename = (text: string, names: ReadonlyMap<string, string>): string =>
  text.replaceAll(/\w+/g, (word) => names.get(word) ?? word);

/** The file with slot Second behind slot Input, which has `sizes.split` channels now. */
function withSecondSlot(source: string): string {
  const input = bindingsOf(source).find(({ name }) => name === "input");
  if (input === undefined) throw new KernelDeclarationError("no binding named 'input' to have another beside it");
  const names = new Map([
    ["InputChannel", "SecondChannel"],
    ["input", "second"],
    ...slotFunctions.map((name) => [name, name.replace("Input", "Second")] as const),
  ]);
  const channels = "sizes.inChannels";
  const prepare = definitionOf(source, "fn", "prepareInput");
  const definitions = [
    rename(definitionOf(source, "struct", "InputChannel"), names),
    replaceText(rename(prepare, names), channels, "(sizes.inChannels - sizes.split)"),
    ...slotFunctions
      .slice(1)
      .flatMap((name) => (source.includes(`fn ${name}(`) ? [rename(definitionOf(source, "fn", name), names)] : [])),
    "fn prepareSecondAfterFirst(n: u32, c: u32) -> SecondChannel { return prepareSecond(n, c - sizes.split); }",
  ];
  const own = replaceDefinition(source, "fn", "prepareInput", replaceText(prepare, channels, "sizes.split"));
  const binding = /^@group\(0\) @binding\(\d+\) var<storage, read> input:.*\n/m;
  const beside = `@group(0) @binding(0) var<storage, read> second: ${input.type};\n`;
  return renumberBindings(`${own.replace(binding, (line) => line + beside)}${definitions.join("\n")}\n`);
}

import { KernelDeclarationError } from "../contract/kernel.js";
import { hasFunction, removeBinding, renumberBindings, replaceDefinition } from "./wgsl-text.js";

/** Functions that read the second image, where a file has them. */
const readers = ["prepareSecond", "loadSecond", "loadSecondQuad", "secondQuad", "secondPixel"];

/**
 * A file's text for an input that is one image, where the file also takes one that is two whose channels follow one another.
 * It has a slot Second beside Input, and
 *
 *     fn isSecond(firstIn: u32) -> bool { return firstIn >= sizes.split; }    whether a block of channels is of the second image
 *     fn loadSecondPart(…) -> InputPart                                       what alone calls what reads it; named by `entry`
 */
export function withoutSecondImage(source: string, entry: string): string {
  const result = new RegExp(`^fn ${entry}\\([^)]*\\)\\s*->\\s*(\\w+)\\s*\\{`, "m").exec(source);
  if (result === null) throw new KernelDeclarationError(`no 'fn ${entry}' in the kernel`);
  let text = replaceDefinition(source, "fn", entry, `${result[0]} return ${result[1]}(); }`);
  text = replaceDefinition(text, "fn", "isSecond", "fn isSecond(firstIn: u32) -> bool { return false; }");
  for (const name of readers) if (hasFunction(text, name)) text = replaceDefinition(text, "fn", name, "");
  return renumberBindings(removeBinding(text, "second"));
}

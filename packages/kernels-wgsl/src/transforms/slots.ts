import type { SlotText } from "../contract/slots.js";
import { enable, removeBinding, renumberBindings, replaceDefinition } from "./wgsl-text.js";

/** A kernel's text with slots replaced, and the bindings numbered anew. */
export function replaceSlots(source: string, slots: readonly SlotText[]): string {
  let text = source;
  let bindings = "";
  for (const slot of slots) {
    if (slot.replaces !== undefined) text = removeBinding(text, slot.replaces);
    for (const [name, definition] of Object.entries(slot.definitions)) {
      text = replaceDefinition(text, /^[A-Z]/.test(name) ? "struct" : "fn", name, definition);
    }
    for (const extension of slot.enables ?? []) text = enable(text, extension);
    for (const binding of slot.bindings) bindings += `@group(0) @binding(0) ${binding}\n`;
  }
  if (bindings !== "") {
    // After the last binding of the file, so that those that stay keep their order.
    const last = [...text.matchAll(/^@group\(0\) @binding\(\d+\).*\n/gm)].at(-1);
    const at = last ? last.index + last[0].length : 0;
    text = text.slice(0, at) + bindings + text.slice(at);
  }
  return renumberBindings(text);
}

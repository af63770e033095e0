import { enable, removeBinding, renumberBindings, replaceDefinition } from "./wgsl-text.js";

/**
 * How a slot looks in a file, for an input called `input` (name `Input` in the functions):
 *
 *     @group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
 *     struct InputChannel { base: u32 }                                       what is known once per (n, c)
 *     fn prepareInput(n: u32, c: u32) -> InputChannel { … }                   called once per (n, c)
 *     fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32  called once per element
 *
 * `pixel` is `y * width + x` of the image that the kernel reads, so that the common load is one addition. The kernel
 * itself keeps coordinates inside the image and zeroes what lies outside *after* the load.
 *
 * For an output called `output`:
 *
 *     struct OutputChannel { base: u32 }
 *     fn prepareOutput(n: u32, c: u32) -> OutputChannel { … }
 *     fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32   gives what is to be stored
 *     fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32)           stores what it gave
 *
 * They are two because a driver must not move a load above a store that may be to the same memory: a kernel that finishes
 * several elements before it stores the first has all their loads under way at once.
 *
 * and, where the kernel can sum what it stores by channel, the statistics slot (see `statistics.ts`).
 */
export interface SlotText {
  /** Bindings that the slot's functions need, as WGSL lines without numbers: `var<storage, read> a: array<f32>;`. */
  readonly bindings: readonly string[];
  /** The definitions that replace the slot's, by name; a name that begins with a capital is a struct. */
  readonly definitions: Readonly<Record<string, string>>;
  /** Extensions of WGSL that the definitions use. */
  readonly enables?: readonly "subgroups"[];
  /** Binding of the file that the new definitions no longer use. */
  readonly replaces?: string;
}

/** Pastes slots into a kernel's text and numbers the bindings anew. */
export function pasteSlots(source: string, slots: readonly SlotText[]): string {
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

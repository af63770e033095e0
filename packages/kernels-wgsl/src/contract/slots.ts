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
 * A file that reads images by *quads*, four neighboring pixels of a row whose width is a multiple of 4, binds them as
 * `array<vec4<real>>` and has functions of quads besides or in place of these. `quad` is the quad's index in the row, `place`
 * that in the image, `y * width / 4 + quad`; `part` says which pixel of it, and should be a constant:
 *
 *     fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f
 *     fn loadInput(channel: InputChannel, y: u32, quad: u32, place: u32, part: u32) -> f32
 *     fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f
 *     fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32)
 *
 * Finishing and storing are two because a driver must not move a load above a store that may be to the same memory: a kernel that finishes
 * several elements before it stores the first has all their loads under way at once.
 *
 * and, where the kernel can sum what it stores by channel, the statistics slot (see `transforms/statistics.ts`).
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

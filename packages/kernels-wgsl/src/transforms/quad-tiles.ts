import { replaceBinding, replaceDefinition } from "./wgsl-text.js";

/** An image that a file reads through a slot: the binding, and the function that gives the four values of a tile. */
export interface TileRead {
  readonly binding: string;
  readonly at: string;
}

const pascal = (name: string): string => name[0]?.toUpperCase() + name.slice(1);

const definitions: readonly (readonly [kind: "fn" | "struct", name: string, text: string])[] = [
  [
    "struct",
    "Tile",
    `struct Tile {
  n: u32,
  y: u32,
  quad: u32, // of the row
  place: u32, // of the image
  live: vec4<bool>, // false for the invocations beyond the last tile
}`,
  ],
  [
    "fn",
    "tileOf",
    `fn tileOf(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let place = at % sizes.quarter;
  let columns = sizes.width / 4u;
  return Tile(at / sizes.quarter, place / columns, place % columns, place, vec4<bool>(index < sizes.tiles));
}`,
  ],
  [
    "fn",
    "finishOutput",
    `fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}`,
  ],
  [
    "fn",
    "storeOutput",
    `fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}`,
  ],
  [
    "fn",
    "addToStatistics",
    "fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}",
  ],
  [
    "fn",
    "finishTile",
    `fn finishTile(channel: OutputChannel, tile: Tile, values: vec4f) -> vec4f {
  return finishOutputQuad(channel, values, tile.y, tile.quad, tile.place);
}`,
  ],
  [
    "fn",
    "storeTile",
    `fn storeTile(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, finished: vec4f) {
  if (!tile.live.x) { return; }
  addQuadToStatistics(s, channel, finished, tile.y, tile.quad, tile.place);
  storeOutputQuad(channel, finished, tile.y, tile.quad, tile.place);
}`,
  ],
];

const channelOf = (
  suffix: string,
  channels: string,
): string => `fn prepare${suffix}(n: u32, c: u32) -> ${suffix}Channel {
  return ${suffix}Channel((n * sizes.${channels} + c) * sizes.quarter);
}`;

/**
 * A file's text with tiles of four neighboring pixels, a quad, in place of four a quarter of the image apart, for images whose
 * width is a multiple of 4: one load or store for four. The file has
 *
 *     struct Tile { n: u32, pixel: vec4u, y: vec4u, x: vec4u, live: vec4<bool> }
 *     fn tileOf(index: u32) -> Tile               with sizes.quarter = height * width / 4, sizes.tiles = batch * quarter
 *     fn skipAt(channel: SkipChannel, tile: Tile) -> vec4f       for each image that it reads
 *     fn finishTile(channel: OutputChannel, tile: Tile, values: vec4f) -> vec4f
 *     fn storeTile(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, finished: vec4f)
 *
 * and uses nothing of a tile but its `n` and `live` elsewhere. Its slots become those of quads (contract/slots.ts).
 * @param channels field of `Sizes` with the channels of all images.
 */
export function withQuadTiles(source: string, reads: readonly TileRead[], channels: string): string {
  let text = replaceBinding(source, "output", "var<storage, read_write> output: array<vec4<real>>;");
  for (const [kind, name, definition] of definitions) text = replaceDefinition(text, kind, name, definition);
  text = replaceDefinition(text, "fn", "prepareOutput", channelOf("Output", channels));
  for (const { binding, at } of reads) {
    const suffix = pascal(binding);
    text = replaceBinding(text, binding, `var<storage, read> ${binding}: array<vec4<real>>;`);
    text = replaceDefinition(text, "fn", `prepare${suffix}`, channelOf(suffix, channels));
    text = replaceDefinition(
      text,
      "fn",
      `load${suffix}`,
      `fn load${suffix}Quad(channel: ${suffix}Channel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(${binding}[channel.base + place]);
}`,
    );
    text = replaceDefinition(
      text,
      "fn",
      at,
      `fn ${at}(channel: ${suffix}Channel, tile: Tile) -> vec4f {
  return load${suffix}Quad(channel, tile.y, tile.quad, tile.place);
}`,
    );
  }
  return text;
}

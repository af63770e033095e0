enable subgroups;
diagnostic(off, subgroup_uniformity);

// 3×3 convolution, stride 1, zero padding 1, for subgroups of 8 invocations: a subgroup computes a tile of 8 rows × 8
// columns of 8 output channels, an invocation one column of it. The invocations load each input pixel once and pass it to
// their neighbors, and each holds the weights of one output channel for all of them: where a load costs more than a
// multiplication (software adapters), that is what counts.
// A workgroup computes 8 tiles of one block of 8 channels; tiles are counted through all images, blocks are along z.
// All invocations of a subgroup take the same branches, which the rules of WGSL cannot see.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  rowTiles: u32, // ceil(height / 8)
  columnTiles: u32, // ceil(width / 8)
  tiles: u32, // batch * rowTiles * columnTiles
  groups: u32, // ceil(tiles / 8)
  outStride: u32, // weights from one output channel to the next
  inStride: u32, // weights from one input channel to the next
  flip: u32, // 1 where the taps are turned by 180°, as for an input gradient
  blockChannels: u32, // 8, as a variable: drivers unroll loops over constants, and pasted stores take long to compile
  shortcutChannels: u32,
  shortcutOutStride: u32, // weights of the shortcut from one output channel to the next
  shortcutInStride: u32, // weights of the shortcut from one of its channels to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [co, ci, 3, 3]
@group(0) @binding(3) var<storage, read> shortcut: array<real>; // [n, cs, h, w], see addShortcut
@group(0) @binding(4) var<storage, read> shortcutWeight: array<f32>; // [co, cs]
@group(0) @binding(5) var<storage, read_write> output: array<real>; // [n, co, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct ShortcutChannel { base: u32 }
fn prepareShortcut(n: u32, c: u32) -> ShortcutChannel {
  return ShortcutChannel((n * sizes.shortcutChannels + c) * sizes.height * sizes.width);
}
fn loadShortcut(channel: ShortcutChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(shortcut[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 8;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// Ten pixels of a column, from the row above the tile to the row below it.
struct Column { a: vec4f, b: vec4f, c: vec2f }
fn rows0(column: Column) -> array<vec4f, 2> { return array(column.a, column.b); }
fn rows1(column: Column) -> array<vec4f, 2> { return array(vec4f(column.a.yzw, column.b.x), vec4f(column.b.yzw, column.c.x)); }
fn rows2(column: Column) -> array<vec4f, 2> { return array(vec4f(column.a.zw, column.b.xy), vec4f(column.b.zw, column.c)); }

// The input at (y, x), zero outside the image; one step above or left of it they wrap to huge values.
fn loadPixel(channel: InputChannel, y: u32, x: u32) -> f32 {
  let row = min(y, sizes.height - 1u);
  let column = min(x, sizes.width - 1u);
  let value = loadInput(channel, row, column, row * sizes.width + column);
  return select(0.0, value, y < sizes.height && x < sizes.width);
}

// What the invocation `from` loaded, or at the tile's edge what lies beyond: invocation `edge` loaded that.
fn beside(value: f32, lane: u32, beyond: f32, edge: u32, atEdge: bool) -> f32 {
  return select(subgroupShuffle(value, lane), subgroupShuffle(beyond, edge), atEdge);
}

// Adds the nine taps of one output channel; invocation `block` of the subgroup holds their weights.
fn addChannel(
  sums: ptr<function, array<vec4f, 16>>,
  block: u32,
  weights: ptr<function, array<f32, 9>>,
  left: Column,
  middle: Column,
  right: Column,
) {
  addTap(sums, block, subgroupShuffle((*weights)[0], block), rows0(left));
  addTap(sums, block, subgroupShuffle((*weights)[1], block), rows0(middle));
  addTap(sums, block, subgroupShuffle((*weights)[2], block), rows0(right));
  addTap(sums, block, subgroupShuffle((*weights)[3], block), rows1(left));
  addTap(sums, block, subgroupShuffle((*weights)[4], block), rows1(middle));
  addTap(sums, block, subgroupShuffle((*weights)[5], block), rows1(right));
  addTap(sums, block, subgroupShuffle((*weights)[6], block), rows2(left));
  addTap(sums, block, subgroupShuffle((*weights)[7], block), rows2(middle));
  addTap(sums, block, subgroupShuffle((*weights)[8], block), rows2(right));
}

fn addTap(sums: ptr<function, array<vec4f, 16>>, block: u32, factor: f32, rows: array<vec4f, 2>) {
  (*sums)[2u * block] += factor * rows[0];
  (*sums)[2u * block + 1u] += factor * rows[1];
}

// Where the tile is: its first row, and the invocation's column.
struct Tile {
  n: u32,
  y: u32,
  x: u32,
  live: bool, // false for the subgroups beyond the last tile
}

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums.
fn addShortcut(sums: ptr<function, array<vec4f, 16>>, tile: Tile, firstChannel: u32, place: u32) {
  let first = min(firstChannel + place, sizes.outChannels - 1u) * sizes.shortcutOutStride;
  let channels = select(0u, sizes.shortcutChannels, tile.live);
  for (var c = 0u; c < channels; c++) {
    let rows = shortcutRows(prepareShortcut(tile.n, c), tile);
    let weight = shortcutWeight[first + c * sizes.shortcutInStride];
    addTap(sums, 0u, subgroupShuffle(weight, 0u), rows);
    addTap(sums, 1u, subgroupShuffle(weight, 1u), rows);
    addTap(sums, 2u, subgroupShuffle(weight, 2u), rows);
    addTap(sums, 3u, subgroupShuffle(weight, 3u), rows);
    addTap(sums, 4u, subgroupShuffle(weight, 4u), rows);
    addTap(sums, 5u, subgroupShuffle(weight, 5u), rows);
    addTap(sums, 6u, subgroupShuffle(weight, 6u), rows);
    addTap(sums, 7u, subgroupShuffle(weight, 7u), rows);
  }
}

// The invocation's eight pixels of a channel; what lies outside the image is not stored.
fn shortcutRows(channel: ShortcutChannel, tile: Tile) -> array<vec4f, 2> {
  return array(
    vec4f(
      shortcutAt(channel, tile.y, tile.x), shortcutAt(channel, tile.y + 1u, tile.x),
      shortcutAt(channel, tile.y + 2u, tile.x), shortcutAt(channel, tile.y + 3u, tile.x),
    ),
    vec4f(
      shortcutAt(channel, tile.y + 4u, tile.x), shortcutAt(channel, tile.y + 5u, tile.x),
      shortcutAt(channel, tile.y + 6u, tile.x), shortcutAt(channel, tile.y + 7u, tile.x),
    ),
  );
}

fn shortcutAt(channel: ShortcutChannel, y: u32, x: u32) -> f32 {
  let row = min(y, sizes.height - 1u);
  let column = min(x, sizes.width - 1u);
  return loadShortcut(channel, row, column, row * sizes.width + column);
}

fn storePixel(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32) {
  if (y < sizes.height) {
    let pixel = y * sizes.width + x;
    let finished = finishOutput(channel, value, y, x, pixel);
    addToStatistics(s, channel, finished, y, x, pixel);
    storeOutput(channel, finished, y, x, pixel);
  }
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, top: vec4f, bottom: vec4f) {
  var s: Statistics;
  if (tile.live && tile.x < sizes.width && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    for (var row = 0u; row < 4u; row++) { storePixel(&s, channel, top[row], tile.y + row, tile.x); }
    for (var row = 0u; row < 4u; row++) { storePixel(&s, channel, bottom[row], tile.y + 4u + row, tile.x); }
  }
  keepStatistics(s, block, lane);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let index = group * 8u + lane / 8u;
  let place = lane % 8u; // within the subgroup
  let at = min(index, sizes.tiles - 1u);
  let rowTile = at / sizes.columnTiles;
  let x = at % sizes.columnTiles * 8u;
  let y = rowTile % sizes.rowTiles * 8u;
  let tile = Tile(rowTile / sizes.rowTiles, y, x + place, index < sizes.tiles);
  let before = (place + 7u) % 8u;
  let after = (place + 1u) % 8u;
  let firstChannel = workgroup.z * CHANNEL_BLOCK;
  // The first of the nine taps of the invocation's output channel, and the way to the next.
  let firstTap = min(firstChannel + place, sizes.outChannels - 1u) * sizes.outStride + 8u * sizes.flip;
  let step = select(1u, 0xffffffffu, sizes.flip == 1u);
  let first = place == 0u;
  let last = place == 7u;

  var sums: array<vec4f, 16>; // [channel][upper, lower half], four rows in a vector
  let channels = select(0u, sizes.inChannels, tile.live); // subgroups without a tile leave the loop at once
  for (var ci = 0u; ci < channels; ci++) {
    let channel = prepareInput(tile.n, ci);
    // Of the columns beside the tile each invocation loads a row or two.
    let left = loadPixel(channel, y + place - 1u, x - 1u);
    let right = loadPixel(channel, y + place - 1u, x + 8u);
    let ends = loadPixel(channel, y + 7u + place % 2u, select(x - 1u, x + 8u, place % 4u >= 2u));
    let m0 = loadPixel(channel, y - 1u, tile.x);
    let m1 = loadPixel(channel, y, tile.x);
    let m2 = loadPixel(channel, y + 1u, tile.x);
    let m3 = loadPixel(channel, y + 2u, tile.x);
    let m4 = loadPixel(channel, y + 3u, tile.x);
    let m5 = loadPixel(channel, y + 4u, tile.x);
    let m6 = loadPixel(channel, y + 5u, tile.x);
    let m7 = loadPixel(channel, y + 6u, tile.x);
    let m8 = loadPixel(channel, y + 7u, tile.x);
    let m9 = loadPixel(channel, y + 8u, tile.x);
    let l0 = beside(m0, before, left, 0u, first);
    let l1 = beside(m1, before, left, 1u, first);
    let l2 = beside(m2, before, left, 2u, first);
    let l3 = beside(m3, before, left, 3u, first);
    let l4 = beside(m4, before, left, 4u, first);
    let l5 = beside(m5, before, left, 5u, first);
    let l6 = beside(m6, before, left, 6u, first);
    let l7 = beside(m7, before, left, 7u, first);
    let l8 = beside(m8, before, ends, 0u, first);
    let l9 = beside(m9, before, ends, 1u, first);
    let r0 = beside(m0, after, right, 0u, last);
    let r1 = beside(m1, after, right, 1u, last);
    let r2 = beside(m2, after, right, 2u, last);
    let r3 = beside(m3, after, right, 3u, last);
    let r4 = beside(m4, after, right, 4u, last);
    let r5 = beside(m5, after, right, 5u, last);
    let r6 = beside(m6, after, right, 6u, last);
    let r7 = beside(m7, after, right, 7u, last);
    let r8 = beside(m8, after, ends, 2u, last);
    let r9 = beside(m9, after, ends, 3u, last);
    let leftColumn = Column(vec4f(l0, l1, l2, l3), vec4f(l4, l5, l6, l7), vec2f(l8, l9));
    let column = Column(vec4f(m0, m1, m2, m3), vec4f(m4, m5, m6, m7), vec2f(m8, m9));
    let rightColumn = Column(vec4f(r0, r1, r2, r3), vec4f(r4, r5, r6, r7), vec2f(r8, r9));

    let taps = firstTap + ci * sizes.inStride;
    var weights = array<f32, 9>(
      weight[taps], weight[taps + step], weight[taps + 2u * step],
      weight[taps + 3u * step], weight[taps + 4u * step], weight[taps + 5u * step],
      weight[taps + 6u * step], weight[taps + 7u * step], weight[taps + 8u * step],
    );
    // One call a channel, not a loop: a variable index would move the sums out of registers.
    addChannel(&sums, 0u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 1u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 2u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 3u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 4u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 5u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 6u, &weights, leftColumn, column, rightColumn);
    addChannel(&sums, 7u, &weights, leftColumn, column, rightColumn);
  }
  addShortcut(&sums, tile, firstChannel, place);

  // A copy, so that the variable index does not move the sums out of registers.
  var results = sums;
  for (var block = 0u; block < sizes.blockChannels; block++) {
    storeChannel(tile, firstChannel, block, lane, results[2u * block], results[2u * block + 1u]);
  }
  if (group < sizes.groups) { writeStatistics(lane, group, firstChannel, sizes.outChannels); }
}

// 3×3 convolution, stride 1, zero padding 1, through workgroup memory, of images whose width is a multiple of 4, read and
// written by four pixels of a row, a quad: a workgroup computes 32 output channels of a tile of TILE_ROWS rows × 16 columns, an
// invocation 8 channels × 2 rows × 4 columns of it. SLAB input channels at a time, the tile with its margin and the weights are
// brought into workgroup memory, so that each is loaded once for all that need it. There are two buffers: the next slab's loads
// are under way while the present one is summed, and one barrier a slab is enough.
// Tiles are counted through all images, blocks of channels are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  rowTiles: u32, // ceil(height / TILE_ROWS)
  columnTiles: u32, // ceil(quads / 4)
  tiles: u32, // batch * rowTiles * columnTiles
  shortcutChannels: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [ceil(co / 8), ci, 9, 8]
@group(0) @binding(3) var<storage, read> shortcut: array<vec4<real>>; // [n, cs, h, w / 4], see addShortcut
@group(0) @binding(4) var<storage, read> shortcutWeight: array<vec4f>; // [ceil(co / 8), cs, 8]
@group(0) @binding(5) var<storage, read_write> output: array<vec4<real>>; // [n, co, h, w / 4]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct ShortcutChannel { base: u32 }
fn prepareShortcut(n: u32, c: u32) -> ShortcutChannel {
  return ShortcutChannel((n * sizes.shortcutChannels + c) * sizes.height * sizes.quads);
}
fn loadShortcutQuad(channel: ShortcutChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(shortcut[channel.base + place]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.quads);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}

const TILE_ROWS: u32 = 8; // or more, see sizesFor in conv3x3-tiled.ts
const SLAB: u32 = 2; // input channels in a buffer: 2 or 4
const WORKGROUP: u32 = 8 * TILE_ROWS;
const LANES: u32 = 2 * TILE_ROWS; // that share a channel: a quarter of the workgroup
const CHANNEL_BLOCK: u32 = 32;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

const PAIRS: u32 = TILE_ROWS / 2 + 1; // of rows of the tile with its margin
// Two rows: of each the pixel to its right, nothing, nothing, the pixel to its left, then four quads.
alias RowPair = array<array<vec4f, 5>, 2>;
// The nine taps between an input channel and eight output channels, in vectors of four.
alias Taps = array<vec4f, 18>;
const WEIGHTS: u32 = 4 * SLAB * 18; // vectors of a slab
// Arrays of arrays, so that what an invocation reads is at constant distances, and has few addresses and checks of its own.
// With what statistics keep, 16 KiB at most as the constants stand: that much every WebGPU device has.
var<workgroup> pixels: array<RowPair, 2 * SLAB * PAIRS>; // [buffer][input channel]
var<workgroup> weights: array<Taps, 2 * SLAB * 4>; // [buffer][input channel][eight output channels]

struct Tile { n: u32, y: u32, quad: u32 }

// What an invocation brings of each channel: a quad of the tile with its margin, kept inside the image.
struct Source { row: u32, column: u32, y: u32, quad: u32, place: u32, inside: bool }

fn sourceOf(tile: Tile, lane: u32) -> Source {
  let row = lane / 6u;
  let column = lane % 6u;
  let y = tile.y + row - 1u; // above the top edge it wraps to a huge value, so does the quad left of the image
  let quad = tile.quad + column - 1u;
  let yInside = min(y, sizes.height - 1u);
  let quadInside = min(quad, sizes.quads - 1u);
  return Source(row, column, yInside, quadInside, yInside * sizes.quads + quadInside, y < sizes.height && quad < sizes.quads);
}

// A quad of a channel, zero outside the image and beyond the last channel.
fn loadPixels(n: u32, c: u32, at: Source) -> vec4f {
  let quad = loadInputQuad(prepareInput(n, min(c, sizes.inChannels - 1u)), at.y, at.quad, at.place);
  return select(vec4f(), quad, at.inside && c < sizes.inChannels);
}

// The i-th of the slab's weights, [eight output channels][input channel][18]; beyond the last input channel they meet zeros.
fn loadWeight(firstBlock: u32, firstIn: u32, i: u32) -> vec4f {
  let block = min(firstBlock + i / (SLAB * 18u), (sizes.outChannels - 1u) / 8u);
  let ci = min(firstIn + i / 18u % SLAB, sizes.inChannels - 1u);
  return weight[(block * sizes.inChannels + ci) * 18u + i % 18u];
}

// What an invocation brings of a slab. One by one: a variable index would move it out of registers.
struct Part { pixels: mat4x4f, weights: mat3x4f }

fn loadPart(tile: Tile, block: u32, firstIn: u32, at: Source, lane: u32) -> Part {
  var part: Part;
  part.pixels[0] = loadPixels(tile.n, firstIn, at);
  part.pixels[1] = loadPixels(tile.n, firstIn + 1u, at);
  if (SLAB == 4u) {
    part.pixels[2] = loadPixels(tile.n, firstIn + 2u, at);
    part.pixels[3] = loadPixels(tile.n, firstIn + 3u, at);
  }
  part.weights[0] = loadWeight(block, firstIn, lane);
  part.weights[1] = loadWeight(block, firstIn, min(lane + WORKGROUP, WEIGHTS - 1u));
  if (WEIGHTS > 2u * WORKGROUP) { part.weights[2] = loadWeight(block, firstIn, min(lane + 2u * WORKGROUP, WEIGHTS - 1u)); }
  return part;
}

fn keepQuad(at: Source, buffer: u32, c: u32, values: vec4f) {
  let pair = (buffer * SLAB + c) * PAIRS + at.row / 2u;
  switch (at.column) {
    case 0u: { pixels[pair][at.row % 2u][0].w = values.w; }
    case 5u: { pixels[pair][at.row % 2u][0].x = values.x; }
    default: { pixels[pair][at.row % 2u][at.column] = values; }
  }
}

fn keepWeight(buffer: u32, i: u32, values: vec4f) {
  if (i < WEIGHTS) { weights[(buffer * SLAB + i / 18u % SLAB) * 4u + i / (SLAB * 18u)][i % 18u] = values; }
}

fn keepPart(part: Part, at: Source, buffer: u32, lane: u32) {
  if (at.row < 2u * PAIRS) {
    keepQuad(at, buffer, 0u, part.pixels[0]);
    keepQuad(at, buffer, 1u, part.pixels[1]);
    if (SLAB == 4u) {
      keepQuad(at, buffer, 2u, part.pixels[2]);
      keepQuad(at, buffer, 3u, part.pixels[3]);
    }
  }
  keepWeight(buffer, lane, part.weights[0]);
  keepWeight(buffer, lane + WORKGROUP, part.weights[1]);
  if (WEIGHTS > 2u * WORKGROUP) { keepWeight(buffer, lane + 2u * WORKGROUP, part.weights[2]); }
}

// An invocation's place in the tile: its pair of rows, its quad, the quad in memory whose first pixel is to the right of that
// one, and its block of eight channels.
struct Own { pair: u32, quad: u32, right: u32, block: u32 }

// A row of what the invocation sees: its quad, and the pixel on either side.
struct Row { left: f32, middle: vec4f, right: f32 }

fn rowAt(pair: u32, row: u32, own: Own) -> Row {
  return Row(pixels[pair][row][own.quad].w, pixels[pair][row][own.quad + 1u], pixels[pair][row][own.right].x);
}

// Adds the products with the weights of the block's eight output channels; upper and lower are the tile's two rows.
fn addProducts(sums: ptr<function, array<vec4f, 16>>, low: vec4f, high: vec4f, upper: vec4f, lower: vec4f) {
  (*sums)[0] += low.x * upper;
  (*sums)[1] += low.x * lower;
  (*sums)[2] += low.y * upper;
  (*sums)[3] += low.y * lower;
  (*sums)[4] += low.z * upper;
  (*sums)[5] += low.z * lower;
  (*sums)[6] += low.w * upper;
  (*sums)[7] += low.w * lower;
  (*sums)[8] += high.x * upper;
  (*sums)[9] += high.x * lower;
  (*sums)[10] += high.y * upper;
  (*sums)[11] += high.y * lower;
  (*sums)[12] += high.z * upper;
  (*sums)[13] += high.z * lower;
  (*sums)[14] += high.w * upper;
  (*sums)[15] += high.w * lower;
}

// Adds the three taps of one row of the weight; upper and lower are the input rows that the invocation's two rows see.
fn addRow(sums: ptr<function, array<vec4f, 16>>, channel: u32, tap: u32, upper: Row, lower: Row) {
  addProducts(sums, weights[channel][tap], weights[channel][tap + 1u], vec4f(upper.left, upper.middle.xyz), vec4f(lower.left, lower.middle.xyz));
  addProducts(sums, weights[channel][tap + 2u], weights[channel][tap + 3u], upper.middle, lower.middle);
  addProducts(sums, weights[channel][tap + 4u], weights[channel][tap + 5u], vec4f(upper.middle.yzw, upper.right), vec4f(lower.middle.yzw, lower.right));
}

// Adds what an input channel gives, the `at`-th of both buffers.
fn addChannel(sums: ptr<function, array<vec4f, 16>>, own: Own, at: u32) {
  let pair = at * PAIRS + own.pair;
  let row0 = rowAt(pair, 0u, own);
  let row1 = rowAt(pair, 1u, own);
  let row2 = rowAt(pair + 1u, 0u, own);
  let row3 = rowAt(pair + 1u, 1u, own);
  let channel = at * 4u + own.block;
  addRow(sums, channel, 0u, row0, row1);
  addRow(sums, channel, 6u, row1, row2);
  addRow(sums, channel, 12u, row2, row3);
}

fn middleAt(pair: u32, row: u32, own: Own) -> vec4f { return pixels[pair][row][own.quad + 1u]; }

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums, two channels at a time. Pixels
// outside the image are not stored, and so may be anything. `firstBuffer` is the one that nobody reads any more.
fn addShortcut(
  sums: ptr<function, array<vec4f, 16>>, tile: Tile, firstBlock: u32, own: Own, firstBuffer: u32, lane: u32,
) {
  let row = lane / 4u % TILE_ROWS;
  let c = lane / LANES / 2u;
  let y = min(tile.y + row, sizes.height - 1u);
  let quad = min(tile.quad + lane % 4u, sizes.quads - 1u);
  let block = min(firstBlock + lane / 4u, (sizes.outChannels - 1u) / 8u);
  var buffer = firstBuffer;
  for (var first = 0u; first < sizes.shortcutChannels; first += 2u) {
    let last = sizes.shortcutChannels - 1u;
    let values = loadShortcutQuad(prepareShortcut(tile.n, min(first + c, last)), y, quad, y * sizes.quads + quad);
    let taps = shortcutWeight[2u * (block * sizes.shortcutChannels + min(first + lane / 2u % 2u, last)) + lane % 2u];
    let pair = (buffer * SLAB + c) * PAIRS + row / 2u;
    pixels[pair][row % 2u][lane % 4u + 1u] = select(vec4f(), values, first + c <= last);
    if (lane < 16u) { weights[buffer * SLAB * 4u + lane / 4u][lane % 4u] = taps; }
    workgroupBarrier();
    let channel = buffer * SLAB * 4u + own.block;
    let seen = buffer * SLAB * PAIRS + own.pair;
    addProducts(sums, weights[channel][0], weights[channel][1], middleAt(seen, 0u, own), middleAt(seen, 1u, own));
    addProducts(sums, weights[channel][2], weights[channel][3], middleAt(seen + PAIRS, 0u, own), middleAt(seen + PAIRS, 1u, own));
    buffer = 1u - buffer;
  }
}

// tile: where the invocation's pixels begin; place: its place among those that share its channels.
fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, upper: vec4f, lower: vec4f) {
  var s: Statistics;
  if (tile.y < sizes.height && tile.quad < sizes.quads && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    let next = min(tile.y + 1u, sizes.height - 1u);
    let place = tile.y * sizes.quads + tile.quad;
    let nextPlace = next * sizes.quads + tile.quad;
    // Both rows are finished before the first is stored, so that what they load is under way together.
    let first = finishOutputQuad(channel, upper, tile.y, tile.quad, place);
    let second = finishOutputQuad(channel, lower, next, tile.quad, nextPlace);
    addQuadToStatistics(&s, channel, first, tile.y, tile.quad, place);
    if (next > tile.y) { addQuadToStatistics(&s, channel, second, next, tile.quad, nextPlace); }
    storeOutputQuad(channel, first, tile.y, tile.quad, place);
    if (next > tile.y) { storeOutputQuad(channel, second, next, tile.quad, nextPlace); }
  }
  keepStatistics(s, block, lane);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  if (group >= sizes.tiles) { return; } // the whole workgroup
  let rowTile = group / sizes.columnTiles;
  let tile = Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * TILE_ROWS, group % sizes.columnTiles * 4u);
  let firstBlock = workgroup.z * 4u;
  let place = lane % LANES;
  let own = Own(place / 4u, place % 4u, select(place % 4u + 2u, 0u, place % 4u == 3u), lane / LANES);

  var sums: array<vec4f, 16>; // [channel][row], the four columns in a vector
  let at = sourceOf(tile, lane);
  var buffer = 0u;
  var part = loadPart(tile, firstBlock, 0u, at, lane);
  for (var firstIn = 0u; firstIn < sizes.inChannels; firstIn += SLAB) {
    keepPart(part, at, buffer, lane);
    workgroupBarrier();
    if (firstIn + SLAB < sizes.inChannels) { part = loadPart(tile, firstBlock, firstIn + SLAB, at, lane); }
    for (var c = 0u; c < SLAB; c++) { addChannel(&sums, own, buffer * SLAB + c); }
    buffer = 1u - buffer;
  }
  addShortcut(&sums, tile, firstBlock, own, buffer, lane);

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let firstChannel = workgroup.z * CHANNEL_BLOCK;
  let block = own.block * 8u; // the first of the invocation's channels in the workgroup's
  let mine = Tile(tile.n, tile.y + 2u * own.pair, tile.quad + own.quad);
  storeChannel(mine, firstChannel, block, place, sums[0], sums[1]);
  storeChannel(mine, firstChannel, block + 1u, place, sums[2], sums[3]);
  storeChannel(mine, firstChannel, block + 2u, place, sums[4], sums[5]);
  storeChannel(mine, firstChannel, block + 3u, place, sums[6], sums[7]);
  storeChannel(mine, firstChannel, block + 4u, place, sums[8], sums[9]);
  storeChannel(mine, firstChannel, block + 5u, place, sums[10], sums[11]);
  storeChannel(mine, firstChannel, block + 6u, place, sums[12], sums[13]);
  storeChannel(mine, firstChannel, block + 7u, place, sums[14], sums[15]);
  // Of the invocations those of one channel block write, so that each partial result is written once.
  writeStatistics(select(CHANNEL_BLOCK, lane, lane < LANES), group, firstChannel, sizes.outChannels);
}

enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

// 3×3 convolution, stride 1, zero padding 1, by the matrix units of a GPU: f16 products, f32 sums; of images whose width is a
// multiple of 4, read and written by four pixels of a row, a quad. A workgroup of four subgroups computes 32 output channels of a
// tile of 16 rows × 16 columns, a subgroup four rows of it, as products of matrices of 16 × 16: output channels × input channels
// times input channels × the pixels of a row, summed over the taps. 16 input channels at a time are brought into workgroup
// memory, in two buffers: the next ones' loads are under way while the present ones are summed, and one barrier is enough.
// Weights are packed in f16, and read where they are.
// Tiles are counted through all images, blocks of channels are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  rowTiles: u32, // ceil(height / 16)
  columnTiles: u32, // ceil(quads / 4)
  tiles: u32, // batch * rowTiles * columnTiles
  shortcutChannels: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<storage, read> weight: array<f16>; // [ceil(ci / 16), 9, co in blocks of 32, 16]
@group(0) @binding(3) var<storage, read> shortcut: array<vec4<real>>; // [n, cs, h, w / 4], see addShortcut
@group(0) @binding(4) var<storage, read> shortcutWeight: array<f16>; // [ceil(cs / 16), co in blocks of 32, 16]
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

const LANES: u32 = 4; // that take statistics of a channel: one of each subgroup
const CHANNEL_BLOCK: u32 = 32;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

const WORKGROUP: u32 = 128;
const SLAB: u32 = 16; // input channels in a buffer: the rows of a matrix
const ROWS: u32 = 18; // of the tile with its margin
const COLUMNS: u32 = 18;
const BUFFER: u32 = ROWS * COLUMNS * SLAB;
const RESULT_PITCH: u32 = 20; // so that neighboring channels are in different banks
// With what statistics keep, 28 KiB. A matrix begins at a multiple of 16 bytes, as the hardware asks: so the input channels of a
// pixel are side by side, and what a tap sees begins some pixels later.
var<workgroup> pixels: array<f16, 2 * BUFFER>; // [buffer][row][column][input channel]
var<workgroup> results: array<f32, 4 * 16 * RESULT_PITCH>; // [subgroup][output channel][column]

// The matrix units, see transforms/subgroup-matrix.ts.
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;
fn subgroupOf(lane: u32, id: u32) -> u32 { return id; }
fn loadLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weight, at, SLAB); }
fn loadRight(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&pixels, at, SLAB); }
fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums { return subgroupMatrixMultiplyAccumulate(left, right, sums); }
fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&results, at, sums, RESULT_PITCH); }
fn loadShortcutLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&shortcutWeight, at, SLAB); }

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
fn loadPixels(n: u32, c: u32, at: Source) -> vec4<f16> {
  let quad = loadInputQuad(prepareInput(n, min(c, sizes.inChannels - 1u)), at.y, at.quad, at.place);
  return vec4<f16>(select(vec4f(), quad, at.inside && c < sizes.inChannels));
}

// Four channels of a quad, and what an invocation brings of a slab. One by one: a variable index would move it out of registers.
alias Four = mat4x4<f16>;
struct Part { first: Four, second: Four, third: Four, fourth: Four }

fn loadFour(n: u32, c: u32, at: Source) -> Four {
  return Four(loadPixels(n, c, at), loadPixels(n, c + 1u, at), loadPixels(n, c + 2u, at), loadPixels(n, c + 3u, at));
}

fn loadPart(n: u32, c: u32, at: Source) -> Part {
  return Part(loadFour(n, c, at), loadFour(n, c + 4u, at), loadFour(n, c + 8u, at), loadFour(n, c + 12u, at));
}

// Four channels of a pixel.
fn keepPixel(at: u32, channels: vec4<f16>) {
  pixels[at] = channels.x;
  pixels[at + 1u] = channels.y;
  pixels[at + 2u] = channels.z;
  pixels[at + 3u] = channels.w;
}

// Of the first and the last quad of a row one pixel belongs to the tile with its margin.
fn keepFour(at: u32, column: u32, values: Four) {
  let channels = transpose(values);
  if (column > 0u) { keepPixel(at, channels[0]); }
  if (column > 0u && column < 5u) {
    keepPixel(at + SLAB, channels[1]);
    keepPixel(at + 2u * SLAB, channels[2]);
  }
  if (column < 5u) { keepPixel(at + 3u * SLAB, channels[3]); }
}

fn keepPart(part: Part, buffer: u32, at: Source) {
  if (at.row >= ROWS) { return; }
  let place = buffer * BUFFER + (at.row * COLUMNS + 4u * at.column - 3u) * SLAB;
  keepFour(place, at.column, part.first);
  keepFour(place + 4u, at.column, part.second);
  keepFour(place + 8u, at.column, part.third);
  keepFour(place + 12u, at.column, part.fourth);
}

// Sums of a subgroup's four rows, each of two blocks of 16 output channels; zero at first.
struct RowSums { low: Sums, high: Sums }
struct TileSums { row0: RowSums, row1: RowSums, row2: RowSums, row3: RowSums }

fn addRow(sums: ptr<function, RowSums>, low: Left, high: Left, right: Right) {
  (*sums).low = multiplyAdd(low, right, (*sums).low);
  (*sums).high = multiplyAdd(high, right, (*sums).high);
}

// Adds the products of two matrices of weights with those of four rows of pixels, the first of which is at `right`.
fn addTap(sums: ptr<function, TileSums>, low: Left, high: Left, right: u32) {
  let right0 = loadRight(right);
  let right1 = loadRight(right + COLUMNS * SLAB);
  let right2 = loadRight(right + 2u * COLUMNS * SLAB);
  let right3 = loadRight(right + 3u * COLUMNS * SLAB);
  addRow(&(*sums).row0, low, high, right0);
  addRow(&(*sums).row1, low, high, right1);
  addRow(&(*sums).row2, low, high, right2);
  addRow(&(*sums).row3, low, high, right3);
}

// Weights from a tap to the next: output channels are filled up to blocks of 32.
fn tapLength() -> u32 { return (sizes.outChannels + 31u) / 32u * 32u * SLAB; }

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums. Pixels outside the image are
// not stored, and so may be anything. `firstBuffer` is the one that nobody reads any more.
fn addShortcut(sums: ptr<function, TileSums>, tile: Tile, firstOut: u32, firstBuffer: u32, subgroup: u32, lane: u32) {
  var buffer = firstBuffer;
  let row = lane / 4u % 16u;
  let y = min(tile.y + row, sizes.height - 1u);
  let quad = min(tile.quad + lane % 4u, sizes.quads - 1u);
  for (var first = 0u; first < sizes.shortcutChannels; first += SLAB) {
    for (var c = lane / 64u * 8u; c < lane / 64u * 8u + 8u; c++) { // half of the invocations bring half of the channels
      let channel = prepareShortcut(tile.n, min(first + c, sizes.shortcutChannels - 1u));
      let values = loadShortcutQuad(channel, y, quad, y * sizes.quads + quad);
      let kept = vec4<f16>(select(vec4f(), values, first + c < sizes.shortcutChannels));
      let at = buffer * BUFFER + (row * COLUMNS + lane % 4u * 4u) * SLAB + c;
      pixels[at] = kept.x;
      pixels[at + SLAB] = kept.y;
      pixels[at + 2u * SLAB] = kept.z;
      pixels[at + 3u * SLAB] = kept.w;
    }
    workgroupBarrier();
    let left = first / SLAB * tapLength() + firstOut * SLAB;
    let right = buffer * BUFFER + 4u * subgroup * COLUMNS * SLAB;
    addTap(sums, loadShortcutLeft(left), loadShortcutLeft(left + 16u * SLAB), right);
    buffer = 1u - buffer;
  }
}

// Stores 16 output channels of a row of the subgroup's tile, and takes statistics: first four invocations store the quads of a
// channel, then each of sixteen takes what was stored of a channel of its own.
fn storeRow(s: ptr<function, Statistics>, sums: Sums, tile: Tile, row: u32, firstOut: u32, subgroup: u32, lane: u32) {
  storeSums(subgroup * 16u * RESULT_PITCH, sums);
  workgroupBarrier();
  let own = lane / 32u * 16u * RESULT_PITCH; // that the invocation reads, whichever subgroup it is in
  let y = tile.y + lane / 32u * 4u + row;
  for (var c = lane % 32u / 4u; c < 16u; c += 8u) {
    let quad = tile.quad + lane % 4u;
    if (firstOut + c < sizes.outChannels && y < sizes.height && quad < sizes.quads) {
      let at = own + c * RESULT_PITCH + lane % 4u * 4u;
      let channel = prepareOutput(tile.n, firstOut + c);
      let place = y * sizes.quads + quad;
      let value = vec4f(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
      let finished = finishOutputQuad(channel, value, y, quad, place);
      storeOutputQuad(channel, finished, y, quad, place);
      results[at] = finished.x;
      results[at + 1u] = finished.y;
      results[at + 2u] = finished.z;
      results[at + 3u] = finished.w;
    }
  }
  workgroupBarrier();
  let c = lane % 32u;
  if (c < 16u && firstOut + c < sizes.outChannels && y < sizes.height) {
    let channel = prepareOutput(tile.n, firstOut + c);
    for (var quad = tile.quad; quad < min(tile.quad + 4u, sizes.quads); quad++) {
      let at = own + c * RESULT_PITCH + (quad - tile.quad) * 4u;
      let value = vec4f(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
      addQuadToStatistics(s, channel, value, y, quad, y * sizes.quads + quad);
    }
  }
  workgroupBarrier();
}

// Stores the two blocks of a row.
fn storeBlocks(
  low: ptr<function, Statistics>, high: ptr<function, Statistics>,
  sums: RowSums, tile: Tile, row: u32, firstOut: u32, subgroup: u32, lane: u32,
) {
  storeRow(low, sums.low, tile, row, firstOut, subgroup, lane);
  storeRow(high, sums.high, tile, row, firstOut + 16u, subgroup, lane);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) id: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  if (group >= sizes.tiles) { return; } // the whole workgroup
  let subgroup = subgroupOf(lane, id);
  let rowTile = group / sizes.columnTiles;
  let tile = Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * 16u, group % sizes.columnTiles * 4u);
  let firstOut = workgroup.z * CHANNEL_BLOCK;

  var sums: TileSums;
  let at = sourceOf(tile, lane);
  var buffer = 0u;
  // One round more than there are slabs: each asks for its slab, and sums the one that was asked for before.
  var part: Part;
  for (var firstIn = 0u; firstIn < sizes.inChannels + SLAB; firstIn += SLAB) {
    if (firstIn > 0u) {
      keepPart(part, buffer, at);
      workgroupBarrier();
    }
    if (firstIn < sizes.inChannels) { part = loadPart(tile.n, firstIn, at); }
    if (firstIn == 0u) { continue; }
    for (var tap = 0u; tap < 9u; tap++) {
      let left = ((firstIn / SLAB - 1u) * 9u + tap) * tapLength() + firstOut * SLAB;
      let right = buffer * BUFFER + ((4u * subgroup + tap / 3u) * COLUMNS + tap % 3u) * SLAB;
      addTap(&sums, loadLeft(left), loadLeft(left + 16u * SLAB), right);
    }
    buffer = 1u - buffer;
  }
  addShortcut(&sums, tile, firstOut, buffer, subgroup, lane);

  var low: Statistics;
  var high: Statistics;
  storeBlocks(&low, &high, sums.row0, tile, 0u, firstOut, subgroup, lane);
  storeBlocks(&low, &high, sums.row1, tile, 1u, firstOut, subgroup, lane);
  storeBlocks(&low, &high, sums.row2, tile, 2u, firstOut, subgroup, lane);
  storeBlocks(&low, &high, sums.row3, tile, 3u, firstOut, subgroup, lane);
  if (lane % 32u < 16u) {
    keepStatistics(low, lane % 32u, lane / 32u);
    keepStatistics(high, lane % 32u + 16u, lane / 32u);
  }
  // Four invocations write, so that each partial result is written once.
  writeStatistics(select(CHANNEL_BLOCK, lane, lane < LANES), group, firstOut, sizes.outChannels);
}

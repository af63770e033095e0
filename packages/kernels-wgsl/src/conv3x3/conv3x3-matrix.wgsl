enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

// 3×3 convolution, stride 1, zero padding 1, by the matrix units of a GPU: f16 products, f32 sums. A workgroup of four
// subgroups computes 32 output channels of a tile of 8 rows × 16 columns, a subgroup two rows of it, as products of
// matrices of 16 × 16: output channels × input channels times input channels × the pixels of a row, summed over the taps.
// 16 input channels at a time are brought into workgroup memory, the weights a row of taps at a time.
// Tiles are counted through all images, blocks of channels are along z.
// With the strides and the flip of a gradient it computes the input gradient: input is then the output's gradient.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  rowTiles: u32, // ceil(height / 8)
  columnTiles: u32, // ceil(width / 16)
  tiles: u32, // batch * rowTiles * columnTiles
  outStride: u32, // weights from one output channel to the next
  inStride: u32, // weights from one input channel to the next
  flip: u32, // 1 where the taps are turned by 180°
  shortcutChannels: u32,
  shortcutOutStride: u32, // weights of the shortcut from one output channel to the next
  shortcutInStride: u32, // and from one of its input channels to the next
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

const LANES: u32 = 4; // that take statistics of a channel: one of each subgroup
const CHANNEL_BLOCK: u32 = 32;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

const WORKGROUP: u32 = 128;
const SLAB: u32 = 16; // input channels in workgroup memory: the rows of a matrix
const ROWS: u32 = 10; // of the tile with its margin
const COLUMNS: u32 = 18;
const RESULT_PITCH: u32 = 20; // so that neighboring channels are in different banks
// With what statistics keep, 16 KiB at most. A matrix begins at a multiple of 16 bytes, as the hardware asks: so the input
// channels of a pixel are side by side, and what a tap sees begins some pixels later.
var<workgroup> leftMatrices: array<f16, 3 * CHANNEL_BLOCK * SLAB>; // [tap of a row][output channel][input channel]
var<workgroup> rightMatrices: array<f16, ROWS * COLUMNS * SLAB>; // [row][column][input channel]
var<workgroup> results: array<f32, 4 * 16 * RESULT_PITCH>; // [subgroup][output channel][column]

// The matrix units, see transforms/subgroup-matrix.ts.
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;
fn subgroupOf(lane: u32, id: u32) -> u32 { return id; }
fn loadLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&leftMatrices, at, SLAB); }
fn loadRight(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&rightMatrices, at, SLAB); }
fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums { return subgroupMatrixMultiplyAccumulate(left, right, sums); }
fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&results, at, sums, RESULT_PITCH); }

struct Tile { n: u32, y: u32, x: u32 }

// Brings the tile of the slab's channels, zero outside the image and beyond the last channel. Eight invocations load
// neighboring pixels, so that they read along rows, and four of such eights neighboring channels, so that they write so.
fn fetchPixels(tile: Tile, firstIn: u32, lane: u32) {
  for (var c = lane / 8u % 4u; c < SLAB; c += 4u) {
    let channel = prepareInput(tile.n, min(firstIn + c, sizes.inChannels - 1u));
    for (var i = lane / 32u * 8u + lane % 8u; i < ROWS * COLUMNS; i += WORKGROUP / 4u) {
      let y = tile.y + i / COLUMNS - 1u; // above the top edge it wraps to a huge value
      let x = tile.x + i % COLUMNS - 1u;
      let yInside = min(y, sizes.height - 1u);
      let xInside = min(x, sizes.width - 1u);
      let value = loadInput(channel, yInside, xInside, yInside * sizes.width + xInside);
      let inside = y < sizes.height && x < sizes.width && firstIn + c < sizes.inChannels;
      rightMatrices[i * SLAB + c] = f16(select(0.0, value, inside));
    }
  }
}

// Brings the weights of a row of taps; beyond the last input channel they meet zeros.
fn fetchWeights(firstOut: u32, firstIn: u32, tapRow: u32, lane: u32) {
  for (var i = lane; i < 3u * CHANNEL_BLOCK * SLAB; i += WORKGROUP) {
    let co = i / (3u * SLAB);
    let c = i % (3u * SLAB) / 3u;
    let tap = i % 3u;
    let at = min(firstOut + co, sizes.outChannels - 1u) * sizes.outStride +
      min(firstIn + c, sizes.inChannels - 1u) * sizes.inStride;
    let flipped = select(3u * tapRow + tap, 8u - 3u * tapRow - tap, sizes.flip == 1u);
    leftMatrices[(tap * CHANNEL_BLOCK + co) * SLAB + c] = f16(weight[at + flipped]);
  }
}

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums. What lies outside the image is
// not stored, and so may be anything.
fn addShortcut(
  low0: ptr<function, Sums>, low1: ptr<function, Sums>, high0: ptr<function, Sums>, high1: ptr<function, Sums>,
  tile: Tile, firstOut: u32, subgroup: u32, lane: u32,
) {
  for (var first = 0u; first < sizes.shortcutChannels; first += SLAB) {
    let last = sizes.shortcutChannels - 1u;
    for (var c = lane / 8u % 4u; c < SLAB; c += 4u) {
      let channel = prepareShortcut(tile.n, min(first + c, last));
      for (var i = lane / 32u * 8u + lane % 8u; i < 128u; i += WORKGROUP / 4u) {
        let y = min(tile.y + i / 16u, sizes.height - 1u);
        let x = min(tile.x + i % 16u, sizes.width - 1u);
        let value = loadShortcut(channel, y, x, y * sizes.width + x);
        rightMatrices[i * SLAB + c] = f16(select(0.0, value, first + c <= last));
      }
    }
    for (var i = lane; i < CHANNEL_BLOCK * SLAB; i += WORKGROUP) {
      let co = min(firstOut + i / SLAB, sizes.outChannels - 1u);
      let at = co * sizes.shortcutOutStride + min(first + i % SLAB, last) * sizes.shortcutInStride;
      leftMatrices[i] = f16(shortcutWeight[at]);
    }
    workgroupBarrier();
    let low = loadLeft(0u);
    let high = loadLeft(16u * SLAB);
    let right0 = loadRight(2u * subgroup * 16u * SLAB);
    let right1 = loadRight((2u * subgroup + 1u) * 16u * SLAB);
    *low0 = multiplyAdd(low, right0, *low0);
    *low1 = multiplyAdd(low, right1, *low1);
    *high0 = multiplyAdd(high, right0, *high0);
    *high1 = multiplyAdd(high, right1, *high1);
    workgroupBarrier();
  }
}

// Stores 16 output channels of a row of the subgroup's tile, and takes statistics: first sixteen invocations store
// neighboring pixels of a channel, then each takes what was stored of a channel of its own.
fn storeRow(s: ptr<function, Statistics>, sums: Sums, tile: Tile, firstOut: u32, subgroup: u32, lane: u32) {
  let first = subgroup * 16u * RESULT_PITCH;
  storeSums(first, sums);
  workgroupBarrier();
  let own = lane / 32u * 16u * RESULT_PITCH; // that the invocation reads, whichever subgroup it is in
  let y = tile.y + lane / 32u * 2u;
  let x = tile.x + lane % 16u;
  for (var c = lane % 32u / 16u; c < 16u; c += 2u) {
    if (firstOut + c < sizes.outChannels && y < sizes.height && x < sizes.width) {
      let at = own + c * RESULT_PITCH + lane % 16u;
      let channel = prepareOutput(tile.n, firstOut + c);
      let pixel = y * sizes.width + x;
      results[at] = finishOutput(channel, results[at], y, x, pixel);
      storeOutput(channel, results[at], y, x, pixel);
    }
  }
  workgroupBarrier();
  let c = lane % 32u;
  if (c < 16u && firstOut + c < sizes.outChannels && y < sizes.height) {
    let channel = prepareOutput(tile.n, firstOut + c);
    for (var column = 0u; column < min(16u, sizes.width - tile.x); column++) {
      let at = tile.x + column;
      addToStatistics(s, channel, results[own + c * RESULT_PITCH + column], y, at, y * sizes.width + at);
    }
  }
  workgroupBarrier();
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
  let tile = Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * 8u, group % sizes.columnTiles * 16u);
  let firstOut = workgroup.z * CHANNEL_BLOCK;

  // Of the two blocks of 16 output channels and the two rows; zero at first.
  var low0: Sums;
  var low1: Sums;
  var high0: Sums;
  var high1: Sums;
  for (var firstIn = 0u; firstIn < sizes.inChannels; firstIn += SLAB) {
    fetchPixels(tile, firstIn, lane);
    for (var tapRow = 0u; tapRow < 3u; tapRow++) {
      fetchWeights(firstOut, firstIn, tapRow, lane);
      workgroupBarrier();
      for (var tap = 0u; tap < 3u; tap++) {
        let low = loadLeft(tap * CHANNEL_BLOCK * SLAB);
        let high = loadLeft((tap * CHANNEL_BLOCK + 16u) * SLAB);
        let right = ((2u * subgroup + tapRow) * COLUMNS + tap) * SLAB;
        let right0 = loadRight(right);
        let right1 = loadRight(right + COLUMNS * SLAB);
        low0 = multiplyAdd(low, right0, low0);
        low1 = multiplyAdd(low, right1, low1);
        high0 = multiplyAdd(high, right0, high0);
        high1 = multiplyAdd(high, right1, high1);
      }
      workgroupBarrier();
    }
  }

  addShortcut(&low0, &low1, &high0, &high1, tile, firstOut, subgroup, lane);

  var lowStatistics: Statistics;
  var highStatistics: Statistics;
  let below = Tile(tile.n, tile.y + 1u, tile.x);
  storeRow(&lowStatistics, low0, tile, firstOut, subgroup, lane);
  storeRow(&lowStatistics, low1, below, firstOut, subgroup, lane);
  storeRow(&highStatistics, high0, tile, firstOut + 16u, subgroup, lane);
  storeRow(&highStatistics, high1, below, firstOut + 16u, subgroup, lane);
  if (lane % 32u < 16u) {
    keepStatistics(lowStatistics, lane % 32u, lane / 32u);
    keepStatistics(highStatistics, lane % 32u + 16u, lane / 32u);
  }
  // Four invocations write, so that each partial result is written once.
  writeStatistics(select(CHANNEL_BLOCK, lane, lane < LANES), group, firstOut, sizes.outChannels);
}

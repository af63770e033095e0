// 3×3 convolution, stride 1, zero padding 1, through workgroup memory: a workgroup computes 32 output channels of a tile of
// 8 rows × 16 columns, an invocation 8 channels × 4 rows × 2 columns of it. Four input channels at a time, the tile with its
// margin and the weights are brought into workgroup memory, so that each is loaded once for all that need it.
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

const LANES: u32 = 16; // that share a channel: a quarter of the workgroup
const CHANNEL_BLOCK: u32 = 32;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

const WORKGROUP: u32 = 64;
const SLAB: u32 = 4; // input channels in workgroup memory
const ROWS: u32 = 10; // of the tile with its margin
const COLUMNS: u32 = 18;
const PITCH: u32 = 20; // so that the invocations of two row blocks read different banks
const TAPS: u32 = SLAB * 9;
const TAPS_PITCH: u32 = TAPS + 1; // likewise those of two channel blocks
// With what statistics keep, 16 KiB at most: that much every WebGPU device has.
var<workgroup> pixels: array<f32, SLAB * ROWS * PITCH>; // [input channel][row][column]
var<workgroup> weights: array<vec4f, 8 * TAPS_PITCH>; // [four output channels][input channel, tap]

struct Tile { n: u32, y: u32, x: u32 }

// Brings the tile of the slab's channels, zero outside the image and beyond the last channel.
fn fetchPixels(tile: Tile, firstIn: u32, lane: u32) {
  for (var c = 0u; c < SLAB; c++) {
    let channel = prepareInput(tile.n, min(firstIn + c, sizes.inChannels - 1u));
    for (var i = lane; i < ROWS * COLUMNS; i += WORKGROUP) {
      let row = i / COLUMNS;
      let column = i % COLUMNS;
      let y = tile.y + row - 1u; // above the top edge it wraps to a huge value
      let x = tile.x + column - 1u;
      let yInside = min(y, sizes.height - 1u);
      let xInside = min(x, sizes.width - 1u);
      let value = loadInput(channel, yInside, xInside, yInside * sizes.width + xInside);
      let inside = y < sizes.height && x < sizes.width && firstIn + c < sizes.inChannels;
      pixels[(c * ROWS + row) * PITCH + column] = select(0.0, value, inside);
    }
  }
}

fn fetchWeights(firstOut: u32, firstIn: u32, lane: u32) {
  for (var i = lane; i < 8u * TAPS; i += WORKGROUP) {
    let quad = i / TAPS;
    let tap = i % TAPS % 9u;
    let ci = min(firstIn + i % TAPS / 9u, sizes.inChannels - 1u); // beyond the last one it meets zeros
    let at = ci * sizes.inStride + select(tap, 8u - tap, sizes.flip == 1u);
    let co = min(vec4u(firstOut + 4u * quad) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.outChannels - 1u)) * sizes.outStride;
    weights[quad * TAPS_PITCH + i % TAPS] =
      vec4f(weight[at + co.x], weight[at + co.y], weight[at + co.z], weight[at + co.w]);
  }
}

// Adds one tap: left and right hold what it sees in the four rows of the invocation's two columns.
fn addTap(sums: ptr<function, array<vec4f, 16>>, at: u32, left: vec4f, right: vec4f) {
  let low = weights[at];
  let high = weights[at + TAPS_PITCH];
  (*sums)[0] += low.x * left;
  (*sums)[1] += low.x * right;
  (*sums)[2] += low.y * left;
  (*sums)[3] += low.y * right;
  (*sums)[4] += low.z * left;
  (*sums)[5] += low.z * right;
  (*sums)[6] += low.w * left;
  (*sums)[7] += low.w * right;
  (*sums)[8] += high.x * left;
  (*sums)[9] += high.x * right;
  (*sums)[10] += high.y * left;
  (*sums)[11] += high.y * right;
  (*sums)[12] += high.z * left;
  (*sums)[13] += high.z * right;
  (*sums)[14] += high.w * left;
  (*sums)[15] += high.w * right;
}

fn pixelRow(at: u32) -> vec4f { return vec4f(pixels[at], pixels[at + 1u], pixels[at + 2u], pixels[at + 3u]); }

// Adds the three taps of one row of the weight; a, b, c, d are the input rows that the invocation's four rows see.
fn addRow(sums: ptr<function, array<vec4f, 16>>, at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  let column1 = vec4f(a.y, b.y, c.y, d.y);
  let column2 = vec4f(a.z, b.z, c.z, d.z);
  addTap(sums, at, vec4f(a.x, b.x, c.x, d.x), column1);
  addTap(sums, at + 1u, column1, column2);
  addTap(sums, at + 2u, column2, vec4f(a.w, b.w, c.w, d.w));
}

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums. What lies outside the image is
// not stored, and so may be anything. pixelsAt, weightsAt: where the invocation's pixels and channels begin.
fn addShortcut(
  sums: ptr<function, array<vec4f, 16>>, tile: Tile, firstOut: u32, pixelsAt: u32, weightsAt: u32, lane: u32,
) {
  for (var first = 0u; first < sizes.shortcutChannels; first += SLAB) {
    let last = sizes.shortcutChannels - 1u;
    for (var c = 0u; c < SLAB; c++) {
      let channel = prepareShortcut(tile.n, min(first + c, last));
      for (var i = lane; i < 128u; i += WORKGROUP) {
        let y = min(tile.y + i / 16u, sizes.height - 1u);
        let x = min(tile.x + i % 16u, sizes.width - 1u);
        let value = loadShortcut(channel, y, x, y * sizes.width + x);
        pixels[(c * ROWS + i / 16u) * PITCH + i % 16u] = select(0.0, value, first + c <= last);
      }
    }
    for (var i = lane; i < 8u * SLAB; i += WORKGROUP) {
      let at = min(first + i % SLAB, last) * sizes.shortcutInStride;
      let outs = min(vec4u(firstOut + i / SLAB * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.outChannels - 1u));
      let co = outs * sizes.shortcutOutStride;
      weights[i / SLAB * TAPS_PITCH + i % SLAB] =
        vec4f(shortcutWeight[at + co.x], shortcutWeight[at + co.y], shortcutWeight[at + co.z], shortcutWeight[at + co.w]);
    }
    workgroupBarrier();
    for (var c = 0u; c < SLAB; c++) {
      let at = pixelsAt + c * ROWS * PITCH;
      let left = vec4f(pixels[at], pixels[at + PITCH], pixels[at + 2u * PITCH], pixels[at + 3u * PITCH]);
      let right =
        vec4f(pixels[at + 1u], pixels[at + PITCH + 1u], pixels[at + 2u * PITCH + 1u], pixels[at + 3u * PITCH + 1u]);
      addTap(sums, weightsAt + c, left, right);
    }
    workgroupBarrier();
  }
}

fn storePixel(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32) {
  if (y < sizes.height && x < sizes.width) {
    let pixel = y * sizes.width + x;
    let finished = finishOutput(channel, value, y, x, pixel);
    addToStatistics(s, channel, finished, y, x, pixel);
    storeOutput(channel, finished, y, x, pixel);
  }
}

// tile: where the invocation's pixels begin; place: its place among those that share its channels.
fn storeChannel(tile: Tile, firstChannel: u32, block: u32, place: u32, left: vec4f, right: vec4f) {
  var s: Statistics;
  if (firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    for (var row = 0u; row < 4u; row++) {
      storePixel(&s, channel, left[row], tile.y + row, tile.x);
      storePixel(&s, channel, right[row], tile.y + row, tile.x + 1u);
    }
  }
  keepStatistics(s, block, place);
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
  let tile = Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * 8u, group % sizes.columnTiles * 16u);
  let firstChannel = workgroup.z * CHANNEL_BLOCK;
  let block = lane / LANES * 8u; // the first of the invocation's channels in the block
  let place = lane % LANES;
  let row = place / 8u * 4u; // its first row and column in the tile
  let column = place % 8u * 2u;

  var sums: array<vec4f, 16>; // [channel][column], the four rows in a vector
  for (var firstIn = 0u; firstIn < sizes.inChannels; firstIn += SLAB) {
    fetchPixels(tile, firstIn, lane);
    fetchWeights(firstChannel, firstIn, lane);
    workgroupBarrier();
    for (var c = 0u; c < SLAB; c++) {
      let at = (c * ROWS + row) * PITCH + column;
      let row0 = pixelRow(at);
      let row1 = pixelRow(at + PITCH);
      let row2 = pixelRow(at + 2u * PITCH);
      let row3 = pixelRow(at + 3u * PITCH);
      let row4 = pixelRow(at + 4u * PITCH);
      let row5 = pixelRow(at + 5u * PITCH);
      let taps = block / 4u * TAPS_PITCH + c * 9u;
      addRow(&sums, taps, row0, row1, row2, row3);
      addRow(&sums, taps + 3u, row1, row2, row3, row4);
      addRow(&sums, taps + 6u, row2, row3, row4, row5);
    }
    workgroupBarrier();
  }

  addShortcut(&sums, tile, firstChannel, row * PITCH + column, block / 4u * TAPS_PITCH, lane);

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let own = Tile(tile.n, tile.y + row, tile.x + column);
  storeChannel(own, firstChannel, block, place, sums[0], sums[1]);
  storeChannel(own, firstChannel, block + 1u, place, sums[2], sums[3]);
  storeChannel(own, firstChannel, block + 2u, place, sums[4], sums[5]);
  storeChannel(own, firstChannel, block + 3u, place, sums[6], sums[7]);
  storeChannel(own, firstChannel, block + 4u, place, sums[8], sums[9]);
  storeChannel(own, firstChannel, block + 5u, place, sums[10], sums[11]);
  storeChannel(own, firstChannel, block + 6u, place, sums[12], sums[13]);
  storeChannel(own, firstChannel, block + 7u, place, sums[14], sums[15]);
  // Of the invocations those of one channel block write, so that each partial result is written once.
  writeStatistics(select(CHANNEL_BLOCK, lane, lane < LANES), group, firstChannel, sizes.outChannels);
}

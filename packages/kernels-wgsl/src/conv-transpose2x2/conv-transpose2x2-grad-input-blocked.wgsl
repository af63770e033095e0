// Input gradient of the transposed 2×2 convolution: one invocation computes a tile of 4 pixels of 8 channels.
// A workgroup computes 64 tiles of one block of 8 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32, // of gradOutput
  outChannels: u32, // of the gradient
  height: u32, // of the gradient
  width: u32, // of the gradient
  quarter: u32, // ceil(height * width / 4)
  tiles: u32, // batch * quarter
  groups: u32, // ceil(tiles / 64)
  blockChannels: u32, // 8, as a variable
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, 2h, 2w]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 2, 2, 8]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, co, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * 4u * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
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

// The weights of one of the 2 × 2 sub-pixels of an input channel for the 8 output channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(block: u32, c: u32, tap: u32, lane: u32) -> Weights {
  let at = 2u * ((block * sizes.inChannels + c) * 4u + tap);
  return Weights(weight[at], weight[at + 1u]);
}
// Input channels that an invocation reads: without a tile it leaves the loop at once.
fn channelsFor(live: bool) -> u32 { return select(0u, sizes.inChannels, live); }

// Four pixels of an image, a quarter of it apart, so that neighboring invocations read neighboring pixels.
struct Tile {
  n: u32,
  pixel: vec4u,
  y: vec4u,
  x: vec4u,
  live: vec4<bool>, // false for pixels beyond the image and invocations beyond the last tile
}

fn tileOf(index: u32) -> Tile {
  let pixels = sizes.height * sizes.width;
  let at = min(index, sizes.tiles - 1u);
  let pixel = at % sizes.quarter + sizes.quarter * vec4u(0u, 1u, 2u, 3u);
  let kept = min(pixel, vec4u(pixels - 1u));
  let live = (pixel < vec4u(pixels)) & vec4<bool>(index < sizes.tiles);
  return Tile(at / sizes.quarter, kept, kept / sizes.width, kept % sizes.width, live);
}

// One of the 2 × 2 sub-pixels of the tile's pixels.
fn loadSubPixel(channel: InputChannel, tile: Tile, dy: u32, dx: u32) -> vec4f {
  let y = 2u * tile.y + dy;
  let x = 2u * tile.x + dx;
  let pixel = y * 2u * sizes.width + x;
  return vec4f(
    loadInput(channel, y.x, x.x, pixel.x),
    loadInput(channel, y.y, x.y, pixel.y),
    loadInput(channel, y.z, x.z, pixel.z),
    loadInput(channel, y.w, x.w, pixel.w),
  );
}

// Adds one sub-pixel of an input channel to the 8 output channels.
fn addProducts(sums: ptr<function, array<vec4f, 8>>, weights: Weights, values: vec4f) {
  let low = weights.low;
  let high = weights.high;
  (*sums)[0] += low.x * values;
  (*sums)[1] += low.y * values;
  (*sums)[2] += low.z * values;
  (*sums)[3] += low.w * values;
  (*sums)[4] += high.x * values;
  (*sums)[5] += high.y * values;
  (*sums)[6] += high.z * values;
  (*sums)[7] += high.w * values;
}

// All four are finished before the first is stored, so that what they load is under way together.
fn finishTile(channel: OutputChannel, tile: Tile, values: vec4f) -> vec4f {
  return vec4f(
    finishOutput(channel, values.x, tile.y.x, tile.x.x, tile.pixel.x),
    finishOutput(channel, values.y, tile.y.y, tile.x.y, tile.pixel.y),
    finishOutput(channel, values.z, tile.y.z, tile.x.z, tile.pixel.z),
    finishOutput(channel, values.w, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn storeTile(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, finished: vec4f) {
  if (tile.live.x) { addToStatistics(s, channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
  if (tile.live.y) { addToStatistics(s, channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
  if (tile.live.z) { addToStatistics(s, channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
  if (tile.live.w) { addToStatistics(s, channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
  if (tile.live.x) { storeOutput(channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
  if (tile.live.y) { storeOutput(channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
  if (tile.live.z) { storeOutput(channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
  if (tile.live.w) { storeOutput(channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, values: vec4f) {
  var s: Statistics;
  if (firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    storeTile(&s, channel, tile, finishTile(channel, tile, values));
  }
  keepStatistics(s, block, lane);
}

// One call a channel, not a loop: a variable index would move the sums out of registers.
fn storeSums(tile: Tile, firstChannel: u32, lane: u32, sums: array<vec4f, 8>) {
  storeChannel(tile, firstChannel, 0u, lane, sums[0]);
  storeChannel(tile, firstChannel, 1u, lane, sums[1]);
  storeChannel(tile, firstChannel, 2u, lane, sums[2]);
  storeChannel(tile, firstChannel, 3u, lane, sums[3]);
  storeChannel(tile, firstChannel, 4u, lane, sums[4]);
  storeChannel(tile, firstChannel, 5u, lane, sums[5]);
  storeChannel(tile, firstChannel, 6u, lane, sums[6]);
  storeChannel(tile, firstChannel, 7u, lane, sums[7]);
}

// The same for adapters that compile on the CPU, see transforms/store-loop.ts.
fn storeSumsInLoop(tile: Tile, firstChannel: u32, lane: u32, sums: array<vec4f, 8>) {
  var results = sums;
  for (var block = 0u; block < sizes.blockChannels; block++) {
    storeChannel(tile, firstChannel, block, lane, results[block]);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let tile = tileOf(group * LANES + lane);

  var sums: array<vec4f, 8>; // [channel], the four pixels in a vector
  let channels = channelsFor(tile.live.x);
  for (var ci = 0u; ci < channels; ci++) {
    let channel = prepareInput(tile.n, ci);
    addProducts(&sums, loadWeights(workgroup.z, ci, 0u, lane), loadSubPixel(channel, tile, 0u, 0u));
    addProducts(&sums, loadWeights(workgroup.z, ci, 1u, lane), loadSubPixel(channel, tile, 0u, 1u));
    addProducts(&sums, loadWeights(workgroup.z, ci, 2u, lane), loadSubPixel(channel, tile, 1u, 0u));
    addProducts(&sums, loadWeights(workgroup.z, ci, 3u, lane), loadSubPixel(channel, tile, 1u, 1u));
  }

  let firstChannel = workgroup.z * CHANNEL_BLOCK;
  storeSums(tile, firstChannel, lane, sums);
  if (group < sizes.groups) { writeStatistics(lane, group, firstChannel, sizes.outChannels); }
}

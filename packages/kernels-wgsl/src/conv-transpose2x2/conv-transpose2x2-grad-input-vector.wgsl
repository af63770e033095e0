// Input gradient of the transposed 2×2 convolution of images whose width is a multiple of 4: one invocation computes four pixels
// of a row, a quad, of 8 channels. A workgroup computes 64 such tiles of one block of 8 channels; tiles are counted through all
// images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32, // of gradOutput
  outChannels: u32, // of the gradient
  height: u32, // of the gradient
  quads: u32, // width of the gradient / 4
  tiles: u32, // batch * height * quads
  groups: u32, // ceil(tiles / 64)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, 2h, w / 2]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 2, 2, 8]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<real>>; // [n, co, h, w / 4]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * 4u * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
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

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 8;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// The weights of one of the 2 × 2 sub-pixels of an input channel for the 8 output channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(block: u32, c: u32, tap: u32) -> Weights {
  let at = 2u * ((block * sizes.inChannels + c) * 4u + tap);
  return Weights(weight[at], weight[at + 1u]);
}

// A quad of the coarse grid.
struct Tile {
  n: u32,
  y: u32,
  quad: u32,
  place: u32, // of the image
  live: bool, // false for the invocations beyond the last tile
}

fn tileAt(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let row = at / sizes.quads;
  let y = row % sizes.height;
  let quad = at % sizes.quads;
  return Tile(row / sizes.height, y, quad, y * sizes.quads + quad, index < sizes.tiles);
}

// Two quads of a fine row, of which every other pixel meets the same weight.
struct FineRow { first: vec4f, second: vec4f }

fn loadFineRow(channel: InputChannel, tile: Tile, dy: u32) -> FineRow {
  let y = 2u * tile.y + dy;
  let quad = 2u * tile.quad;
  let place = y * 2u * sizes.quads + quad;
  return FineRow(loadInputQuad(channel, y, quad, place), loadInputQuad(channel, y, quad + 1u, place + 1u));
}
fn leftOf(row: FineRow) -> vec4f { return vec4f(row.first.xz, row.second.xz); }
fn rightOf(row: FineRow) -> vec4f { return vec4f(row.first.yw, row.second.yw); }

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

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, values: vec4f) {
  var s: Statistics;
  if (tile.live && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    let finished = finishOutputQuad(channel, values, tile.y, tile.quad, tile.place);
    addQuadToStatistics(&s, channel, finished, tile.y, tile.quad, tile.place);
    storeOutputQuad(channel, finished, tile.y, tile.quad, tile.place);
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
  let tile = tileAt(group * LANES + lane);
  let block = workgroup.z;

  var sums: array<vec4f, 8>; // [channel], the four pixels in a vector
  for (var ci = 0u; ci < sizes.inChannels; ci++) {
    let channel = prepareInput(tile.n, ci);
    let upper = loadFineRow(channel, tile, 0u);
    let lower = loadFineRow(channel, tile, 1u);
    addProducts(&sums, loadWeights(block, ci, 0u), leftOf(upper));
    addProducts(&sums, loadWeights(block, ci, 1u), rightOf(upper));
    addProducts(&sums, loadWeights(block, ci, 2u), leftOf(lower));
    addProducts(&sums, loadWeights(block, ci, 3u), rightOf(lower));
  }

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let firstChannel = block * CHANNEL_BLOCK;
  storeChannel(tile, firstChannel, 0u, lane, sums[0]);
  storeChannel(tile, firstChannel, 1u, lane, sums[1]);
  storeChannel(tile, firstChannel, 2u, lane, sums[2]);
  storeChannel(tile, firstChannel, 3u, lane, sums[3]);
  storeChannel(tile, firstChannel, 4u, lane, sums[4]);
  storeChannel(tile, firstChannel, 5u, lane, sums[5]);
  storeChannel(tile, firstChannel, 6u, lane, sums[6]);
  storeChannel(tile, firstChannel, 7u, lane, sums[7]);
  if (group < sizes.groups) { writeStatistics(lane, group, firstChannel, sizes.outChannels); }
}

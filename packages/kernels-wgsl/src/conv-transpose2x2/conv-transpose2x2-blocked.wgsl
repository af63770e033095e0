// Transposed 2×2 convolution, stride 2: one invocation computes what 4 input pixels give to 2 output channels.
// A workgroup computes 64 tiles of one block of 2 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  width: u32, // of the input
  quarter: u32, // ceil(height * width / 4)
  tiles: u32, // batch * quarter
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 2, 2, 2]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, co, 2h, 2w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * 4u * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

const LANES: u32 = 64;

// The weights of an input channel for the 2 × 2 sub-pixels of the 2 output channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(block: u32, c: u32, lane: u32) -> Weights {
  let at = 2u * (block * sizes.inChannels + c);
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

// The tile's four values of a channel.
fn loadTile(channel: InputChannel, tile: Tile) -> vec4f {
  return vec4f(
    loadInput(channel, tile.y.x, tile.x.x, tile.pixel.x),
    loadInput(channel, tile.y.y, tile.x.y, tile.pixel.y),
    loadInput(channel, tile.y.z, tile.x.z, tile.pixel.z),
    loadInput(channel, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

// Adds one input channel to the 2 × 2 sub-pixels of 2 output channels.
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

fn storePixel(channel: OutputChannel, y: u32, x: u32, value: f32) {
  let pixel = y * 2u * sizes.width + x;
  storeOutput(channel, finishOutput(channel, value, y, x, pixel), y, x, pixel);
}

// Stores one of the 2 × 2 sub-pixels of the tile's pixels.
fn storeSubPixel(channel: OutputChannel, tile: Tile, dy: u32, dx: u32, values: vec4f) {
  let y = 2u * tile.y + dy;
  let x = 2u * tile.x + dx;
  if (tile.live.x) { storePixel(channel, y.x, x.x, values.x); }
  if (tile.live.y) { storePixel(channel, y.y, x.y, values.y); }
  if (tile.live.z) { storePixel(channel, y.z, x.z, values.z); }
  if (tile.live.w) { storePixel(channel, y.w, x.w, values.w); }
}

fn storeChannel(tile: Tile, co: u32, topLeft: vec4f, topRight: vec4f, bottomLeft: vec4f, bottomRight: vec4f) {
  if (co < sizes.outChannels) {
    let channel = prepareOutput(tile.n, co);
    storeSubPixel(channel, tile, 0u, 0u, topLeft);
    storeSubPixel(channel, tile, 0u, 1u, topRight);
    storeSubPixel(channel, tile, 1u, 0u, bottomLeft);
    storeSubPixel(channel, tile, 1u, 1u, bottomRight);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tileOf((workgroup.x + workgroup.y * workgroups.x) * LANES + lane);

  var sums: array<vec4f, 8>; // [channel][sub-pixel], the four pixels in a vector
  let channels = channelsFor(tile.live.x);
  for (var ci = 0u; ci < channels; ci++) {
    let weights = loadWeights(workgroup.z, ci, lane);
    addProducts(&sums, weights, loadTile(prepareInput(tile.n, ci), tile));
  }

  let firstChannel = workgroup.z * 2u;
  storeChannel(tile, firstChannel, sums[0], sums[1], sums[2], sums[3]);
  storeChannel(tile, firstChannel + 1u, sums[4], sums[5], sums[6], sums[7]);
}

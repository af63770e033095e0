// Convolution of any kernel, stride and zero padding: one invocation computes a tile of 4 pixels of 8 output channels.
// A workgroup computes 64 tiles of one block of 8 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  width: u32, // of the input
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  strideX: u32,
  padY: u32,
  padX: u32,
  quarter: u32, // ceil(outHeight * outWidth / 4)
  tiles: u32, // batch * quarter
  blockChannels: u32, // 8, as a variable
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, ky, kx, 8]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, co, outHeight, outWidth]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.outHeight * sizes.outWidth);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 8;

// Four pixels of the output, a quarter of an image apart, so that neighboring invocations read neighboring pixels.
struct Tile {
  n: u32,
  pixel: vec4u,
  y: vec4u,
  x: vec4u,
  live: vec4<bool>, // false for pixels beyond the image and invocations beyond the last tile
}

fn tileOf(index: u32) -> Tile {
  let pixels = sizes.outHeight * sizes.outWidth;
  let at = min(index, sizes.tiles - 1u);
  let pixel = at % sizes.quarter + sizes.quarter * vec4u(0u, 1u, 2u, 3u);
  let kept = min(pixel, vec4u(pixels - 1u));
  let live = (pixel < vec4u(pixels)) & vec4<bool>(index < sizes.tiles);
  return Tile(at / sizes.quarter, kept, kept / sizes.outWidth, kept % sizes.outWidth, live);
}

// What a tap sees of a channel for each of the four, zero outside the image; what is above or left of it comes as a huge value.
fn loadTap(channel: InputChannel, rows: vec4u, columns: vec4u) -> vec4f {
  let y = min(rows, vec4u(sizes.height - 1u));
  let x = min(columns, vec4u(sizes.width - 1u));
  let pixel = y * sizes.width + x;
  let values = vec4f(
    loadInput(channel, y.x, x.x, pixel.x),
    loadInput(channel, y.y, x.y, pixel.y),
    loadInput(channel, y.z, x.z, pixel.z),
    loadInput(channel, y.w, x.w, pixel.w),
  );
  return select(vec4f(), values, (rows < vec4u(sizes.height)) & (columns < vec4u(sizes.width)));
}

// Adds one tap of an input channel to the 8 output channels.
fn addProducts(sums: ptr<function, array<vec4f, 8>>, low: vec4f, high: vec4f, values: vec4f) {
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
fn storeChannel(tile: Tile, c: u32, values: vec4f) {
  if (c < sizes.outChannels) {
    let channel = prepareOutput(tile.n, c);
    let finished = vec4f(
      finishOutput(channel, values.x, tile.y.x, tile.x.x, tile.pixel.x),
      finishOutput(channel, values.y, tile.y.y, tile.x.y, tile.pixel.y),
      finishOutput(channel, values.z, tile.y.z, tile.x.z, tile.pixel.z),
      finishOutput(channel, values.w, tile.y.w, tile.x.w, tile.pixel.w),
    );
    if (tile.live.x) { storeOutput(channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
    if (tile.live.y) { storeOutput(channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
    if (tile.live.z) { storeOutput(channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
    if (tile.live.w) { storeOutput(channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
  }
}

// One call a channel, not a loop: a variable index would move the sums out of registers.
fn storeSums(tile: Tile, firstChannel: u32, sums: array<vec4f, 8>) {
  storeChannel(tile, firstChannel, sums[0]);
  storeChannel(tile, firstChannel + 1u, sums[1]);
  storeChannel(tile, firstChannel + 2u, sums[2]);
  storeChannel(tile, firstChannel + 3u, sums[3]);
  storeChannel(tile, firstChannel + 4u, sums[4]);
  storeChannel(tile, firstChannel + 5u, sums[5]);
  storeChannel(tile, firstChannel + 6u, sums[6]);
  storeChannel(tile, firstChannel + 7u, sums[7]);
}

// The same for adapters that compile on the CPU, see transforms/store-loop.ts.
fn storeSumsInLoop(tile: Tile, firstChannel: u32, sums: array<vec4f, 8>) {
  var results = sums;
  for (var block = 0u; block < sizes.blockChannels; block++) {
    storeChannel(tile, firstChannel + block, results[block]);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tileOf((workgroup.x + workgroup.y * workgroups.x) * LANES + lane);
  let top = tile.y * sizes.strideY - sizes.padY;
  let left = tile.x * sizes.strideX - sizes.padX;

  var sums: array<vec4f, 8>; // [channel], the four pixels in a vector
  var at = 2u * workgroup.z * sizes.inChannels * sizes.kernelHeight * sizes.kernelWidth;
  let channels = select(0u, sizes.inChannels, tile.live.x);
  for (var ci = 0u; ci < channels; ci++) {
    let channel = prepareInput(tile.n, ci);
    for (var ky = 0u; ky < sizes.kernelHeight; ky++) {
      for (var kx = 0u; kx < sizes.kernelWidth; kx++) {
        addProducts(&sums, weight[at], weight[at + 1u], loadTap(channel, top + ky, left + kx));
        at += 2u;
      }
    }
  }
  storeSums(tile, workgroup.z * CHANNEL_BLOCK, sums);
}

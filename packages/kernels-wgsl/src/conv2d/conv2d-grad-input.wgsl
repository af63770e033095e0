// Input gradient of the convolution of any kernel, stride and zero padding: one invocation computes a tile of 4 pixels of 8
// channels. Padded rows and columns of the gradient that have the same remainder by the stride are a phase: they meet the
// same taps of the weight. A workgroup computes 64 tiles of one phase and one block of 8 channels; tiles are counted through
// all images, phases follow one another, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32, // of gradOutput
  outChannels: u32, // of the gradient
  height: u32, // of gradOutput
  width: u32, // of gradOutput
  outHeight: u32, // of the gradient
  outWidth: u32, // of the gradient
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: u32,
  strideX: u32,
  padY: u32,
  padX: u32,
  phaseHeight: u32, // rows of a phase: ceil((outHeight + padY) / strideY)
  phaseWidth: u32, // columns of a phase: ceil((outWidth + padX) / strideX)
  quarter: u32, // ceil(phaseHeight * phaseWidth / 4)
  tiles: u32, // of a phase: batch * quarter
  groups: u32, // workgroups of a phase: ceil(tiles / 64)
  blockChannels: u32, // 8, as a variable
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // gradOutput [n, ci, h, w]
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

// Four pixels of a phase, a quarter of it apart, so that neighboring invocations read neighboring pixels.
struct Tile {
  n: u32,
  row: vec4u, // within the phase: the row of gradOutput that its first tap meets
  column: vec4u, // within the phase
  y: vec4u,
  x: vec4u,
  live: vec4<bool>, // false for pixels beyond the image and invocations beyond the last tile
}

fn tileOf(index: u32, phaseY: u32, phaseX: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let place = at % sizes.quarter + sizes.quarter * vec4u(0u, 1u, 2u, 3u);
  let row = place / sizes.phaseWidth;
  let column = place % sizes.phaseWidth;
  let y = row * sizes.strideY + phaseY - sizes.padY; // huge where it is in the padding
  let x = column * sizes.strideX + phaseX - sizes.padX;
  let inside = (y < vec4u(sizes.outHeight)) & (x < vec4u(sizes.outWidth));
  return Tile(
    at / sizes.quarter,
    row,
    column,
    min(y, vec4u(sizes.outHeight - 1u)),
    min(x, vec4u(sizes.outWidth - 1u)),
    inside & vec4<bool>(index < sizes.tiles),
  );
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

// Adds one tap of a channel of gradOutput to the 8 channels of the gradient.
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
    let pixel = tile.y * sizes.outWidth + tile.x;
    let finished = vec4f(
      finishOutput(channel, values.x, tile.y.x, tile.x.x, pixel.x),
      finishOutput(channel, values.y, tile.y.y, tile.x.y, pixel.y),
      finishOutput(channel, values.z, tile.y.z, tile.x.z, pixel.z),
      finishOutput(channel, values.w, tile.y.w, tile.x.w, pixel.w),
    );
    if (tile.live.x) { storeOutput(channel, finished.x, tile.y.x, tile.x.x, pixel.x); }
    if (tile.live.y) { storeOutput(channel, finished.y, tile.y.y, tile.x.y, pixel.y); }
    if (tile.live.z) { storeOutput(channel, finished.z, tile.y.z, tile.x.z, pixel.z); }
    if (tile.live.w) { storeOutput(channel, finished.w, tile.y.w, tile.x.w, pixel.w); }
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
  let group = workgroup.x + workgroup.y * workgroups.x;
  let phase = group / sizes.groups;
  if (phase < sizes.strideY * sizes.strideX) {
    let phaseY = phase / sizes.strideX;
    let phaseX = phase % sizes.strideX;
    let tile = tileOf(group % sizes.groups * LANES + lane, phaseY, phaseX);

    var sums: array<vec4f, 8>; // [channel], the four pixels in a vector
    let taps = sizes.kernelHeight * sizes.kernelWidth;
    let channels = select(0u, sizes.inChannels, any(tile.live));
    for (var ci = 0u; ci < channels; ci++) {
      let channel = prepareInput(tile.n, ci);
      let first = (workgroup.z * sizes.inChannels + ci) * taps;
      for (var ky = phaseY; ky < sizes.kernelHeight; ky += sizes.strideY) {
        let rows = tile.row - ky / sizes.strideY;
        for (var kx = phaseX; kx < sizes.kernelWidth; kx += sizes.strideX) {
          let at = 2u * (first + ky * sizes.kernelWidth + kx);
          addProducts(&sums, weight[at], weight[at + 1u], loadTap(channel, rows, tile.column - kx / sizes.strideX));
        }
      }
    }
    storeSums(tile, workgroup.z * CHANNEL_BLOCK, sums);
  }
}

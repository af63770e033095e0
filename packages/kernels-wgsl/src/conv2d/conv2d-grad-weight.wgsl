// Weight gradient of the convolution of any kernel, stride and zero padding: one invocation sums 8 output × 8 input channels of
// one tap over segments of the output's images. A workgroup takes every `partialCount`-th segment, every 32nd pixel an
// invocation, then sums over its invocations.

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
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / 8)
  segments: u32, // segments of an image
  segmentLength: u32, // pixels of a segment
  totalSegments: u32, // batch * segments
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, outHeight, outWidth]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci, ky, kx]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.outHeight * sizes.outWidth);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

const LANES: u32 = 32;
const KEPT: u32 = 16; // input channel and half, four output channels in a vector
var<workgroup> kept: array<vec4f, LANES * KEPT>;

// How the invocations share the work, see transforms/lane-sums.ts.
struct Share { index: u32, first: u32, step: u32 }
fn shareOf(workgroup: u32, lane: u32) -> Share { return Share(workgroup, lane, LANES); }
fn keep(place: u32, lane: u32, sums: vec4f) { kept[place * LANES + lane] = sums; }
fn settle() { workgroupBarrier(); }
fn keptSum(index: u32) -> f32 {
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) { total += kept[index / 4u * LANES + lane][index % 4u]; }
  return total;
}

fn keepSums(row: u32, lane: u32, low: vec4f, high: vec4f) {
  keep(2u * row, lane, low);
  keep(2u * row + 1u, lane, high);
}

// Writes one of the 64 sums.
fn writeSum(index: u32, partial: u32, tap: u32, firstOut: u32, firstIn: u32) {
  let co = firstOut + index % 8u;
  let ci = firstIn + index / 8u;
  if (co < sizes.outChannels && ci < sizes.inChannels) {
    let pair = (partial * sizes.outChannels + co) * sizes.inChannels + ci;
    partials[pair * sizes.kernelHeight * sizes.kernelWidth + tap] = keptSum(index);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let share = shareOf(workgroup.x + workgroup.y * workgroups.x, lane);
  let taps = sizes.kernelHeight * sizes.kernelWidth;
  let tap = share.index % taps;
  let firstIn = share.index / taps % sizes.inBlocks * 8u;
  let firstOut = share.index / taps / sizes.inBlocks % sizes.outBlocks * 8u;
  let partial = share.index / taps / sizes.inBlocks / sizes.outBlocks;

  var sums: array<vec4f, 16>; // [input channel, half], four output channels in a vector
  let segments = select(0u, sizes.totalSegments, partial < sizes.partialCount);
  for (var segment = partial; segment < segments; segment += sizes.partialCount) {
    let n = segment / sizes.segments;
    let first = segment % sizes.segments * sizes.segmentLength;
    let end = min(first + sizes.segmentLength, sizes.outHeight * sizes.outWidth);
    let input0 = prepareInput(n, min(firstIn + 0u, sizes.inChannels - 1u));
    let input1 = prepareInput(n, min(firstIn + 1u, sizes.inChannels - 1u));
    let input2 = prepareInput(n, min(firstIn + 2u, sizes.inChannels - 1u));
    let input3 = prepareInput(n, min(firstIn + 3u, sizes.inChannels - 1u));
    let input4 = prepareInput(n, min(firstIn + 4u, sizes.inChannels - 1u));
    let input5 = prepareInput(n, min(firstIn + 5u, sizes.inChannels - 1u));
    let input6 = prepareInput(n, min(firstIn + 6u, sizes.inChannels - 1u));
    let input7 = prepareInput(n, min(firstIn + 7u, sizes.inChannels - 1u));
    let gradient0 = prepareGradOutput(n, min(firstOut + 0u, sizes.outChannels - 1u));
    let gradient1 = prepareGradOutput(n, min(firstOut + 1u, sizes.outChannels - 1u));
    let gradient2 = prepareGradOutput(n, min(firstOut + 2u, sizes.outChannels - 1u));
    let gradient3 = prepareGradOutput(n, min(firstOut + 3u, sizes.outChannels - 1u));
    let gradient4 = prepareGradOutput(n, min(firstOut + 4u, sizes.outChannels - 1u));
    let gradient5 = prepareGradOutput(n, min(firstOut + 5u, sizes.outChannels - 1u));
    let gradient6 = prepareGradOutput(n, min(firstOut + 6u, sizes.outChannels - 1u));
    let gradient7 = prepareGradOutput(n, min(firstOut + 7u, sizes.outChannels - 1u));
    for (var pixel = first + share.first; pixel < end; pixel += share.step) {
      let outY = pixel / sizes.outWidth;
      let outX = pixel % sizes.outWidth;
      let row = outY * sizes.strideY + tap / sizes.kernelWidth - sizes.padY; // huge above the image
      let column = outX * sizes.strideX + tap % sizes.kernelWidth - sizes.padX;
      let inside = vec4<bool>(row < sizes.height && column < sizes.width);
      let y = min(row, sizes.height - 1u);
      let x = min(column, sizes.width - 1u);
      let seen = y * sizes.width + x;
      let low = select(vec4f(), vec4f(
        loadGradOutput(gradient0, outY, outX, pixel),
        loadGradOutput(gradient1, outY, outX, pixel),
        loadGradOutput(gradient2, outY, outX, pixel),
        loadGradOutput(gradient3, outY, outX, pixel),
      ), inside);
      let high = select(vec4f(), vec4f(
        loadGradOutput(gradient4, outY, outX, pixel),
        loadGradOutput(gradient5, outY, outX, pixel),
        loadGradOutput(gradient6, outY, outX, pixel),
        loadGradOutput(gradient7, outY, outX, pixel),
      ), inside);
      let value0 = loadInput(input0, y, x, seen);
      sums[0] += value0 * low;
      sums[1] += value0 * high;
      let value1 = loadInput(input1, y, x, seen);
      sums[2] += value1 * low;
      sums[3] += value1 * high;
      let value2 = loadInput(input2, y, x, seen);
      sums[4] += value2 * low;
      sums[5] += value2 * high;
      let value3 = loadInput(input3, y, x, seen);
      sums[6] += value3 * low;
      sums[7] += value3 * high;
      let value4 = loadInput(input4, y, x, seen);
      sums[8] += value4 * low;
      sums[9] += value4 * high;
      let value5 = loadInput(input5, y, x, seen);
      sums[10] += value5 * low;
      sums[11] += value5 * high;
      let value6 = loadInput(input6, y, x, seen);
      sums[12] += value6 * low;
      sums[13] += value6 * high;
      let value7 = loadInput(input7, y, x, seen);
      sums[14] += value7 * low;
      sums[15] += value7 * high;
    }
  }

  // All sums leave the registers before the barrier: lavapipe keeps what lives across one in memory.
  keepSums(0u, lane, sums[0], sums[1]);
  keepSums(1u, lane, sums[2], sums[3]);
  keepSums(2u, lane, sums[4], sums[5]);
  keepSums(3u, lane, sums[6], sums[7]);
  keepSums(4u, lane, sums[8], sums[9]);
  keepSums(5u, lane, sums[10], sums[11]);
  keepSums(6u, lane, sums[12], sums[13]);
  keepSums(7u, lane, sums[14], sums[15]);
  settle();
  if (partial < sizes.partialCount) {
    for (var sum = share.first; sum < 4u * KEPT; sum += share.step) { writeSum(sum, partial, tap, firstOut, firstIn); }
  }
}

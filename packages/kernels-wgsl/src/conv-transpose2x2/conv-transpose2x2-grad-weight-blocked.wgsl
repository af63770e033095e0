// Weight gradient of the transposed 2×2 convolution: one invocation sums 8 input × 2 output channels × 4 taps.
// A workgroup takes every `partialCount`-th segment of the input's images, every 32nd pixel an invocation, then adds up
// its invocations.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  width: u32, // of the input
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / 2)
  segments: u32, // segments of an image
  segmentLength: u32, // pixels of a segment
  totalSegments: u32, // batch * segments
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, 2h, 2w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, ci, co, 2, 2]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * 4u * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

const LANES: u32 = 32;
const KEPT: u32 = 16; // input and output channel, the four taps in a vector
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

fn keepSums(row: u32, lane: u32, sum0: vec4f, sum1: vec4f) {
  keep(2u * row, lane, sum0);
  keep(2u * row + 1u, lane, sum1);
}

// The 2 × 2 gradients of an input pixel.
fn loadTaps(channel: GradOutputChannel, y: u32, x: u32) -> vec4f {
  let pixel = 2u * y * 2u * sizes.width + 2u * x;
  let below = pixel + 2u * sizes.width;
  return vec4f(
    loadGradOutput(channel, 2u * y, 2u * x, pixel),
    loadGradOutput(channel, 2u * y, 2u * x + 1u, pixel + 1u),
    loadGradOutput(channel, 2u * y + 1u, 2u * x, below),
    loadGradOutput(channel, 2u * y + 1u, 2u * x + 1u, below + 1u),
  );
}

// Writes one of the 64 sums.
fn writeSum(index: u32, partial: u32, firstOut: u32, firstIn: u32) {
  let ci = firstIn + index / 8u;
  let co = firstOut + index / 4u % 2u;
  if (co < sizes.outChannels && ci < sizes.inChannels) {
    partials[((partial * sizes.inChannels + ci) * sizes.outChannels + co) * 4u + index % 4u] = keptSum(index);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let share = shareOf(workgroup.x + workgroup.y * workgroups.x, lane);
  let partial = share.index / (sizes.inBlocks * sizes.outBlocks);
  let firstIn = share.index % sizes.inBlocks * 8u;
  let firstOut = share.index / sizes.inBlocks % sizes.outBlocks * 2u;

  var sums: array<vec4f, 16>; // [input channel, output channel], the four taps in a vector
  let segments = select(0u, sizes.totalSegments, partial < sizes.partialCount);
  for (var segment = partial; segment < segments; segment += sizes.partialCount) {
    let n = segment / sizes.segments;
    let first = segment % sizes.segments * sizes.segmentLength;
    let end = min(first + sizes.segmentLength, sizes.height * sizes.width);
    let input0 = prepareInput(n, min(firstIn + 0u, sizes.inChannels - 1u));
    let input1 = prepareInput(n, min(firstIn + 1u, sizes.inChannels - 1u));
    let input2 = prepareInput(n, min(firstIn + 2u, sizes.inChannels - 1u));
    let input3 = prepareInput(n, min(firstIn + 3u, sizes.inChannels - 1u));
    let input4 = prepareInput(n, min(firstIn + 4u, sizes.inChannels - 1u));
    let input5 = prepareInput(n, min(firstIn + 5u, sizes.inChannels - 1u));
    let input6 = prepareInput(n, min(firstIn + 6u, sizes.inChannels - 1u));
    let input7 = prepareInput(n, min(firstIn + 7u, sizes.inChannels - 1u));
    let gradient0 = prepareGradOutput(n, firstOut);
    let gradient1 = prepareGradOutput(n, min(firstOut + 1u, sizes.outChannels - 1u));
    for (var pixel = first + share.first; pixel < end; pixel += share.step) {
      let y = pixel / sizes.width;
      let x = pixel % sizes.width;
      let taps0 = loadTaps(gradient0, y, x);
      let taps1 = loadTaps(gradient1, y, x);
      let value0 = loadInput(input0, y, x, pixel);
      sums[0] += value0 * taps0;
      sums[1] += value0 * taps1;
      let value1 = loadInput(input1, y, x, pixel);
      sums[2] += value1 * taps0;
      sums[3] += value1 * taps1;
      let value2 = loadInput(input2, y, x, pixel);
      sums[4] += value2 * taps0;
      sums[5] += value2 * taps1;
      let value3 = loadInput(input3, y, x, pixel);
      sums[6] += value3 * taps0;
      sums[7] += value3 * taps1;
      let value4 = loadInput(input4, y, x, pixel);
      sums[8] += value4 * taps0;
      sums[9] += value4 * taps1;
      let value5 = loadInput(input5, y, x, pixel);
      sums[10] += value5 * taps0;
      sums[11] += value5 * taps1;
      let value6 = loadInput(input6, y, x, pixel);
      sums[12] += value6 * taps0;
      sums[13] += value6 * taps1;
      let value7 = loadInput(input7, y, x, pixel);
      sums[14] += value7 * taps0;
      sums[15] += value7 * taps1;
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
    for (var sum = share.first; sum < 4u * KEPT; sum += share.step) { writeSum(sum, partial, firstOut, firstIn); }
  }
}

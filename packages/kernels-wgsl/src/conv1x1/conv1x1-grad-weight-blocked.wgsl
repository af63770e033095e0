// Weight gradient of the 1×1 convolution: one invocation sums 8 output × 8 input channels over segments of images.
// A workgroup takes every `partialCount`-th segment, every 32nd pixel an invocation, then sums over its invocations.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / 8)
  segments: u32, // segments of an image
  segmentLength: u32, // pixels of a segment
  totalSegments: u32, // batch * segments
  partialCount: u32,
  weights: u32, // convolutions whose inputs follow one another in the input's channels
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, weights, co, ci / weights]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
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
fn writeSum(index: u32, partial: u32, firstOut: u32, firstIn: u32) {
  let co = firstOut + index % 8u;
  let ci = firstIn + index / 8u;
  if (co < sizes.outChannels && ci < sizes.inChannels) {
    let each = sizes.inChannels / sizes.weights;
    let row = (partial * sizes.weights + ci / each) * sizes.outChannels + co;
    partials[row * each + ci % each] = keptSum(index);
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
  let firstOut = share.index / sizes.inBlocks % sizes.outBlocks * 8u;

  var sums: array<vec4f, 16>; // [input channel, half], four output channels in a vector
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
    let gradient0 = prepareGradOutput(n, min(firstOut + 0u, sizes.outChannels - 1u));
    let gradient1 = prepareGradOutput(n, min(firstOut + 1u, sizes.outChannels - 1u));
    let gradient2 = prepareGradOutput(n, min(firstOut + 2u, sizes.outChannels - 1u));
    let gradient3 = prepareGradOutput(n, min(firstOut + 3u, sizes.outChannels - 1u));
    let gradient4 = prepareGradOutput(n, min(firstOut + 4u, sizes.outChannels - 1u));
    let gradient5 = prepareGradOutput(n, min(firstOut + 5u, sizes.outChannels - 1u));
    let gradient6 = prepareGradOutput(n, min(firstOut + 6u, sizes.outChannels - 1u));
    let gradient7 = prepareGradOutput(n, min(firstOut + 7u, sizes.outChannels - 1u));
    for (var pixel = first + share.first; pixel < end; pixel += share.step) {
      let y = pixel / sizes.width;
      let x = pixel % sizes.width;
      let low = vec4f(
        loadGradOutput(gradient0, y, x, pixel),
        loadGradOutput(gradient1, y, x, pixel),
        loadGradOutput(gradient2, y, x, pixel),
        loadGradOutput(gradient3, y, x, pixel),
      );
      let high = vec4f(
        loadGradOutput(gradient4, y, x, pixel),
        loadGradOutput(gradient5, y, x, pixel),
        loadGradOutput(gradient6, y, x, pixel),
        loadGradOutput(gradient7, y, x, pixel),
      );
      let value0 = loadInput(input0, y, x, pixel);
      sums[0] += value0 * low;
      sums[1] += value0 * high;
      let value1 = loadInput(input1, y, x, pixel);
      sums[2] += value1 * low;
      sums[3] += value1 * high;
      let value2 = loadInput(input2, y, x, pixel);
      sums[4] += value2 * low;
      sums[5] += value2 * high;
      let value3 = loadInput(input3, y, x, pixel);
      sums[6] += value3 * low;
      sums[7] += value3 * high;
      let value4 = loadInput(input4, y, x, pixel);
      sums[8] += value4 * low;
      sums[9] += value4 * high;
      let value5 = loadInput(input5, y, x, pixel);
      sums[10] += value5 * low;
      sums[11] += value5 * high;
      let value6 = loadInput(input6, y, x, pixel);
      sums[12] += value6 * low;
      sums[13] += value6 * high;
      let value7 = loadInput(input7, y, x, pixel);
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
    for (var sum = share.first; sum < 4u * KEPT; sum += share.step) { writeSum(sum, partial, firstOut, firstIn); }
  }
}

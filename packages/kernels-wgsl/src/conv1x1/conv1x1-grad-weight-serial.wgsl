// Weight gradient of the 1×1 convolution without barriers: one invocation sums 8 output × 8 input channels over every
// `partialCount`-th segment of the images, all by itself. For adapters on which invocations run one after another.

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
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci]

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

// Writes the sums of one input channel.
fn writeSums(partial: u32, firstOut: u32, ci: u32, low: vec4f, high: vec4f) {
  if (ci >= sizes.inChannels) { return; }
  for (var i = 0u; i < 4u; i++) {
    let co = firstOut + i;
    if (co < sizes.outChannels) { partials[(partial * sizes.outChannels + co) * sizes.inChannels + ci] = low[i]; }
    if (co + 4u < sizes.outChannels) { partials[(partial * sizes.outChannels + co + 4u) * sizes.inChannels + ci] = high[i]; }
  }
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * 32u + lane;
  if (index >= sizes.partialCount * sizes.inBlocks * sizes.outBlocks) { return; }
  let partial = index / (sizes.inBlocks * sizes.outBlocks);
  let firstIn = index % sizes.inBlocks * 8u;
  let firstOut = index / sizes.inBlocks % sizes.outBlocks * 8u;

  var sums: array<vec4f, 16>; // [input channel, half], four output channels in a vector
  for (var segment = partial; segment < sizes.totalSegments; segment += sizes.partialCount) {
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
    for (var pixel = first; pixel < end; pixel++) {
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

  writeSums(partial, firstOut, firstIn + 0u, sums[0], sums[1]);
  writeSums(partial, firstOut, firstIn + 1u, sums[2], sums[3]);
  writeSums(partial, firstOut, firstIn + 2u, sums[4], sums[5]);
  writeSums(partial, firstOut, firstIn + 3u, sums[6], sums[7]);
  writeSums(partial, firstOut, firstIn + 4u, sums[8], sums[9]);
  writeSums(partial, firstOut, firstIn + 5u, sums[10], sums[11]);
  writeSums(partial, firstOut, firstIn + 6u, sums[12], sums[13]);
  writeSums(partial, firstOut, firstIn + 7u, sums[14], sums[15]);
}

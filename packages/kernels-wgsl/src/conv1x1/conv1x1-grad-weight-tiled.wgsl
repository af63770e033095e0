// Weight gradient of the 1×1 convolution, through workgroup memory: a workgroup sums OUT_BLOCK output × IN_BLOCK input
// channels over segments of images, 64 pixels at a time. Both images' pixels are brought into workgroup memory, so that what
// it takes to load a value is done once for all pairs of channels. An invocation sums 4 × 4 channels over some of the pixels;
// at the end those of the same channels are summed, in a fixed order.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / IN_BLOCK)
  outBlocks: u32, // ceil(outChannels / OUT_BLOCK)
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

const WORKGROUP: u32 = 64;
const IN_BLOCK: u32 = 16; // or 8 or 4, see gradWeightTiled
const OUT_BLOCK: u32 = 16; // or 8 or 4
const IN_QUADS: u32 = IN_BLOCK / 4;
const OUT_QUADS: u32 = OUT_BLOCK / 4;
const SLICES: u32 = WORKGROUP / (IN_QUADS * OUT_QUADS); // invocations of the same channels: each takes every SLICES-th pixel
const PITCH: u32 = WORKGROUP + 1; // so that invocations of different channels read different banks of memory
var<workgroup> inputs: array<vec4f, IN_QUADS * PITCH>; // [four channels][pixel]
var<workgroup> gradients: array<vec4f, OUT_QUADS * PITCH>; // [four channels][pixel]
var<workgroup> kept: array<vec4f, 4 * WORKGROUP>; // what the invocations summed: [invocation][input channel]

struct Pixel { n: u32, y: u32, x: u32, index: u32, inside: bool }

// Four channels of the input, zero beyond the segment.
fn inputQuad(pixel: Pixel, c: u32) -> vec4f {
  let last = sizes.inChannels - 1u;
  let values = vec4f(
    loadInput(prepareInput(pixel.n, min(c, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 1u, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 2u, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 3u, last)), pixel.y, pixel.x, pixel.index),
  );
  return select(vec4f(), values, pixel.inside);
}

// Four channels of the gradient, zero beyond the segment.
fn gradientQuad(pixel: Pixel, c: u32) -> vec4f {
  let last = sizes.outChannels - 1u;
  let values = vec4f(
    loadGradOutput(prepareGradOutput(pixel.n, min(c, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 1u, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 2u, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 3u, last)), pixel.y, pixel.x, pixel.index),
  );
  return select(vec4f(), values, pixel.inside);
}

// Brings a pixel of both images. All channels are asked for before the first is kept, so that they are under way together;
// and one by one, not in a loop, which a driver need not unroll.
fn fetch(pixel: Pixel, firstIn: u32, firstOut: u32, lane: u32) {
  let input0 = inputQuad(pixel, firstIn);
  var input1: vec4f;
  var input2: vec4f;
  var input3: vec4f;
  if (IN_QUADS > 1u) { input1 = inputQuad(pixel, firstIn + 4u); }
  if (IN_QUADS > 2u) {
    input2 = inputQuad(pixel, firstIn + 8u);
    input3 = inputQuad(pixel, firstIn + 12u);
  }
  let gradient0 = gradientQuad(pixel, firstOut);
  var gradient1: vec4f;
  var gradient2: vec4f;
  var gradient3: vec4f;
  if (OUT_QUADS > 1u) { gradient1 = gradientQuad(pixel, firstOut + 4u); }
  if (OUT_QUADS > 2u) {
    gradient2 = gradientQuad(pixel, firstOut + 8u);
    gradient3 = gradientQuad(pixel, firstOut + 12u);
  }

  inputs[lane] = input0;
  if (IN_QUADS > 1u) { inputs[lane + PITCH] = input1; }
  if (IN_QUADS > 2u) {
    inputs[lane + 2u * PITCH] = input2;
    inputs[lane + 3u * PITCH] = input3;
  }
  gradients[lane] = gradient0;
  if (OUT_QUADS > 1u) { gradients[lane + PITCH] = gradient1; }
  if (OUT_QUADS > 2u) {
    gradients[lane + 2u * PITCH] = gradient2;
    gradients[lane + 3u * PITCH] = gradient3;
  }
}

// Adds up what the invocations of the same channels summed, and writes it.
fn writeSums(partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  let each = sizes.inChannels / sizes.weights;
  for (var i = lane; i < IN_BLOCK * OUT_BLOCK; i += WORKGROUP) {
    let ci = i % IN_BLOCK;
    let co = i / IN_BLOCK;
    var total = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) {
      let other = (slice * OUT_QUADS + co / 4u) * IN_QUADS + ci / 4u;
      total += kept[4u * other + ci % 4u][co % 4u];
    }
    let input = firstIn + ci;
    if (firstOut + co < sizes.outChannels && input < sizes.inChannels) {
      let row = (partial * sizes.weights + input / each) * sizes.outChannels + firstOut + co;
      partials[row * each + input % each] = total;
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  let partial = index / (sizes.inBlocks * sizes.outBlocks);
  if (partial >= sizes.partialCount) { return; } // the whole workgroup
  let firstIn = index % sizes.inBlocks * IN_BLOCK;
  let firstOut = index / sizes.inBlocks % sizes.outBlocks * OUT_BLOCK;
  let inputAt = lane % IN_QUADS * PITCH; // the invocation's input channels
  let gradientAt = lane / IN_QUADS % OUT_QUADS * PITCH; // and its output channels
  let slice = lane / (IN_QUADS * OUT_QUADS);

  // By input channel, the four output channels in a vector.
  var sum0: vec4f;
  var sum1: vec4f;
  var sum2: vec4f;
  var sum3: vec4f;
  for (var segment = partial; segment < sizes.totalSegments; segment += sizes.partialCount) {
    let first = segment % sizes.segments * sizes.segmentLength;
    let end = min(first + sizes.segmentLength, sizes.height * sizes.width);
    for (var start = first; start < end; start += WORKGROUP) {
      let at = min(start + lane, end - 1u);
      let pixel = Pixel(segment / sizes.segments, at / sizes.width, at % sizes.width, at, start + lane < end);
      fetch(pixel, firstIn, firstOut, lane);
      workgroupBarrier();
      for (var i = slice; i < WORKGROUP; i += SLICES) {
        let values = inputs[inputAt + i];
        let gradient = gradients[gradientAt + i];
        sum0 += gradient * values.x;
        sum1 += gradient * values.y;
        sum2 += gradient * values.z;
        sum3 += gradient * values.w;
      }
      workgroupBarrier();
    }
  }
  kept[4u * lane] = sum0;
  kept[4u * lane + 1u] = sum1;
  kept[4u * lane + 2u] = sum2;
  kept[4u * lane + 3u] = sum3;
  workgroupBarrier();
  writeSums(partial, firstOut, firstIn, lane);
}

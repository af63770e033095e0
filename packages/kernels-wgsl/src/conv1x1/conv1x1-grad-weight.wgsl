// Weight gradient of the 1×1 convolution: one invocation sums one element of the weight over one image.
// gradWeight[co, ci] = Σ over n, y, x of gradOutput[n, co, y, x] · input[n, ci, y, x]

alias real = f32;

struct Sizes {
  batch: u32,
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  weights: u32, // convolutions whose inputs follow one another in the input's channels
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [n, weights, co, ci / weights]

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

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  let ci = index % sizes.inChannels;
  let co = index / sizes.inChannels % sizes.outChannels;
  let n = index / sizes.inChannels / sizes.outChannels;
  if (n < sizes.batch) {
    let inputChannel = prepareInput(n, ci);
    let gradOutputChannel = prepareGradOutput(n, co);
    var sum = 0.0;
    for (var y = 0u; y < sizes.height; y++) {
      var rowSum = 0.0; // row by row, so that long sums keep their digits
      for (var x = 0u; x < sizes.width; x++) {
        let pixel = y * sizes.width + x;
        rowSum += loadGradOutput(gradOutputChannel, y, x, pixel) * loadInput(inputChannel, y, x, pixel);
      }
      sum += rowSum;
    }
    let each = sizes.inChannels / sizes.weights;
    let row = (n * sizes.weights + ci / each) * sizes.outChannels + co;
    partials[row * each + ci % each] = sum;
  }
}

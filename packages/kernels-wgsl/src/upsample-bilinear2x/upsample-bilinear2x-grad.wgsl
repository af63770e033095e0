// Gradient of the bilinear interpolation to twice the sides: an input element gathers from the four rows and four columns
// of the output that lean on it. At an edge the outermost output leans on it twice, so places beyond are kept inside.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the input
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> gradOutput: array<real>; // [n, c, 2h, 2w]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [n, c, h, w]

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * sizes.height * sizes.width * 4u);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * sizes.channels * plane) { return; }
  let pixel = index % plane;
  let c = index / plane % sizes.channels;
  let n = index / plane / sizes.channels;
  let y = pixel / sizes.width;
  let x = pixel % sizes.width;
  let outputWidth = 2u * sizes.width;
  // Places 2x − 1 … 2x + 2 with weights 1/4, 3/4, 3/4, 1/4.
  let columns = vec4u(max(2u * x, 1u) - 1u, 2u * x, 2u * x + 1u, min(2u * x + 2u, outputWidth - 1u));
  let rows = vec4u(max(2u * y, 1u) - 1u, 2u * y, 2u * y + 1u, min(2u * y + 2u, 2u * sizes.height - 1u));
  let weights = vec4f(0.25, 0.75, 0.75, 0.25);
  let channel = prepareGradOutput(n, c);
  var sum = 0.0;
  for (var i = 0u; i < 4u; i++) {
    let row = rows[i];
    let first = row * outputWidth;
    let values = vec4f(
      loadGradOutput(channel, row, columns.x, first + columns.x),
      loadGradOutput(channel, row, columns.y, first + columns.y),
      loadGradOutput(channel, row, columns.z, first + columns.z),
      loadGradOutput(channel, row, columns.w, first + columns.w),
    );
    sum += weights[i] * dot(weights, values);
  }
  let written = prepareOutput(n, c);
  storeOutput(written, finishOutput(written, sum, y, x, pixel), y, x, pixel);
}

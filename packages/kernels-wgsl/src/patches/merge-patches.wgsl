// The weighted mean of patches that overlap: one invocation writes one element of the image that they make. Patches are
// added row by row and column by column, so that every sum has one order.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the image
  width: u32,
  patchHeight: u32,
  patchWidth: u32,
  rows: u32, // of patches
  columns: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n · rows · columns, c, patchHeight, patchWidth]
@group(0) @binding(2) var<storage, read> starts: array<u32>; // [rows + columns]: the first row, then column, of each
// [rows · h + columns · w]: what each row of patches weighs in each row of the image, then the same of columns
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<real>; // [n, c, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.patchHeight * sizes.patchWidth);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * sizes.channels * plane) { return; }
  let y = index % plane / sizes.width;
  let x = index % sizes.width;
  let c = index / plane % sizes.channels;
  let n = index / plane / sizes.channels;
  var sum = 0.0;
  for (var row = 0u; row < sizes.rows; row++) {
    let rowWeight = weights[row * sizes.height + y];
    if (rowWeight == 0.0) { continue; }
    let inY = y - starts[row];
    for (var column = 0u; column < sizes.columns; column++) {
      let weight = rowWeight * weights[sizes.rows * sizes.height + column * sizes.width + x];
      if (weight == 0.0) { continue; }
      let inX = x - starts[sizes.rows + column];
      let channel = prepareInput((n * sizes.rows + row) * sizes.columns + column, c);
      sum += weight * loadInput(channel, inY, inX, inY * sizes.patchWidth + inX);
    }
  }
  output[index] = real(sum);
}

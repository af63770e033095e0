// Patches of an image, which may overlap: one invocation writes one element.

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
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> starts: array<u32>; // [rows + columns]: the first row, then column, of each
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n · rows · columns, c, patchHeight, patchWidth]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let plane = sizes.patchHeight * sizes.patchWidth;
  let patches = sizes.rows * sizes.columns;
  if (index >= sizes.batch * patches * sizes.channels * plane) { return; }
  let pixel = index % plane;
  let c = index / plane % sizes.channels;
  let which = index / plane / sizes.channels % patches;
  let n = index / plane / sizes.channels / patches;
  let y = starts[which / sizes.columns] + pixel / sizes.patchWidth;
  let x = starts[sizes.rows + which % sizes.columns] + pixel % sizes.patchWidth;
  output[index] = real(loadInput(prepareInput(n, c), y, x, y * sizes.width + x));
}

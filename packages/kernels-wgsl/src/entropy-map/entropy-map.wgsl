// How unsure a network is of the pixels of a slice, on the slice's own grid: each source pixel is found in the network's
// field, the probabilities of each class are interpolated there, and their entropy is taken. One invocation writes one pixel.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the probabilities
  width: u32,
  slotPixels: u32, // from one slice's pixels to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]: probabilities
@group(0) @binding(2) var<storage, read> fields: array<u32>; // [n, 8], see packLabelFields
@group(0) @binding(3) var<storage, read_write> entropy: array<f32>; // [n, slotPixels]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

const WORDS: u32 = 8;

fn number(at: u32) -> f32 { return bitcast<f32>(fields[at]); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  if (index >= sizes.batch * sizes.slotPixels) { return; }
  let n = index / sizes.slotPixels;
  let pixel = index % sizes.slotPixels;
  let at = n * WORDS;
  let columns = fields[at];
  let center = vec3f(f32(pixel % columns) + 0.5, f32(pixel / columns) + 0.5, 1.0);
  let place = vec2f(
    dot(vec3f(number(at + 2u), number(at + 3u), number(at + 4u)), center),
    dot(vec3f(number(at + 5u), number(at + 6u), number(at + 7u)), center),
  );
  let extent = vec2f(f32(sizes.width), f32(sizes.height));
  if (pixel >= columns * fields[at + 1u] || any(place < vec2f(0.0)) || any(place >= extent)) {
    entropy[index] = 0.0;
    return;
  }
  let p = clamp(place - 0.5, vec2f(0.0), extent - 1.0);
  let x0 = u32(p.x);
  let y0 = u32(p.y);
  let x1 = min(x0 + 1u, sizes.width - 1u);
  let y1 = min(y0 + 1u, sizes.height - 1u);
  let t = fract(p);
  var sum = 0.0;
  for (var c = 0u; c < sizes.channels; c++) {
    let channel = prepareInput(n, c);
    let upperLeft = loadInput(channel, y0, x0, y0 * sizes.width + x0);
    let upperRight = loadInput(channel, y0, x1, y0 * sizes.width + x1);
    let lowerLeft = loadInput(channel, y1, x0, y1 * sizes.width + x0);
    let lowerRight = loadInput(channel, y1, x1, y1 * sizes.width + x1);
    let upper = upperLeft + t.x * (upperRight - upperLeft);
    let lower = lowerLeft + t.x * (lowerRight - lowerLeft);
    let probability = upper + t.y * (lower - upper);
    if (probability > 0.0) { sum -= probability * log(probability); }
  }
  entropy[index] = max(sum, 0.0);
}

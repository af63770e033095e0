// Labels on a slice's own grid from the network's scores: each source pixel is found in the network's field, the scores
// of each class are interpolated there, and the largest wins. One invocation writes four labels.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the scores
  width: u32,
  slotPixels: u32, // from one slice's labels to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> scores: array<real>; // [n, c, h, w]: logits or probabilities
@group(0) @binding(2) var<storage, read> fields: array<u32>; // [n, 8], see packLabelFields
@group(0) @binding(3) var<storage, read_write> labels: array<u32>; // [n, slotPixels / 4]: four uint8 a word

struct ScoresChannel { base: u32 }
fn prepareScores(n: u32, c: u32) -> ScoresChannel {
  return ScoresChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadScores(channel: ScoresChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(scores[channel.base + pixel]);
}

const LANES: u32 = 64;
const WORDS: u32 = 8;

fn number(at: u32) -> f32 { return bitcast<f32>(fields[at]); }

fn labelAt(n: u32, pixel: u32) -> u32 {
  let at = n * WORDS;
  let columns = fields[at];
  if (pixel >= columns * fields[at + 1u]) { return 0u; }
  let center = vec3f(f32(pixel % columns) + 0.5, f32(pixel / columns) + 0.5, 1.0);
  let place = vec2f(
    dot(vec3f(number(at + 2u), number(at + 3u), number(at + 4u)), center),
    dot(vec3f(number(at + 5u), number(at + 6u), number(at + 7u)), center),
  );
  let extent = vec2f(f32(sizes.width), f32(sizes.height));
  if (any(place < vec2f(0.0)) || any(place >= extent)) { return 0u; }
  let p = clamp(place - 0.5, vec2f(0.0), extent - 1.0);
  let x0 = u32(p.x);
  let y0 = u32(p.y);
  let x1 = min(x0 + 1u, sizes.width - 1u);
  let y1 = min(y0 + 1u, sizes.height - 1u);
  let t = fract(p);
  var best = 0.0;
  var label = 0u;
  for (var c = 0u; c < sizes.channels; c++) {
    let channel = prepareScores(n, c);
    var value = loadScores(channel, y0, x0, y0 * sizes.width + x0);
    // As most slices are labeled, pixel by pixel of the field, the other three weigh nothing.
    if (t.x != 0.0 || t.y != 0.0) {
      let upperRight = loadScores(channel, y0, x1, y0 * sizes.width + x1);
      let lowerLeft = loadScores(channel, y1, x0, y1 * sizes.width + x0);
      let lowerRight = loadScores(channel, y1, x1, y1 * sizes.width + x1);
      let upper = value + t.x * (upperRight - value);
      let lower = lowerLeft + t.x * (lowerRight - lowerLeft);
      value = upper + t.y * (lower - upper);
    }
    if (c == 0u || value > best) { best = value; label = c; }
  }
  return label;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let words = sizes.slotPixels / 4u;
  if (index >= sizes.batch * words) { return; }
  let n = index / words;
  let first = index % words * 4u;
  labels[index] = labelAt(n, first) | (labelAt(n, first + 1u) << 8u) | (labelAt(n, first + 2u) << 16u) |
    (labelAt(n, first + 3u) << 24u);
}

// The labels of the pixels that slice-sampler makes: one invocation writes one, the most frequent of the places that are
// averaged there. A nearest pixel would shift borders where slices shrink by an even factor.

struct Sizes {
  batch: u32,
  height: u32,
  width: u32,
  slotPixels: u32, // from one slice to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> labels: array<u32>; // [batch, slotPixels / 4]: four uint8 a word
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 18], see packSamples
@group(0) @binding(3) var<storage, read_write> labelMap: array<u32>; // [batch, height, width]

const LANES: u32 = 64;
const WORDS: u32 = 18;
const CLASSES: u32 = 16;

fn number(at: u32) -> f32 { return bitcast<f32>(samples[at]); }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * plane) { return; }
  let n = index / plane;
  let at = n * WORDS;
  let column = index % plane % sizes.width;
  let row = index % plane / sizes.width;
  let rowX = vec3f(number(at + 11u), number(at + 12u), number(at + 13u));
  let rowY = vec3f(number(at + 14u), number(at + 15u), number(at + 16u));
  let steps = samples[at + 2u];
  var counts: array<u32, CLASSES>;
  for (var j = 0u; j < steps; j++) {
    for (var i = 0u; i < steps; i++) {
      let inside = vec2f(f32(i) + 0.5, f32(j) + 0.5) / f32(steps);
      let place = vec3f(f32(column) + inside.x, f32(row) + inside.y, 1.0);
      let x = floor(dot(rowX, place));
      let y = floor(dot(rowY, place));
      var found = 0u;
      if (x >= 0.0 && y >= 0.0 && x < f32(samples[at]) && y < f32(samples[at + 1u])) {
        let pixel = n * sizes.slotPixels + u32(y) * samples[at] + u32(x);
        found = extractBits(labels[pixel / 4u], 8u * (pixel % 4u), 8u);
      }
      counts[min(found, CLASSES - 1u)] += 1u;
    }
  }
  // Of equally frequent labels the higher one on every other pixel, as on a chessboard, so that no class gains.
  let higher = (column + row) % 2u == 0u;
  var label = 0u;
  for (var c = 1u; c < CLASSES; c++) {
    if (counts[c] > counts[label] || (higher && counts[c] > 0u && counts[c] == counts[label])) { label = c; }
  }
  labelMap[index] = label;
}

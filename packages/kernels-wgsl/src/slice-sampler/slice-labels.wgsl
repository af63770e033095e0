// The labels of the pixels that slice-sampler makes: one invocation writes one.

struct Sizes {
  batch: u32,
  height: u32,
  width: u32,
  slotPixels: u32, // from one slice to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> labels: array<u32>; // [batch, slotPixels / 4]: four uint8 a word
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 17], see packSamples
@group(0) @binding(3) var<storage, read_write> labelMap: array<u32>; // [batch, height, width]

const LANES: u32 = 64;
const WORDS: u32 = 17;

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
  let center = vec3f(f32(index % plane % sizes.width) + 0.5, f32(index % plane / sizes.width) + 0.5, 1.0);
  let rowX = vec3f(number(at + 11u), number(at + 12u), number(at + 13u));
  let rowY = vec3f(number(at + 14u), number(at + 15u), number(at + 16u));
  let x = floor(dot(rowX, center));
  let y = floor(dot(rowY, center));
  var label = 0u;
  if (x >= 0.0 && y >= 0.0 && x < f32(samples[at]) && y < f32(samples[at + 1u])) {
    let pixel = n * sizes.slotPixels + u32(y) * samples[at] + u32(x);
    label = extractBits(labels[pixel / 4u], 8u * (pixel % 4u), 8u);
  }
  labelMap[index] = label;
}

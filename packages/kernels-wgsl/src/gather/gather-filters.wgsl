// Makes sums of three neighboring weights by a table, see contract/winograd.ts: one invocation writes one element.

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>; // [length], 0xffffffff where the output is zero
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [length]

const LANES: u32 = 64;
const NOTHING: u32 = 0xffffffffu;

// The polynomial of the taps at a point.
fn at(taps: vec3f, x: f32) -> f32 { return taps.x + x * (taps.y + x * taps.z); }

fn filterSum(row: u32, taps: vec3f) -> f32 {
  switch (row) {
    case 0u: { return taps.x / 1.265625; }
    case 1u: { return at(taps, 0.75) / -1.8984375; }
    case 2u: { return at(taps, -0.75) / -1.8984375; }
    case 3u: { return at(taps, 1.5) / 7.59375; }
    case 4u: { return at(taps, -1.5) / 7.59375; }
    default: { return taps.z; }
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.length) { return; }
  let entry = table[index];
  if (entry == NOTHING) {
    output[index] = 0.0;
    return;
  }
  let first = entry & 0xfffffffu;
  let last = select(first + 2u, first - 2u, entry >> 31u == 1u);
  output[index] = filterSum((entry >> 28u) & 7u, vec3f(source[first], source[(first + last) / 2u], source[last]));
}

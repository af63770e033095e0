// Rearranges an array by a table and rounds it to f16: one invocation writes two neighbors, as one word.

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>; // [2 * length], 0xffffffff where the output is zero
@group(0) @binding(3) var<storage, read_write> output: array<u32>; // [length]

const LANES: u32 = 64;
const NOTHING: u32 = 0xffffffffu;

fn element(place: u32) -> f32 { return select(source[select(place, 0u, place == NOTHING)], 0.0, place == NOTHING); }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.length) { return; }
  output[index] = pack2x16float(vec2f(element(table[2u * index]), element(table[2u * index + 1u])));
}

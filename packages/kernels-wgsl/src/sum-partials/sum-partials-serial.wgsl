// Sums partial results without barriers: one invocation computes one element of a segment all by itself. For adapters on
// which invocations run one after another.

struct Sizes {
  pieces: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>; // [pieces, 8], see sum-partials.wgsl
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const LANES: u32 = 256;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  if (index >= sizes.pieces) { return; }
  let piece = index * 8u;
  if (lane >= table[piece + 4u]) { return; } // the piece's elements
  let stride = table[piece + 1u];
  let count = table[piece + 5u];
  var at = table[piece] + lane * table[piece + 2u];
  // Four running sums, so that long sums keep their digits.
  var total = vec4f();
  var k = 0u;
  while (k + 3u < count) {
    total += vec4f(partials[at], partials[at + stride], partials[at + 2u * stride], partials[at + 3u * stride]);
    at += 4u * stride;
    k += 4u;
  }
  while (k < count) {
    total.x += partials[at];
    at += stride;
    k++;
  }
  output[table[piece + 3u] + lane] = (total.x + total.y) + (total.z + total.w);
}

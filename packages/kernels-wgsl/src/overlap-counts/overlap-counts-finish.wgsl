// Adds up the chunks of each sample: one invocation a number.

struct Sizes {
  batch: u32,
  channels: u32,
  chunks: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<u32>; // [n, chunks, c, 3]
@group(0) @binding(2) var<storage, read_write> counts: array<u32>; // [n, c, 3]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = 3u * sizes.channels;
  if (id.x >= sizes.batch * row) { return; }
  var total = 0u;
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    total += partials[(id.x / row * sizes.chunks + chunk) * row + id.x % row];
  }
  counts[id.x] = total;
}

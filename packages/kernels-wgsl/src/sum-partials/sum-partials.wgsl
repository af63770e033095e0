// Sums partial results: one workgroup computes some elements of one segment, several invocations each.

struct Sizes {
  pieces: u32,
}

struct Piece {
  partialOffset: u32, // of the piece's first element
  partialStride: u32,
  elementStride: u32,
  outputOffset: u32, // of the piece's first element
  length: u32, // elements, at most elementLanes
  count: u32,
  elementLanes: u32, // elements side by side in the workgroup, a power of two; LANES / elementLanes lanes sum one
  unused: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>; // [pieces, 8], see Piece
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

const LANES: u32 = 256;
var<workgroup> sums: array<f32, LANES>;

fn readPiece(index: u32) -> Piece {
  let at = index * 8u;
  return Piece(
    table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u], table[at + 5u], table[at + 6u], 0u
  );
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  let piece = readPiece(min(index, sizes.pieces - 1u));
  let element = lane & (piece.elementLanes - 1u);
  let used = index < sizes.pieces && element < piece.length;

  // Four running sums, so that four loads are under way at once.
  var total = vec4f();
  if (used) {
    let step = LANES / piece.elementLanes;
    var k = lane / piece.elementLanes;
    var at = piece.partialOffset + element * piece.elementStride + k * piece.partialStride;
    let stride = step * piece.partialStride;
    while (k + 3u * step < piece.count) {
      total += vec4f(partials[at], partials[at + stride], partials[at + 2u * stride], partials[at + 3u * stride]);
      at += 4u * stride;
      k += 4u * step;
    }
    while (k < piece.count) {
      total.x += partials[at];
      at += stride;
      k += step;
    }
  }
  var sum = (total.x + total.y) + (total.z + total.w);

  if (piece.elementLanes < LANES) {
    sums[lane] = sum;
    for (var half = LANES / 2u; half >= piece.elementLanes; half /= 2u) {
      workgroupBarrier();
      if (lane < half) { sums[lane] += sums[lane + half]; }
    }
    sum = sums[lane];
  }
  if (used && lane < piece.elementLanes) { output[piece.outputOffset + element] = sum; }
}

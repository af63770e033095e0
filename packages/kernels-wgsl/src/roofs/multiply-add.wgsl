// Multiply-adds on registers: nothing but arithmetic, to learn how much of it an adapter has in a second.
// Eight chains hide the latency of one another.

struct Sizes {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> factors: array<f32>; // [2]: factor, addend
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [invocations]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // Read from memory, so that no compiler can work out the result.
  let factor = factors[0];
  let addend = factors[1];
  let start = f32(id.x);
  var a = start;
  var b = start + 1.0;
  var c = start + 2.0;
  var d = start + 3.0;
  var e = start + 4.0;
  var f = start + 5.0;
  var g = start + 6.0;
  var h = start + 7.0;
  for (var round = 0u; round < sizes.rounds; round++) {
    for (var i = 0u; i < 8u; i++) {
      a = fma(a, factor, addend);
      b = fma(b, factor, addend);
      c = fma(c, factor, addend);
      d = fma(d, factor, addend);
      e = fma(e, factor, addend);
      f = fma(f, factor, addend);
      g = fma(g, factor, addend);
      h = fma(h, factor, addend);
    }
  }
  output[id.x] = a + b + c + d + e + f + g + h;
}

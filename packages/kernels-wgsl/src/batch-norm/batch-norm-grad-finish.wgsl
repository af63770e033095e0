// Batch norm, gradient: sums up the partial sums of a channel and gives its parameters' gradients and the coefficients
// of the input's.
// gradInput = k.x * gradOutput + k.y * (x - k.w) + k.z

struct Sizes {
  channels: u32,
  partials: u32,
  trainingStatistics: u32, // 0: mean and variance were constants
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> statistics: array<vec4f>; // [partials, c]: count, sum g, sum g * normalized x, 0
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>; // [c]: scale, bias, mean, 1 / deviation
@group(0) @binding(3) var<storage, read_write> gradCoefficients: array<vec4f>; // [c]
@group(0) @binding(4) var<storage, read_write> gradWeight: array<f32>; // [c]
@group(0) @binding(5) var<storage, read_write> gradBias: array<f32>; // [c]

const LANES: u32 = 256;

fn merge(a: vec3f, b: vec3f) -> vec3f { return a + b; }

var<workgroup> parts: array<vec3f, LANES>;

// Which channel an invocation works on, and whether it writes the result. One workgroup a channel.
fn channelOf(workgroup: u32, lane: u32) -> u32 { return workgroup; }
fn writes(lane: u32) -> bool { return lane == 0u; }

// One partial result of a channel; nothing beyond the last.
fn partialOf(c: u32, p: u32) -> vec3f {
  let at = min(p, sizes.partials - 1u) * sizes.channels + min(c, sizes.channels - 1u);
  return select(vec3f(), statistics[at].xyz, p < sizes.partials);
}

// The partial sums of a channel together, for the invocation that writes.
fn statisticsOf(c: u32, lane: u32) -> vec3f {
  var total = vec3f();
  // Four at a time, so that their loads are under way together.
  for (var p = lane; p < sizes.partials; p += 4u * LANES) {
    let first = merge(partialOf(c, p), partialOf(c, p + LANES));
    let second = merge(partialOf(c, p + 2u * LANES), partialOf(c, p + 3u * LANES));
    total = merge(total, merge(first, second));
  }
  parts[lane] = total;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] = merge(parts[lane], parts[lane + half]); }
  }
  return parts[lane];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = channelOf(workgroup.x + workgroup.y * workgroups.x, lane);
  let sums = statisticsOf(c, lane);
  if (writes(lane) && c < sizes.channels) {
    let k = coefficients[c];
    let share = select(0.0, 1.0 / sums.x, sizes.trainingStatistics != 0u);
    gradCoefficients[c] = vec4f(k.x, -k.x * k.w * sums.z * share, -k.x * sums.y * share, k.z);
    gradWeight[c] = sums.z;
    gradBias[c] = sums.y;
  }
}

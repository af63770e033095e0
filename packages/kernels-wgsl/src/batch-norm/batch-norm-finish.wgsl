// Batch norm, training: merges the partial statistics of a channel, gives the coefficients that normalize it and moves
// the running statistics.
// y = (x - mean) * coefficients.x + coefficients.y

struct Sizes {
  channels: u32,
  partials: u32,
  epsilon: f32,
  momentum: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> statistics: array<vec4f>; // [partials, c]: count, mean, squared distances, 0
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [c]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [c]
@group(0) @binding(4) var<storage, read_write> runningMean: array<f32>; // [c]
@group(0) @binding(5) var<storage, read_write> runningVariance: array<f32>; // [c]
@group(0) @binding(6) var<storage, read_write> coefficients: array<vec4f>; // [c]: scale, bias, mean, 1 / deviation

const LANES: u32 = 256;

// Chan, Golub, LeVeque 1983: the statistics of two sets together, each (count, mean, squared distances from the mean).
fn merge(a: vec3f, b: vec3f) -> vec3f {
  let count = a.x + b.x;
  let distance = b.y - a.y;
  let share = b.x / max(count, 1.0); // 0 or 1 where one of them is empty: the result is then exactly the other
  return vec3f(count, a.y + distance * share, a.z + b.z + distance * distance * a.x * share);
}

var<workgroup> parts: array<vec3f, LANES>;

// Which channel an invocation works on, and whether it writes the result. One workgroup a channel.
fn channelOf(workgroup: u32, lane: u32) -> u32 { return workgroup; }
fn writes(lane: u32) -> bool { return lane == 0u; }

// One partial result of a channel; nothing beyond the last.
fn partialOf(c: u32, p: u32) -> vec3f {
  let at = min(p, sizes.partials - 1u) * sizes.channels + min(c, sizes.channels - 1u);
  return select(vec3f(), statistics[at].xyz, p < sizes.partials);
}

// The partial statistics of a channel together, for the invocation that writes.
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
  let all = statisticsOf(c, lane);
  if (writes(lane) && c < sizes.channels) {
    let variance = all.z / all.x;
    let inverseDeviation = 1.0 / sqrt(variance + sizes.epsilon);
    coefficients[c] = vec4f(weight[c] * inverseDeviation, bias[c], all.y, inverseDeviation);
    let unbiased = all.z / max(all.x - 1.0, 1.0);
    runningMean[c] = (1.0 - sizes.momentum) * runningMean[c] + sizes.momentum * all.y;
    runningVariance[c] = (1.0 - sizes.momentum) * runningVariance[c] + sizes.momentum * unbiased;
  }
}

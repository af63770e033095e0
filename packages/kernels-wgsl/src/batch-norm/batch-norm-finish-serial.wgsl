// Batch norm, training: merges the partial statistics of a channel, gives the coefficients that normalise it and moves
// the running statistics. One invocation a channel, without barriers: for adapters on which invocations run one after
// another.
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

const LANES: u32 = 64;
const RUN: u32 = 128;

// Chan, Golub, LeVeque 1983: the statistics of two sets together.
fn merge(a: vec3f, b: vec3f) -> vec3f {
  if (b.x == 0.0) { return a; }
  if (a.x == 0.0) { return b; }
  let count = a.x + b.x;
  let distance = b.y - a.y;
  return vec3f(count, a.y + distance * (b.x / count), a.z + b.z + distance * distance * (a.x * (b.x / count)));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (c >= sizes.channels) { return; }
  var all = vec3f(); // count, mean, squared distances from the mean
  for (var first = 0u; first < sizes.partials; first += RUN) {
    var some = vec3f(); // in runs, so that many partials keep their digits
    for (var p = first; p < min(first + RUN, sizes.partials); p++) {
      let part = statistics[p * sizes.channels + c];
      if (part.x > 0.0) { some = merge(some, part.xyz); }
    }
    all = merge(all, some);
  }
  let variance = all.z / all.x;
  let inverseDeviation = 1.0 / sqrt(variance + sizes.epsilon);
  coefficients[c] = vec4f(weight[c] * inverseDeviation, bias[c], all.y, inverseDeviation);
  let unbiased = all.z / max(all.x - 1.0, 1.0);
  runningMean[c] = (1.0 - sizes.momentum) * runningMean[c] + sizes.momentum * all.y;
  runningVariance[c] = (1.0 - sizes.momentum) * runningVariance[c] + sizes.momentum * unbiased;
}

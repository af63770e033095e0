// Batch norm, evaluation: the coefficients of a channel from its running statistics. One invocation a channel.
// y = (x - mean) * coefficients.x + coefficients.y

struct Sizes {
  channels: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> weight: array<f32>; // [c]
@group(0) @binding(2) var<storage, read> bias: array<f32>; // [c]
@group(0) @binding(3) var<storage, read> runningMean: array<f32>; // [c]
@group(0) @binding(4) var<storage, read> runningVariance: array<f32>; // [c]
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec4f>; // [c]: scale, bias, mean, 1 / deviation

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= sizes.channels) { return; }
  let inverseDeviation = 1.0 / sqrt(runningVariance[c] + sizes.epsilon);
  coefficients[c] = vec4f(weight[c] * inverseDeviation, bias[c], runningMean[c], inverseDeviation);
}

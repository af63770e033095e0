// Gradient of a segmentation loss, of images whose width is a multiple of 4, read and written by four pixels of a row, a quad: one
// invocation computes the gradient of all classes of one quad.

alias real = f32;

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  quads: u32, // of an image
  softmax: u32, // 0 where the input is probabilities already
  gamma: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<vec4<real>>; // [n, classes, h, w / 4]
@group(0) @binding(2) var<storage, read> labels: array<vec4u>; // [n, h, w / 4]; a label that is no class is left out
@group(0) @binding(3) var<storage, read> classWeights: array<f32>; // [2, classes]: of pixels, of Dice terms
@group(0) @binding(4) var<storage, read> coefficients: array<vec2f>; // [n, classes], from softmax-loss-finish.wgsl
@group(0) @binding(5) var<storage, read> result: array<f32>; // [8], from softmax-loss-finish.wgsl
@group(0) @binding(6) var<storage, read> upstream: array<f32>; // [1]: the gradient of the loss
@group(0) @binding(7) var<storage, read_write> gradLogits: array<vec4<real>>; // [n, classes, h, w / 4]

const LANES: u32 = 64;

// x^exponent for x in [0, 1], exact for the usual exponents.
fn power(x: vec4f, exponent: f32) -> vec4f {
  if (exponent == 0.0) { return vec4f(1.0); }
  if (exponent == 1.0) { return x; }
  if (exponent == 2.0) { return x * x; }
  return select(pow(x, vec4f(exponent)), vec4f(), x <= vec4f());
}

// log(1 + x) for x >= 0, with all digits of a small x.
fn logOnePlus(x: vec4f) -> vec4f {
  return select(log(1.0 + x), x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25))), x < vec4f(0.03));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.quads) { return; }
  let n = index / sizes.quads;
  let quad = index % sizes.quads;
  let base = n * CLASSES * sizes.quads + quad;
  let label = labels[index];
  let known = label < vec4u(CLASSES);
  var value: array<vec4f, CLASSES>;
  var derivative: array<vec4f, CLASSES>; // of the overlap term, by probability
  for (var c = 0u; c < CLASSES; c++) {
    value[c] = vec4f(logits[base + c * sizes.quads]);
    let coefficient = coefficients[n * CLASSES + c];
    derivative[c] = select(vec4f(coefficient.y), vec4f(coefficient.x), label == vec4u(c));
  }
  if (sizes.softmax == 1u) {
    var largest = value[0];
    var topDerivative = derivative[0];
    var top = vec4u();
    var own = largest;
    for (var c = 1u; c < CLASSES; c++) {
      let larger = value[c] > largest;
      top = select(top, vec4u(c), larger);
      topDerivative = select(topDerivative, derivative[c], larger);
      largest = max(largest, value[c]);
      own = select(own, value[c], label == vec4u(c));
    }
    var rest = vec4f();
    var others = vec4f();
    var weight = vec4f();
    for (var c = 0u; c < CLASSES; c++) {
      let ours = label == vec4u(c);
      let e = exp(value[c] - largest);
      value[c] = e;
      rest += select(e, vec4f(), top == vec4u(c));
      others += select(e, vec4f(), ours);
      weight = select(weight, vec4f(classWeights[c]), ours);
    }
    let scale = 1.0 / (1.0 + rest);

    // d(overlap term)/dlogit_j = p_j (s_j - sum of s_c p_c). Slopes count from that of the largest class, and 1 - p_label is a sum
    // of the other classes: so nothing cancels where the softmax is nearly certain.
    var mean = vec4f();
    for (var c = 0u; c < CLASSES; c++) {
      derivative[c] -= topDerivative;
      mean += derivative[c] * value[c] * scale;
    }
    // The pixel term is -w (1 - p)^gamma log p of the label; its derivative by logit j is w factor (p_j - [j = label]).
    let wrong = others * scale;
    var factor = power(wrong, sizes.gamma);
    if (sizes.gamma > 0.0) {
      let loss = logOnePlus(rest) + (largest - own);
      factor += sizes.gamma * power(wrong, sizes.gamma - 1.0) * exp(own - largest) * scale * loss;
    }
    let pixelScale = result[3] * weight * factor;
    for (var c = 0u; c < CLASSES; c++) {
      let probability = value[c] * scale;
      let pixelTerm = pixelScale * select(probability, -wrong, label == vec4u(c));
      derivative[c] = pixelTerm + probability * (derivative[c] - mean);
    }
  }
  for (var c = 0u; c < CLASSES; c++) {
    gradLogits[base + c * sizes.quads] = vec4<real>(select(vec4f(), upstream[0] * derivative[c], known));
  }
}

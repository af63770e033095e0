enable subgroups;
diagnostic(off, subgroup_uniformity);

// Weight gradient of the 3×3 convolution for subgroups of 8 invocations: a subgroup sums 8 output × 8 input channels × 9
// taps over strips of pixels, an invocation the taps of one input channel. Each invocation also loads the gradients of one
// output channel and passes them to the others, so that a value is loaded once for 64 pairs of channels.
// A strip is 4 columns wide and some rows high; a subgroup walks down every `partialCount`-th of them.
// All invocations of a subgroup take the same branches, which the rules of WGSL cannot see.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / 8)
  rowStrips: u32, // ceil(height / rows)
  columnStrips: u32, // ceil(width / 4)
  rows: u32, // rows of a strip
  strips: u32, // batch * rowStrips * columnStrips
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci, 3, 3]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

// What the three taps of a row see at the strip's four columns.
struct Row { left: vec4f, middle: vec4f, right: vec4f }

// The input at (y, x), zero outside the image; one step above or left of it they wrap to huge values.
fn loadPixel(channel: InputChannel, y: u32, x: u32) -> f32 {
  let row = min(y, sizes.height - 1u);
  let column = min(x, sizes.width - 1u);
  let value = loadInput(channel, row, column, row * sizes.width + column);
  return select(0.0, value, y < sizes.height && x < sizes.width);
}

fn loadRow(channel: InputChannel, y: u32, x: u32) -> Row {
  let a = loadPixel(channel, y, x - 1u);
  let b = loadPixel(channel, y, x);
  let c = loadPixel(channel, y, x + 1u);
  let d = loadPixel(channel, y, x + 2u);
  let e = loadPixel(channel, y, x + 3u);
  let f = loadPixel(channel, y, x + 4u);
  return Row(vec4f(a, b, c, d), vec4f(b, c, d, e), vec4f(c, d, e, f));
}

// A gradient of a row inside the image, zero right of it.
fn loadGradient(channel: GradOutputChannel, y: u32, x: u32) -> f32 {
  let column = min(x, sizes.width - 1u);
  return select(0.0, loadGradOutput(channel, y, column, y * sizes.width + column), x < sizes.width);
}

// Adds one row of one output channel; invocation `block` of the subgroup holds its gradients.
fn addChannel(sums: ptr<function, array<f32, 72>>, block: u32, gradients: vec4f, above: Row, center: Row, below: Row) {
  let gradient = subgroupShuffle(gradients, block);
  let first = 9u * block;
  (*sums)[first] += dot(gradient, above.left);
  (*sums)[first + 1u] += dot(gradient, above.middle);
  (*sums)[first + 2u] += dot(gradient, above.right);
  (*sums)[first + 3u] += dot(gradient, center.left);
  (*sums)[first + 4u] += dot(gradient, center.middle);
  (*sums)[first + 5u] += dot(gradient, center.right);
  (*sums)[first + 6u] += dot(gradient, below.left);
  (*sums)[first + 7u] += dot(gradient, below.middle);
  (*sums)[first + 8u] += dot(gradient, below.right);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * 8u + lane / 8u;
  let place = lane % 8u; // within the subgroup
  let firstIn = index % sizes.inBlocks * 8u;
  let firstOut = index / sizes.inBlocks % sizes.outBlocks * 8u;
  let partial = index / (sizes.inBlocks * sizes.outBlocks);
  let ci = firstIn + place;

  var sums: array<f32, 72>; // [output channel, tap]
  let strips = select(0u, sizes.strips, partial < sizes.partialCount);
  for (var strip = partial; strip < strips; strip += sizes.partialCount) {
    let x = strip % sizes.columnStrips * 4u;
    let rowStrip = strip / sizes.columnStrips;
    let first = rowStrip % sizes.rowStrips * sizes.rows;
    let end = min(first + sizes.rows, sizes.height);
    let n = rowStrip / sizes.rowStrips;
    let channel = prepareInput(n, min(ci, sizes.inChannels - 1u));
    let gradientChannel = prepareGradOutput(n, min(firstOut + place, sizes.outChannels - 1u));
    var above = loadRow(channel, first - 1u, x);
    var center = loadRow(channel, first, x);
    for (var y = first; y < end; y++) {
      let below = loadRow(channel, y + 1u, x);
      let gradients = vec4f(
        loadGradient(gradientChannel, y, x),
        loadGradient(gradientChannel, y, x + 1u),
        loadGradient(gradientChannel, y, x + 2u),
        loadGradient(gradientChannel, y, x + 3u),
      );
      // One call a channel, not a loop: a variable index would move the sums out of registers.
      addChannel(&sums, 0u, gradients, above, center, below);
      addChannel(&sums, 1u, gradients, above, center, below);
      addChannel(&sums, 2u, gradients, above, center, below);
      addChannel(&sums, 3u, gradients, above, center, below);
      addChannel(&sums, 4u, gradients, above, center, below);
      addChannel(&sums, 5u, gradients, above, center, below);
      addChannel(&sums, 6u, gradients, above, center, below);
      addChannel(&sums, 7u, gradients, above, center, below);
      above = center;
      center = below;
    }
  }

  if (partial < sizes.partialCount && ci < sizes.inChannels) {
    for (var i = 0u; i < 72u; i++) {
      let co = firstOut + i / 9u;
      if (co < sizes.outChannels) {
        partials[((partial * sizes.outChannels + co) * sizes.inChannels + ci) * 9u + i % 9u] = sums[i];
      }
    }
  }
}

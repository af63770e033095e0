// Pixels of each class by sample: where the class of the largest logit and the target agree, in the prediction, in the
// target. A workgroup counts a chunk of one sample; overlap-counts-finish adds the chunks up.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32, // classes, at most 16
  height: u32,
  width: u32,
  chunks: u32, // workgroups of a sample
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [n, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<u32>; // [n, chunks, c, 3]

struct LogitsChannel { base: u32 }
fn prepareLogits(n: u32, c: u32) -> LogitsChannel {
  return LogitsChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadLogits(channel: LogitsChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(logits[channel.base + pixel]);
}

const LANES: u32 = 64;
const STEPS: u32 = 64; // pixels of an invocation
const CLASSES: u32 = 16;

// Integers, so that the order in which they are added changes nothing.
var<workgroup> counts: array<atomic<u32>, 48>; // [CLASSES, 3]

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let n = group / sizes.chunks;
  let chunk = group % sizes.chunks;
  let plane = sizes.height * sizes.width;
  if (n < sizes.batch) {
    for (var step = 0u; step < STEPS; step++) {
      let pixel = (chunk * STEPS + step) * LANES + lane;
      if (pixel < plane) {
        let y = pixel / sizes.width;
        let x = pixel % sizes.width;
        var best = loadLogits(prepareLogits(n, 0u), y, x, pixel);
        var predicted = 0u;
        for (var c = 1u; c < sizes.channels; c++) {
          let value = loadLogits(prepareLogits(n, c), y, x, pixel);
          if (value > best) { best = value; predicted = c; }
        }
        let label = labels[n * plane + pixel];
        if (label == predicted) { atomicAdd(&counts[3u * predicted], 1u); }
        atomicAdd(&counts[3u * predicted + 1u], 1u);
        if (label < sizes.channels) { atomicAdd(&counts[3u * label + 2u], 1u); }
      }
    }
  }
  workgroupBarrier();
  if (n < sizes.batch && lane < 3u * sizes.channels) {
    partials[group * 3u * sizes.channels + lane] = atomicLoad(&counts[lane]);
  }
}

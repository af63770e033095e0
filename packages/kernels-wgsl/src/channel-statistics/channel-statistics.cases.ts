import { type PointwiseCase, pointwiseCases } from "../pointwise/pointwise.cases.js";

export interface ChannelStatisticsCase extends PointwiseCase {
  readonly mean: number;
  readonly deviation: number;
  /** Whether the image is read four pixels at a time. */
  readonly byQuads?: boolean;
}

const byPixels: readonly ChannelStatisticsCase[] = [
  ...pointwiseCases.map((each) => ({ ...each, mean: 0.5, deviation: 1 })),
  {
    why: "mean 1000 times the deviation",
    shape: { batch: 2, channels: 3, height: 33, width: 31 },
    mean: 1000,
    deviation: 1,
  },
  { why: "a constant image", shape: { batch: 2, channels: 3, height: 33, width: 31 }, mean: 0.1, deviation: 0 },
];

/** Images with rows of whole quads. */
const byQuads: readonly ChannelStatisticsCase[] = [
  { why: "one quad", shape: { batch: 1, channels: 1, height: 1, width: 4 }, mean: 0.5, deviation: 1 },
  { why: "several samples", shape: { batch: 7, channels: 5, height: 5, width: 12 }, mean: 0.5, deviation: 1 },
  {
    why: "one more quad than a workgroup takes",
    shape: { batch: 2, channels: 2, height: 1, width: 1028 },
    mean: 0.5,
    deviation: 1,
  },
  {
    why: "several workgroups of a sample, mean 1000 times the deviation",
    shape: { batch: 2, channels: 3, height: 33, width: 64 },
    mean: 1000,
    deviation: 1,
  },
  { why: "a constant image", shape: { batch: 2, channels: 3, height: 33, width: 32 }, mean: 0.1, deviation: 0 },
  {
    why: "more channels than one dimension holds workgroups",
    shape: { batch: 1, channels: 65_600, height: 1, width: 4 },
    mean: 0.5,
    deviation: 1,
  },
].map((each) => ({ ...each, why: `by quads: ${each.why}`, byQuads: true }));

/** Problems that are checked. */
export const channelStatisticsCases: readonly ChannelStatisticsCase[] = [...byPixels, ...byQuads];

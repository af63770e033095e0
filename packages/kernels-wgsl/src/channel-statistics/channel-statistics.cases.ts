import { type PointwiseCase, pointwiseCases } from "../pointwise/pointwise.cases.js";

export interface ChannelStatisticsCase extends PointwiseCase {
  readonly mean: number;
  readonly deviation: number;
}

/** Problems that are checked. */
export const channelStatisticsCases: readonly ChannelStatisticsCase[] = [
  ...pointwiseCases.map((each) => ({ ...each, mean: 0.5, deviation: 1 })),
  {
    why: "mean 1000 times the deviation",
    shape: { batch: 2, channels: 3, height: 33, width: 31 },
    mean: 1000,
    deviation: 1,
  },
  { why: "a constant image", shape: { batch: 2, channels: 3, height: 33, width: 31 }, mean: 0.1, deviation: 0 },
];

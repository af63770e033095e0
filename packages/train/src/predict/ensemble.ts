import type { Channels } from "@lobule/data";
import type { SegmentationNetwork } from "@lobule/nn";
import {
  add,
  type Image,
  type MirrorAxes,
  mirror,
  scale,
  sliceChannels,
  softmaxChannels,
  type Tensor,
} from "@lobule/tensor";
import { sameJson } from "../json/same-json.js";
import { channelsOf, type Intensities } from "../model/intensities.js";
import type { SavedModel } from "../model/load-model.js";
import { buildNetwork, inputChannels, type ModelDescription } from "../model/model-description.js";
import { ModelError } from "../model/model-error.js";

/** What is needed of a model to predict with it. */
export type PredictingModel = Pick<SavedModel, "description" | "weights" | "code"> &
  Partial<Pick<SavedModel, "source">>;

interface Member {
  readonly network: SegmentationNetwork;
  /** Which of the views it has of slices. */
  readonly view: number;
}

/** All ways to mirror a slice along some axes, as it is first. */
const mirrorings = ({ x, y }: MirrorAxes): MirrorAxes[] =>
  [
    { x: false, y: false },
    { x: true, y: false },
    { x: false, y: true },
    { x: true, y: true },
  ].filter((each) => (x || !each.x) && (y || !each.y));

/** Trained networks whose scores are averaged, such as those of the folds of a cross-validation; often just one. */
export class Ensemble {
  /** Of the first model; classes, sizes and neighbors are those of all. */
  readonly description: ModelDescription;
  /** The ways in which its networks see the HU of a slice, channel by channel, each way once. */
  readonly views: readonly Channels<Intensities>[];
  /** Sides of images must be multiples of this. */
  readonly divisor: number;
  private readonly members: readonly Member[];

  /**
   * @param models in the order in which their scores are added.
   * @throws ModelError as {@link requireAlike}; StateDictError when weights are not of the network that is described.
   */
  constructor(models: readonly PredictingModel[]) {
    const first = requireAlike(models);
    const views: Channels<Intensities>[] = [];
    this.description = first.description;
    this.members = models.map(({ description, weights, code }) => {
      const network = buildNetwork(description, 0, code);
      network.loadStateDict(weights);
      network.eval();
      const own = channelsOf(description);
      const known = views.findIndex((view) => sameJson(view, own));
      return { network, view: known < 0 ? views.push(own) - 1 : known };
    });
    this.views = views;
    this.divisor = this.members.map(({ network: { divisor = 1 } }) => divisor).reduce(leastCommonMultiple);
  }

  /** How many networks there are. */
  get size(): number {
    return this.members.length;
  }

  /**
   * Logits of each network, [n, classes, h, w]; with mirroring, the mean probabilities of all mirror images.
   * @param image [n, views · input channels, h, w]: each slice with its neighbors and channels, in one view after another.
   */
  scores(image: Image, mirrored: MirrorAxes): Image[] {
    const seenBy = inputChannels(this.description);
    const images = this.views.map((_, v) =>
      this.views.length === 1 ? image : sliceChannels(image, v * seenBy, (v + 1) * seenBy),
    );
    return this.members.map(({ network, view }) => {
      const seen = images[view] ?? image;
      return mirrored.x || mirrored.y ? mirroredScores(network, seen, mirrored) : network.forward(seen);
    });
  }
}

/** Mean probabilities of a slice and its mirror images. */
function mirroredScores(network: SegmentationNetwork, image: Image, mirrored: MirrorAxes): Image {
  return mean(
    mirrorings(mirrored).map((axes): Image => {
      if (!axes.x && !axes.y) return softmaxChannels(network.forward(image));
      return mirror(softmaxChannels(network.forward(mirror(image, axes))), axes);
    }),
  );
}

/** The mean, added in the order in which they are given. */
export function mean<Each extends Tensor>(images: readonly Each[]): Each {
  const sum = images.reduce((total, each) => add(total, each) as Each);
  return images.length === 1 ? sum : (scale(sum, 1 / images.length) as Each);
}

/** What models must have in common, in words. */
const factsOf = ({
  classes,
  size,
  spacing,
  resampling = "linear",
  patch,
  crop,
  inputSlices,
  channels,
}: ModelDescription) => ({
  classes: classes.join(", "),
  "size of the input": size === null ? "that of the slice" : `${size}×${size}`,
  "input slices": String(inputSlices),
  "pixel spacing": spacing === undefined ? "that of the slice" : `${spacing.join(" by ")} mm`,
  ...(spacing === undefined ? {} : { resampling }),
  patch: patch === undefined ? "the whole slice" : patch.join("×"),
  channels: channels === undefined ? "one" : channels.map(({ name }) => name).join(", "),
  crop: crop ?? "none",
});

/**
 * Checks that the scores of models can be averaged.
 * @returns the first of them.
 * @throws ModelError when they differ in classes, channels, size or neighboring slices, or there are none.
 */
export function requireAlike<Model extends PredictingModel>(models: readonly Model[]): Model {
  const [first] = models;
  if (first === undefined) throw new ModelError("there is no model to predict with; name one");
  const expected = Object.entries(factsOf(first.description));
  for (const { description, source = "a model" } of models) {
    const found = new Map(Object.entries(factsOf(description)));
    const other = expected.find(([name, value]) => found.get(name) !== value);
    if (other === undefined) continue;
    const [name, value] = other;
    throw new ModelError(
      `${source}: ${name}: ${found.get(name)}, but ${value} of ${first.source ?? "the first model"}; average models with the same ${expected.map(([each]) => each).join(", ")}`,
    );
  }
  return first;
}

function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

import { type Image, ShapeError } from "@lobule/tensor";

/** A level of a decoder: what is below it and its skip to an image of the skip's extents. */
interface Level {
  forward(below: Image, skip: Image): Image;
}

/**
 * What each level of a decoder makes, that of the image's extents first, and at the end the bottom.
 * @param skips from the image's level downward, one a level.
 * @param finish what each level's output goes through.
 * @throws ShapeError when there is not a skip for each level.
 */
export function decode(
  levels: readonly Level[],
  bottom: Image,
  skips: readonly Image[],
  finish: (x: Image) => Image = (x) => x,
): readonly [Image, ...Image[]] {
  let all: readonly [Image, ...Image[]] = [bottom];
  for (const [i, level] of levels.entries()) {
    const skip = skips.at(-1 - i);
    if (skip === undefined) throw new ShapeError(`decode: ${levels.length} levels, but ${skips.length} skips`);
    all = [finish(level.forward(all[0], skip)), ...all];
  }
  return all;
}

import type { Part } from "./draw.js";
import { column, deform, ellipsoid, halfSpace, intersection, type Shape } from "./shapes.js";
import type { Patient } from "./torso.js";

/** The organs around the liver, in drawing order, and those that press into it. */
export interface Neighbors {
  readonly parts: readonly Part[];
  readonly pressing: readonly Shape[];
}

const flat =
  (value: number): Part["density"] =>
  () =>
    value;

/**
 * Spleen, kidneys, stomach, bowel and the great vessels. Several are as dense as the liver, its vessels or its tumors,
 * so that no threshold finds those.
 */
export function neighbors({ halfWidth, halfDepth, spine, scale: s, noise, pick, abdomen }: Patient): Neighbors {
  const near = (value: number, by: number): number => value + pick(-by, by);
  const bumps = noise.field("organs", 45);
  const inAbdomen = (shape: Shape): Shape => intersection(shape, abdomen);
  const other = (shape: Shape, density: Part["density"]): Part => ({ shape, tissue: "other", density });

  const vena = column([near(20 * s, 4), spine + near(36, 3)], [12 * s, 10 * s]);
  const aorta = column([near(-14, 4), spine + near(32, 3)], [10.5 * s, 10.5 * s]);
  const spleen = inAbdomen(
    deform(ellipsoid([-0.62 * halfWidth, near(-28, 8), near(-68, 10)], [32 * s, 46 * s, 52 * s]), bumps, 6),
  );
  const spleenDensity = near(112, 12);
  const kidney = (side: number): Shape =>
    deform(
      ellipsoid(
        [side * near(60 * s, 4), spine + near(12, 5), near(side > 0 ? -152 : -130, 10)],
        [28 * s, 27 * s, 55 * s],
      ),
      bumps,
      3,
    );
  const rightKidney = kidney(1);
  const leftKidney = kidney(-1);
  const cortex = near(175, 15);
  const kidneyDensity: Part["density"] = (depth) => (depth < 9 ? cortex : depth < 17 ? 110 : 25);
  const stomach = inAbdomen(
    deform(
      ellipsoid(
        [near(-0.4 * halfWidth, 8), 0.3 * halfDepth, near(-68, 10)],
        [near(42, 8) * s, near(34, 5) * s, near(48, 8) * s],
      ),
      bumps,
      7,
    ),
  );
  const airLevel = 0.3 * halfDepth + near(14, 8);
  const pancreas = deform(ellipsoid([near(-12, 8), near(12, 6), near(-112, 8)], [52 * s, 13 * s, 14 * s]), bumps, 5);

  const bowel = Array.from({ length: 34 }, () => {
    const gas = pick(0, 1) < 0.35;
    const [x, y, z] = [pick(-0.65, 0.65) * halfWidth, pick(-0.05, 0.6) * halfDepth, pick(-250, -115)];
    const loop = inAbdomen(deform(ellipsoid([x, y, z], [pick(16, 30), pick(14, 24), pick(16, 34)]), bumps, 5));
    const inside = pick(15, 60);
    return other(loop, (depth) => (depth < 3 ? 75 : gas ? -850 : inside));
  });
  const mesentery = other(
    inAbdomen(
      intersection(
        column([0, 0.33 * halfDepth], [0.7 * halfWidth, 0.42 * halfDepth]),
        halfSpace((_x, _y, z) => z + 120),
      ),
    ),
    (_, x, y, z) => -95 + 60 * Math.max(bumps(3 * x, 3 * y, 3 * z) - 0.3, 0),
  );

  return {
    parts: [
      mesentery,
      ...bowel,
      other(aorta, flat(near(180, 15))),
      other(pancreas, flat(near(85, 8))),
      other(stomach, (depth, _, y) => (depth < 4 ? 80 : y > airLevel ? -900 : 25)),
      other(spleen, flat(spleenDensity)),
      other(leftKidney, kidneyDensity),
      other(rightKidney, kidneyDensity),
      other(vena, flat(near(145, 12))),
    ],
    pressing: [rightKidney, stomach, vena],
  };
}

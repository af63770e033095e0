import type { EvaluationResult } from "@lobule/train";
import { counted } from "../page/format.js";

/** How surface distances were measured: in the plane or in space, and what the edge of a volume counted as. */
export function surfaceNotes({ edge, cases, classes }: EvaluationResult): string[] {
  const inSpace = cases.filter(({ surfaceDimensions }) => surfaceDimensions > 2).length;
  const flat = cases.length - inSpace;
  const thin = cases.filter(({ shape, surfaceDimensions }) => surfaceDimensions > 2 && shape.includes(2)).length;
  const atEdge = classes.filter(({ casesAtEdge }) => casesAtEdge > 0);
  return [
    `Surface distances: measured in 3D in ${counted(inSpace, "case")}${flat === 0 ? "" : `, in 2D in ${flat} of a single slice`}.`,
    edge === "surface"
      ? "The edge of a scan counts as the surface of what reaches it, as in MONAI and medpy."
      : "The edge of a scan counts as a cut and not as a surface: distances are not those of MONAI and medpy.",
    ...(edge === "cut" || thin === 0
      ? []
      : [`In ${counted(thin, "case")} of two slices every voxel is at the edge, which counts as a cut there.`]),
    ...(atEdge.length === 0
      ? []
      : [
          `The truth reaches the edge of the scan: ${atEdge.map(({ name, casesAtEdge }) => `${name} in ${casesAtEdge} of ${counted(cases.length, "case")}`).join(", ")}. Where the scan cuts truth and prediction alike, distances there are 0 and flatter both figures; --edge cut leaves them out.`,
        ]),
  ];
}

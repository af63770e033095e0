import type { CaseIdentity } from "@lobule/data";
import type { RunSplit } from "./run-folder.js";
import type { Workload } from "./workload.js";

/** A case of a run's split, recognized by what it holds. */
export interface KnownCase {
  /** What the run calls it. */
  readonly name: string;
  readonly use: "training" | "validation";
  /** Whether only its image is the same: its labels or its grid are others by now. */
  readonly imageOnly: boolean;
}

/** The cases of a run, by what they hold. */
export class KnownCases {
  /** False for a run of a version that did not write down what its cases hold: it recognizes none. */
  readonly checkable: boolean;
  private readonly contents: ReadonlyMap<string, KnownCase>;
  private readonly images: ReadonlyMap<string, KnownCase>;

  constructor(
    readonly split: RunSplit,
    private readonly workload: Pick<Workload, "cases" | "images"> | null,
  ) {
    this.checkable = workload !== null;
    // The training cases last, so that an image which is in both parts counts as trained on.
    const cases = (["validation", "training"] as const).flatMap((use) =>
      split[use].map((name) => ({ name, use, imageOnly: false })),
    );
    const by = (hashes: Readonly<Record<string, string>> = {}, imageOnly = false): Map<string, KnownCase> =>
      new Map(cases.flatMap((each) => (hashes[each.name] ? [[hashes[each.name] ?? "", { ...each, imageOnly }]] : [])));
    this.contents = by(workload?.cases);
    this.images = by(workload?.images, true);
  }

  /** The case of the run that a case is, by its content or else by its image; undefined for one that is new to it. */
  recognize({ content, image }: CaseIdentity): KnownCase | undefined {
    const [whole, alike] = [this.contents.get(content), this.images.get(image)];
    return alike?.use === "training" && whole?.use !== "training" ? alike : (whole ?? alike);
  }

  /** Whether a case of this name held something else when the run began; undefined where that is not known. */
  changed(name: string, { content }: CaseIdentity): boolean | undefined {
    const before = this.workload?.cases[name];
    return before === undefined ? undefined : before !== content;
  }
}

/** Voxels that were changed together, such as by one stroke of a brush. */
interface Change {
  readonly indices: Uint32Array;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** The most voxels that are remembered to be undone; the oldest changes are forgotten first. */
const mostRemembered = 20_000_000;

/**
 * Changes labels in their array. What is painted between `begin` and `end` is one change, which can be undone and redone
 * as often as one likes; a new change forgets those that were undone.
 */
export class LabelEditor {
  private readonly done: Change[] = [];
  private readonly undone: Change[] = [];
  private stroke: Map<number, number> | undefined;
  private readonly voxels: number[];
  private changed = false;

  /**
   * @param labels are changed in place.
   * @param counts voxels of each class, the background's first.
   */
  constructor(
    readonly labels: Uint8Array<ArrayBuffer>,
    counts: readonly number[],
  ) {
    this.voxels = [...counts];
  }

  /** Voxels of each class. */
  get counts(): readonly number[] {
    return this.voxels;
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Whether anything was ever changed. */
  get edited(): boolean {
    return this.changed;
  }

  /** Begins a change; one that is under way is ended. */
  begin(): void {
    this.end();
    this.stroke = new Map();
  }

  /** Gives voxels a label, within a change. @throws RangeError outside of one. */
  paint(indices: Iterable<number>, label: number): void {
    const { stroke, labels } = this;
    if (stroke === undefined) throw new RangeError("paint: no change was begun");
    for (const index of indices) {
      const before = labels[index];
      if (before === undefined || before === label) continue;
      if (!stroke.has(index)) stroke.set(index, before);
      labels[index] = label;
      this.count(before, -1);
      this.count(label, 1);
    }
  }

  /** Ends a change. @returns whether anything is different now. */
  end(): boolean {
    const { stroke, labels } = this;
    this.stroke = undefined;
    if (stroke === undefined) return false;
    // What was painted back is no change.
    const change = { indices: new Uint32Array(stroke.size), before: new Uint8Array(stroke.size) };
    let count = 0;
    for (const [index, before] of stroke) {
      if (labels[index] === before) continue;
      change.indices[count] = index;
      change.before[count] = before;
      count += 1;
    }
    if (count === 0) return false;
    const indices = change.indices.slice(0, count);
    const after = Uint8Array.from(indices, (index) => labels[index] ?? 0);
    this.done.push({ indices, before: change.before.slice(0, count), after });
    this.undone.length = 0;
    this.changed = true;
    this.forget();
    return true;
  }

  /** Takes the last change back. @returns whether there was one. */
  undo(): boolean {
    this.end();
    const change = this.done.pop();
    if (change === undefined) return false;
    this.write(change.indices, change.before);
    this.undone.push(change);
    return true;
  }

  /** Makes the change again that was undone last. @returns whether there was one. */
  redo(): boolean {
    this.end();
    const change = this.undone.pop();
    if (change === undefined) return false;
    this.write(change.indices, change.after);
    this.done.push(change);
    return true;
  }

  private write(indices: Uint32Array, values: Uint8Array): void {
    indices.forEach((index, i) => {
      const value = values[i] ?? 0;
      this.count(this.labels[index] ?? 0, -1);
      this.count(value, 1);
      this.labels[index] = value;
    });
  }

  private count(label: number, by: number): void {
    this.voxels[label] = (this.voxels[label] ?? 0) + by;
  }

  private forget(): void {
    let kept = this.done.reduce((sum, { indices }) => sum + indices.length, 0);
    while (kept > mostRemembered && this.done.length > 1) kept -= this.done.shift()?.indices.length ?? 0;
  }
}

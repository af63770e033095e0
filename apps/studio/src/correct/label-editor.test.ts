import fc from "fast-check";
import { expect, test } from "vitest";
import { LabelEditor } from "./label-editor.js";

const size = 30;
const classes = 4;
const countsOf = (labels: Uint8Array): number[] =>
  Array.from({ length: classes }, (_, label) => labels.filter((each) => each === label).length);
const editorOf = (labels: Uint8Array<ArrayBuffer>) => new LabelEditor(labels, countsOf(labels));
const anyLabels = fc
  .array(fc.nat(classes - 1), { minLength: size, maxLength: size })
  .map((labels) => Uint8Array.from(labels));
/** Strokes, each of parts that paint voxels with a label. */
const anyStrokes = fc.array(
  fc.array(fc.tuple(fc.array(fc.nat(size - 1), { maxLength: 12 }), fc.nat(classes - 1)), { maxLength: 4 }),
  { maxLength: 6 },
);
/** Paints strokes. @returns how many of them changed something. */
const painted = (
  editor: LabelEditor,
  strokes: readonly (readonly (readonly [readonly number[], number])[])[],
): number =>
  strokes.filter((stroke) => {
    editor.begin();
    for (const [indices, label] of stroke) editor.paint(indices, label);
    return editor.end();
  }).length;

test("undoing all changes gives the labels that there were, and redoing them those that were painted", () => {
  fc.assert(
    fc.property(anyLabels, anyStrokes, (labels, strokes) => {
      const before = labels.slice();
      const editor = editorOf(labels);
      const changes = painted(editor, strokes);
      const after = labels.slice();
      for (let i = 0; i < changes; i++) expect(editor.undo()).toBe(true);
      expect(labels).toEqual(before);
      expect(editor.undo()).toBe(false);
      for (let i = 0; i < changes; i++) expect(editor.redo()).toBe(true);
      expect(labels).toEqual(after);
      expect(editor.redo()).toBe(false);
    }),
  );
});

test("the counts are always those of the labels", () => {
  fc.assert(
    fc.property(anyLabels, anyStrokes, fc.nat(3), (labels, strokes, undone) => {
      const editor = editorOf(labels);
      painted(editor, strokes);
      for (let i = 0; i < undone; i++) editor.undo();
      expect(editor.counts).toEqual(countsOf(labels));
    }),
  );
});

test("a new change forgets those that were undone", () => {
  const editor = editorOf(new Uint8Array(3));
  painted(editor, [[[[0], 1]], [[[1], 1]]]);
  editor.undo();
  painted(editor, [[[[2], 2]]]);
  expect(editor.canRedo).toBe(false);
  expect([...editor.labels]).toEqual([1, 0, 2]);
});

test("a stroke that changes nothing, or paints back what it changed, is none", () => {
  const editor = editorOf(Uint8Array.of(1, 0));
  const strokes = [
    [[[0], 1]],
    [
      [[1], 2],
      [[1], 0],
    ],
  ] as const;
  expect(painted(editor, strokes)).toBe(0);
  expect([editor.canUndo, editor.edited]).toEqual([false, false]);
});

test("voxels outside the volume are passed over, and painting needs a change that was begun", () => {
  const editor = editorOf(Uint8Array.of(0));
  painted(editor, [[[[0, 7], 1]]]);
  expect([...editor.labels]).toEqual([1]);
  expect(() => editor.paint([0], 0)).toThrow("no change was begun");
});

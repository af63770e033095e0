/**
 * Adds to `counts` how often each label occurs.
 *
 * Labels come in long runs, so four are looked at as one word, and a word that is like the one before costs a comparison.
 */
export function countLabels(labels: Uint8Array, counts: number[]): void {
  const add = (label: number, times: number): void => {
    counts[label] = (counts[label] ?? 0) + times;
  };
  // Words begin at multiples of four bytes.
  const first = Math.min(-labels.byteOffset & 3, labels.length);
  const count = (labels.length - first) >> 2;
  const words = count === 0 ? [] : new Uint32Array(labels.buffer, labels.byteOffset + first, count);
  for (const label of labels.subarray(0, first)) add(label, 1);
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && words[end] === words[start]) end++;
    for (const label of labels.subarray(first + 4 * start, first + 4 * start + 4)) add(label, end - start);
    start = end;
  }
  for (const label of labels.subarray(first + 4 * count)) add(label, 1);
}

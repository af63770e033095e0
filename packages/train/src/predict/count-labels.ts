/**
 * Adds to `counts` how often each label occurs.
 *
 * Labels come in long runs, so four are looked at as one word, and a word that is like the one before costs a comparison.
 */
export function countLabels(labels: Uint8Array, counts: number[]): void {
  /** Of the labels from `start` to before `end`, each as often as `times`. */
  const add = (start: number, end: number, times: number): void => {
    for (let i = start; i < end; i++) {
      const label = labels[i] as number;
      counts[label] = (counts[label] ?? 0) + times;
    }
  };
  // Words begin at multiples of four bytes.
  const first = Math.min(-labels.byteOffset & 3, labels.length);
  const count = (labels.length - first) >> 2;
  // Where there is no word, their place may lie behind the buffer.
  const words = count === 0 ? new Uint32Array(0) : new Uint32Array(labels.buffer, labels.byteOffset + first, count);
  add(0, first, 1);
  for (let start = 0; start < count; ) {
    const word = words[start];
    let end = start + 1;
    while (end < count && words[end] === word) end++;
    add(first + 4 * start, first + 4 * start + 4, end - start);
    start = end;
  }
  add(first + 4 * count, labels.length, 1);
}

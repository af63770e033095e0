/** Letters that must be added, taken away, changed or swapped to make one word of another (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swapped ? at(i - 2, j - 2) + 1 : changed);
      (rows[i] as number[])[j] = least;
    }
  }
  return at(a.length, b.length);
}

/** The name that was probably meant: within a third of its letters, or the only one that begins with the word. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  const [best] = names
    .map((name) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(name.length, wanted.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  if (best !== undefined) return best.name;
  const longer = names.filter((name) => wanted.length >= 3 && name.toLowerCase().startsWith(wanted));
  return longer.length === 1 ? longer[0] : undefined;
}

/** "; did you mean X?", or nothing where no name is near. */
export function suggestion(word: string, names: readonly string[], show = (name: string): string => name): string {
  const name = nearest(word, names);
  return name === undefined ? "" : `; did you mean ${show(name)}?`;
}

import { warn } from "../shared/output.js";

/** Shows the notes of several runs: each once, since most are of the data, with the first run that has it. */
export function notesOnce(): (run: string, note: string) => void {
  const seen = new Set<string>();
  return (run, note) => {
    if (seen.has(note)) return;
    seen.add(note);
    warn(note.replace(/^note: /, `note: ${run}: `));
  };
}

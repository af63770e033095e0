import {
  DataError,
  dirName,
  MemoryStorage,
  readDecathlon,
  type Storage,
  writeError,
  writeFileAtomically,
} from "@lobule/data";
import type { DroppedFile } from "../parts/dropped-files.js";

/** A file of a Decathlon folder, by its path in there. */
export interface TaskFile {
  readonly path: string;
  readonly file: File;
}

/**
 * Which of the files that were dropped make a Decathlon folder's labeled cases, dataset.json last: a folder without it is
 * no task yet.
 * @throws DataError where there is no dataset.json, more than one, or a file that it names is missing.
 */
export async function filesOfTask(files: readonly DroppedFile[]): Promise<readonly TaskFile[]> {
  const described = files.filter(({ path }) => /(^|\/)dataset\.json$/.test(path));
  const [description] = described;
  if (description === undefined)
    throw new DataError(
      "What was dropped is no Decathlon folder: it holds no dataset.json, which stands beside the folders imagesTr and labelsTr.",
    );
  if (described.length > 1)
    throw new DataError(
      `What was dropped holds several Decathlon folders (${described.map(({ path }) => path).join(", ")}); drop one of them.`,
    );
  const root = description.path.slice(0, -"dataset.json".length);
  const memory = new MemoryStorage();
  const json = new Uint8Array(await description.file.arrayBuffer());
  await memory.makeFolder("/task");
  await writeFileAtomically(memory, "/task/dataset.json", json);
  const { cases, channels, modality } = await readDecathlon(memory, "/task").catch((error: unknown) => {
    throw error instanceof DataError ? new DataError(error.message.replaceAll("/task/", root)) : error;
  });
  if (channels > 1) {
    throw new DataError(
      `The images have ${channels} channels (${modality.join(", ")}), and the studio trains on images of one; the command npx lobule train takes several.`,
    );
  }
  const byPath = new Map(files.map(({ path, file }) => [path, file]));
  const found = cases
    .flatMap(({ image, label }) => [image, label])
    .map((absolute) => {
      const path = absolute.slice("/task/".length);
      const file = byPath.get(`${root}${path}`);
      if (file === undefined)
        throw new DataError(`The folder lacks ${path}, which its dataset.json names; drop the whole folder.`);
      return { path, file };
    });
  return [...found, { path: "dataset.json", file: description.file }];
}

/** Copies a file piece by piece, so that one of several GB never is in memory. @throws FileWriteError, the signal's reason. */
export async function copyFile(
  storage: Storage,
  file: File,
  path: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<void> {
  await storage.makeFolder(dirName(path));
  const replacement = await storage.replace(path);
  try {
    const reader = file.stream().getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      signal.throwIfAborted();
      await replacement.write(piece.value).catch((error: unknown) => {
        throw writeError(path, error);
      });
      progress(piece.value.length);
    }
    await replacement.commit();
  } catch (error) {
    await replacement.discard();
    throw error;
  }
}

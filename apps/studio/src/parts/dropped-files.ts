/** A file that was dropped or chosen. */
export interface DroppedFile {
  /** Its path below what was dropped, such as "Task03_Liver/imagesTr/liver_0.nii.gz", or its name. */
  readonly path: string;
  readonly file: File;
}

export const filesOfInput = ({ files }: HTMLInputElement): DroppedFile[] =>
  [...(files ?? [])].map((file) => ({
    file,
    path: file.webkitRelativePath === "" ? file.name : file.webkitRelativePath,
  }));

/** All files of a drop, those in its folders too, by path. */
export async function filesOfDrop({ items }: DataTransfer): Promise<DroppedFile[]> {
  // Entries must be asked for before anything is awaited: the list is empty afterwards.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const found: DroppedFile[] = [];
  for (const entry of entries) await collect(entry, found);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function collect(entry: FileSystemEntry, found: DroppedFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (isFile(entry)) {
    found.push({ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // A reader gives at most a hundred entries at a time.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) return;
      for (const each of entries) await collect(each, found);
    }
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

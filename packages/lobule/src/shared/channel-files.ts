import { basename, dirname, join } from "node:path";
import { DataError, entryAt } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { channelsText } from "@lobule/train";

/** The files of a scan of several channels. */
export interface ScanChannels {
  /** Path of the only file, or of that of the first channel. */
  readonly scan: string;
  /** Paths of the files of the other channels, where each has one. */
  readonly otherChannels?: readonly string[];
}

/** CASE_0000.nii.gz: the case, the number of the channel and the ending. */
const channelName = /^(.+)_(\d{4})(\.nii(?:\.gz)?)$/i;

/** The name of a scan without the number of its channel. */
export const withoutChannel = (name: string): string => name.replace(channelName, "$1$3");

/**
 * The scans that files are, for a model of several channels: a file of four axes is one, and so are CASE_0000.nii.gz,
 * CASE_0001.nii.gz and so on together. Of these the first is enough; the others, which a wildcard names too, belong to it.
 * @param names of the model's channels.
 * @throws DataError naming a file that is missing, of a channel that the model does not take or without its first, or that
 * is of another form.
 */
export async function scansOfChannels(paths: readonly string[], names: readonly string[]): Promise<ScanChannels[]> {
  if (names.length < 2) return paths.map((scan) => ({ scan }));
  const scans: ScanChannels[] = [];
  const taken = new Set<string>();
  for (const path of paths) {
    const files = await channelFiles(path, names);
    if (files === undefined) continue;
    scans.push(files);
    for (const each of [files.scan, ...(files.otherChannels ?? [])]) taken.add(join(each));
  }
  const left = paths.find((path) => !taken.has(join(path)));
  if (left !== undefined) {
    const [, name = "", , ending = ""] = channelName.exec(basename(left)) ?? [];
    throw new DataError(
      `${left} is no first channel of a scan; the model takes ${channelsText(names)}: give ${join(dirname(left), `${name}_0000${ending}`)}, and the other channels beside it`,
    );
  }
  return scans;
}

/** Undefined for the file of another channel than the first. */
async function channelFiles(path: string, names: readonly string[]): Promise<ScanChannels | undefined> {
  if (!/\.nii(\.gz)?$/i.test(path)) {
    throw new DataError(
      `${path} is one channel, and the model takes ${channelsText(names)}; give NIfTI files CASE_0000.nii.gz, CASE_0001.nii.gz, …, which \`lobule data convert\` makes of each series`,
    );
  }
  const [, name, number, ending] = channelName.exec(basename(path)) ?? [];
  if (number === undefined) return { scan: path };
  if (Number(number) > 0) return undefined;
  const otherChannels = names.slice(1).map((_, i) => {
    const file = `${name}_${String(i + 1).padStart(4, "0")}${ending}`;
    return join(dirname(path), file);
  });
  for (const [i, other] of otherChannels.entries()) {
    if ((await entryAt(nodeStorage, other)) === undefined) {
      throw new DataError(
        `${other} is missing: it is the channel ${names[i + 1]} of ${path}, and the model takes ${channelsText(names)}`,
      );
    }
  }
  return { scan: path, otherChannels };
}

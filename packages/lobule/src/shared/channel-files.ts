import { basename, dirname, join, resolve } from "node:path";
import { ChannelsError, DataError, entryAt, readDecathlon } from "@lobule/data";
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

/**
 * What reading a scan gives, for a model of so many channels: where a file holds another number, what to do is said for a scan,
 * which belongs to no data set.
 * @throws DataError as `read`.
 */
export async function readingFor<Result>(channels: number, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ChannelsError)) throw error;
    throw new DataError(
      `${error.finding}; the model takes ${channels === 1 ? "one channel: take one volume out of the file" : `${channels} channels: give one file with all of them, or CASE_0000.nii.gz with CASE_0001.nii.gz and so on beside it`}`,
      { cause: error },
    );
  }
}

/** The name of a scan without the number of its channel. */
export const withoutChannel = (name: string): string => name.replace(channelName, "$1$3");

/**
 * The scans that files are, for a model of several channels: a file of four axes is one, and so are CASE_0000.nii.gz,
 * CASE_0001.nii.gz and so on together. Of these the first is enough; the others, which a wildcard names too, belong to it.
 * @param names of the model's channels.
 * @throws DataError naming a file that is missing, of a channel that the model does not take or without its first, or that
 * is of another form; for a model of one channel, several files of one image by the dataset.json of their folder.
 */
export async function scansOfChannels(paths: readonly string[], names: readonly string[]): Promise<ScanChannels[]> {
  if (names.length < 2) {
    await requireOneChannel(paths);
    return paths.map((scan) => ({ scan }));
  }
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

/** Without dataset.json the numbers in names like scan_0001.nii.gz may count patients. */
async function requireOneChannel(paths: readonly string[]): Promise<void> {
  const described = new Map<string, readonly string[]>();
  const fileOf = new Map<string, string>();
  for (const path of paths) {
    if (!channelName.test(basename(path))) continue;
    const image = join(dirname(path), withoutChannel(basename(path)));
    const before = fileOf.get(image);
    fileOf.set(image, path);
    if (before === undefined || resolve(before) === resolve(path)) continue;
    const folder = dirname(dirname(resolve(path)));
    const names =
      described.get(folder) ?? (await readDecathlon(nodeStorage, folder).catch(() => undefined))?.modality ?? [];
    described.set(folder, names);
    if (names.length < 2) continue;
    throw new DataError(
      `${before} and ${path} are channels of one image, which has ${channelsText(names)} by ${join(folder, "dataset.json")}, and the model takes one channel; give the files of that channel alone`,
    );
  }
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

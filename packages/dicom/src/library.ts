import type Dcmjs from "dcmjs";
import type Codecs from "dcmjs-codecs";

let parser: Promise<typeof Dcmjs> | undefined;
let codecs: Promise<typeof Codecs> | undefined;

/**
 * dcmjs, which takes long to load: only when it is needed, and in the thread that needs it. What is wrong with a file is told
 * in one sentence, so that nothing is printed in the words of the libraries.
 */
export function dicomParser(): Promise<typeof Dcmjs> {
  parser ??= import("dcmjs").then(({ default: library }) => {
    for (const log of [library.log, library.log.getLogger("validation.dcmjs")]) log.setLevel("silent");
    return library;
  });
  return parser;
}

/** dcmjs-codecs, ready to unpack. */
export function dicomCodecs(): Promise<typeof Codecs> {
  codecs ??= import("dcmjs-codecs").then(async ({ default: library }) => {
    library.log.setLevel("silent");
    await library.NativeCodecs.initializeAsync({});
    return library;
  });
  return codecs;
}

/** The file of a data set whose attributes have names. */
export const dicomFileOf = async (dataset: object): Promise<Uint8Array> =>
  new Uint8Array((await dicomParser()).data.datasetToDict(dataset).write());

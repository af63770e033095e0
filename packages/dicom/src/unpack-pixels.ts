import codecs from "dcmjs-codecs";
import { quietLibrary } from "./quiet-library.js";

/**
 * Gives the same DICOM file with pixels that are not packed. On damaged pixels some codecs have no end, so that whoever
 * reads files of others does this where it can be ended, such as in a thread.
 */
export type Unpack = (file: Uint8Array) => Promise<Uint8Array>;

const explicitLittleEndian = "1.2.840.10008.1.2.1";

let ready: Promise<unknown> | undefined;

/** Unpacks at once, by dcmjs-codecs. @throws what the codecs throw. */
export const unpackPixels: Unpack = async (file) => {
  quietLibrary();
  ready ??= codecs.NativeCodecs.initializeAsync({});
  await ready;
  const transcoder = new codecs.Transcoder(new Uint8Array(file).buffer);
  transcoder.transcode(explicitLittleEndian);
  return new Uint8Array(transcoder.getDicomPart10());
};

import dcmjs from "dcmjs";
import codecs from "dcmjs-codecs";

/** What is wrong with a file is told in one sentence, not in the words of the libraries, which would be printed. */
export function quietLibrary(): void {
  for (const { log } of [dcmjs, codecs])
    for (const each of [log, log.getLogger("validation.dcmjs")]) each.setLevel("silent");
}

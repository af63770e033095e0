import { ByteCursor, utf8Text } from "./byte-cursor.js";
import { brief, PytorchError } from "./pytorch-error.js";

const signatures = {
  entry: 0x04034b50,
  directory: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator: 0x07064b50,
};
/** Bytes of the record at the end of a zip without its comment, and of the longest comment. */
const [endBytes, mostComment] = [22, 0xffff];

/**
 * The files of a zip by name, as parts of its memory. PyTorch stores them as they are.
 * @throws PytorchError when it is damaged or a file in it is compressed.
 * Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 to 4.3.16 and 4.5.3.
 */
export function zipEntries(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const { count, offset } = directoryOf(bytes);
  const directory = new ByteCursor(bytes, offset);
  const entries = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const { name, method, size, at } = directoryEntry(directory);
    if (name.endsWith("/")) continue;
    if (method !== 0) {
      throw new PytorchError(
        `the file ${brief(name)} in the zip is compressed, which PyTorch's are not; save the weights again with torch.save`,
      );
    }
    const header = new ByteCursor(bytes, at);
    if (header.uint32() !== signatures.entry) throw damaged;
    header.take(22);
    const [nameLength, extraLength] = [header.uint16(), header.uint16()];
    header.take(nameLength + extraLength);
    entries.set(name, header.take(size));
  }
  return entries;
}

const damaged = new PytorchError("the zip is damaged; fetch or save the file again");

/** Where the directory begins, and how many entries it has. */
function directoryOf(bytes: Uint8Array): { readonly count: number; readonly offset: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = bytes.length - endBytes;
  while (at >= 0 && at >= bytes.length - endBytes - mostComment && view.getUint32(at, true) !== signatures.end) at--;
  if (at < 0 || view.getUint32(at, true) !== signatures.end) {
    throw new PytorchError("the zip has no end; it is cut off, fetch or save the file again");
  }
  const end = new ByteCursor(bytes, at + 10);
  const [count, , offset] = [end.uint16(), end.uint32(), end.uint32()];
  if (count !== 0xffff && offset !== 0xffffffff) return { count, offset };
  const locator = new ByteCursor(bytes, Math.max(0, at - 20));
  if (locator.uint32() !== signatures.locator) throw damaged;
  locator.take(4);
  const end64 = new ByteCursor(bytes, inFile(locator.size64(), bytes));
  if (end64.uint32() !== signatures.end64) throw damaged;
  end64.take(28);
  const count64 = end64.size64();
  end64.take(8);
  return { count: count64, offset: inFile(end64.size64(), bytes) };
}

function inFile(offset: number, bytes: Uint8Array): number {
  if (offset > bytes.length) throw damaged;
  return offset;
}

function directoryEntry(directory: ByteCursor) {
  if (directory.uint32() !== signatures.directory) throw damaged;
  directory.take(6);
  const method = directory.uint16();
  directory.take(8);
  let [packed, size] = [directory.uint32(), directory.uint32()];
  const [nameLength, extraLength, commentLength] = [directory.uint16(), directory.uint16(), directory.uint16()];
  directory.take(8);
  let at = directory.uint32();
  const name = utf8Text(directory.take(nameLength));
  const extra = new ByteCursor(directory.take(extraLength));
  directory.take(commentLength);
  while (extra.at + 4 <= extraLength) {
    const [id, length] = [extra.uint16(), extra.uint16()];
    const field = new ByteCursor(extra.take(length));
    if (id !== 1) continue;
    // Of what does not fit into 32 bits, in this order.
    if (size === 0xffffffff) size = field.size64();
    if (packed === 0xffffffff) packed = field.size64();
    if (at === 0xffffffff) at = field.size64();
  }
  return { name, method, size, at };
}

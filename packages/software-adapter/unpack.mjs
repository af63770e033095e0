// Puts SwiftShader and a Vulkan loader into lib/. They come from the development dependency @sparticuz/chromium, whose
// browser nobody who installs this package needs. A file that is not the expected one is not kept.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { extract } from "tar-stream";

/** SHA-256 of each file. */
const digests = {
  "libvk_swiftshader.so": "5b9e8591c7c2d1c9618c3ad485d0cdffb81f5f1ffd6a982fdb6578c2d8d3213e",
  "libvulkan.so.1": "fe17a77c1f2df38d3b6a935140f746fd80aac564bb44eb3e4f6b75a504295a41",
  "vk_swiftshader_icd.json": "c9eef28b6b984fec220ef0abfecc40b502d46946706e47bfe97707027cb818bd",
};
const folder = join(import.meta.dirname, "lib");

const isExpected = (name, bytes) => createHash("sha256").update(bytes).digest("hex") === digests[name];

const isThere = (name) => {
  try {
    return isExpected(name, readFileSync(join(folder, name)));
  } catch {
    return false;
  }
};

/** The files of the archive that are used. */
async function* used() {
  const entry = fileURLToPath(import.meta.resolve("@sparticuz/chromium"));
  const files = extract();
  files.end(brotliDecompressSync(readFileSync(join(dirname(entry), "..", "..", "bin", "swiftshader.tar.br"))));
  for await (const file of files) {
    const chunks = [];
    for await (const chunk of file) chunks.push(chunk);
    if (file.header.name in digests) yield [file.header.name, Buffer.concat(chunks)];
  }
}

if (!Object.keys(digests).every(isThere)) {
  mkdirSync(folder, { recursive: true });
  for await (const [name, bytes] of used()) {
    if (!isExpected(name, bytes)) throw new Error(`${name} of @sparticuz/chromium is not the expected file`);
    // Several builds may run at once, and a process may have the earlier file loaded.
    const part = join(folder, `${name}.${process.pid}.part`);
    writeFileSync(part, bytes, { mode: 0o755 });
    renameSync(part, join(folder, name));
  }
  const missing = Object.keys(digests).filter((name) => !isThere(name));
  if (missing.length > 0) throw new Error(`the archive of @sparticuz/chromium lacks ${missing.join(", ")}`);
}

// One archive for a machine that has an NVIDIA, AMD or Intel driver, or no GPU at all, and nothing else: no Node, no npm,
// no network. Holds Node, Dawn, our bundled code, SwiftShader with a Vulkan loader, and the parity fixtures.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { pack } from "tar-stream";
import { build as buildPage } from "vite";

const root = resolve(import.meta.dirname ?? ".", "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const name = `lobule-${version}-linux-x64`;
const output = resolve(process.argv[2] ?? join(root, "bundle"));
const folder = join(output, name);
/** Bytes that an archive may have. */
const largest = 60e6;

const fail = (sentence) => {
  console.error(`bundle: ${sentence}`);
  process.exit(1);
};

if (process.platform !== "linux" || process.arch !== "x64") {
  fail(`makes the archive for Linux on x64 from its own Node, and this is ${process.platform} on ${process.arch}`);
}
if (!existsSync(join(root, "packages/lobule/dist/index.js"))) fail("nothing is built yet; run npm ci first");

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "bin"), { recursive: true });

/** Copies what a package needs to run, with its license. */
function vendor(packageName, files) {
  const from = join(root, "node_modules", packageName);
  const to = join(folder, "app/node_modules", packageName);
  const licenses = readdirSync(from).filter((each) => /^licen[cs]e/i.test(each));
  for (const file of ["package.json", ...licenses, ...files]) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(from, file), join(to, file));
  }
}

/** The programs: the command line, and the threads that decode volumes, call MPI and parse DICOM. */
const { metafile } = await build({
  entryPoints: {
    lobule: join(root, "packages/lobule/bin/lobule.js"),
    "task-worker": join(root, "packages/node/dist/storage/task-worker.js"),
    "mpi-worker": join(root, "packages/mpi/dist/mpi-worker.js"),
    "dicom-worker": join(root, "packages/lobule/dist/shared/dicom-worker.js"),
  },
  outdir: join(folder, "app"),
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["webgpu", "@lobule/software-adapter", "esbuild", "koffi"],
  // dcmjs-codecs would bring it once more, as CommonJS.
  alias: { dcmjs: join(root, "node_modules/dcmjs/build/dcmjs.es.js") },
  metafile: true,
  logLevel: "warning",
  // What is CommonJS inside calls require and knows its folder, which an ES module does not.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url), __dirname = import.meta.dirname;',
  },
});
writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name: "lobule", version, type: "module" })}\n`);
const codecs = "dcmjs-native-codecs.wasm";
cpSync(join(root, "node_modules/dcmjs-codecs/build", codecs), join(folder, "app", codecs));
vendor("webgpu", ["index.js", "dist/linux-x64/dawn.node"]);
vendor("koffi", ["index.js", "src/koffi/index.js", "src/koffi/src/static.js"]);
vendor("@koromix/koffi-linux-x64", ["index.js", "linux_x64/koffi.node"]);
vendor("@lobule/software-adapter", [
  "dist/index.js",
  "THIRD-PARTY-NOTICES",
  ...["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"].map((file) => `lib/${file}`),
]);

/** Licenses of all that was bundled. */
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
);
const texts = [...packages].sort().map((path) => {
  const where = resolve(process.cwd(), path);
  const file = readdirSync(where).find((each) => /^(licen[cs]e|copying)/i.test(each));
  const { name: of, license } = JSON.parse(readFileSync(join(where, "package.json"), "utf8"));
  return `${of} (${license})\n\n${file === undefined ? "" : readFileSync(join(where, file), "utf8")}`;
});
texts.push(readFileSync(join(root, "packages/dicom/THIRD-PARTY-NOTICES"), "utf8"));
writeFileSync(join(folder, "THIRD-PARTY-LICENSES"), texts.join(`\n${"-".repeat(80)}\n`));
for (const file of ["LICENSE", "NOTICE"]) cpSync(join(root, file), join(folder, file));
mkdirSync(join(folder, "app/peers"));
cpSync(join(root, "bench/peers/pytorch.py"), join(folder, "app/peers/pytorch.py"));
cpSync(join(root, "bench/fixtures"), join(folder, "fixtures"), { recursive: true });
cpSync(join(root, "bench/gpu.sh"), join(folder, "gpu.sh"));
await buildPage({ root: join(root, "apps/studio"), logLevel: "warn" });
cpSync(join(root, "packages/lobule/studio"), join(folder, "studio"), { recursive: true });

cpSync(process.execPath, join(folder, "bin/node"), { dereference: true });
chmodSync(join(folder, "bin/node"), 0o755);
// Debug symbols are a sixth of it; without binutils they stay.
spawnSync("strip", ["--strip-unneeded", join(folder, "bin/node")], { stdio: "ignore" });

/** Libraries that an older system has in an older version, as the loader of this one finds them. */
const needed = spawnSync("ldd", [join(root, "node_modules/webgpu/dist/linux-x64/dawn.node")], { encoding: "utf8" });
for (const library of ["libstdc++.so.6", "libgcc_s.so.1"]) {
  const path = needed.stdout
    ?.split("\n")
    .find((line) => line.includes(library))
    ?.match(/=> (\S+)/)?.[1];
  if (path === undefined) fail(`cannot find ${library}, which Dawn needs; install it on this machine`);
  mkdirSync(join(folder, "lib"), { recursive: true });
  cpSync(path, join(folder, "lib", library), { dereference: true });
}

writeFileSync(
  join(folder, "lobule"),
  `#!/bin/sh
# Runs lobule with the Node that lies beside it.
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
# Dawn needs GLIBCXX_3.4.30; where the system's C++ library is older, the one beside this is used.
if ! grep -qs GLIBCXX_3.4.30 /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /usr/lib64/libstdc++.so.6 /usr/lib/libstdc++.so.6
then
  LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
fi
LOBULE_COMMAND="$0"
export LOBULE_COMMAND
exec "$here/bin/node" "$here/app/lobule.js" "$@"
`,
  { mode: 0o755 },
);
writeFileSync(
  join(folder, "README"),
  `Lobule ${version} for Linux on x64 (glibc 2.34 or newer). Nothing needs to be installed.

  ./lobule doctor              which adapter is used, and whether it computes rightly
  ./lobule parity fixtures     operations, networks and training against PyTorch's numbers
  ./lobule train --help        train on a folder of the Medical Segmentation Decathlon
  ./lobule segment --help      segment CT scans
  ./lobule studio              segment, train and compare in a browser tab of this machine
  ./lobule bench               time kernels, a training step and a volume, beside PyTorch where Python has it
  ./gpu.sh                     all that is to be known of a GPU, in 200 seconds; --small rehearses it without one

A GPU needs its Vulkan driver (part of NVIDIA's usual driver), but no X; the Vulkan loader is in here. A container must be
given the driver's graphics libraries too: NVIDIA_DRIVER_CAPABILITIES=all.
`,
);

/** Every file below a folder, in name order. */
function* filesIn(directory) {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

const archive = pack();
const chunks = [];
archive.on("data", (chunk) => chunks.push(chunk));
for (const path of filesIn(folder)) {
  const mode = statSync(path).mode & 0o111 ? 0o755 : 0o644;
  archive.entry({ name: join(name, relative(folder, path)), mode, mtime: new Date(0) }, readFileSync(path));
}
archive.finalize();
await new Promise((done) => archive.on("end", done));
const bytes = gzipSync(Buffer.concat(chunks), { level: constants.Z_BEST_COMPRESSION });
const path = join(output, `${name}.tar.gz`);
writeFileSync(`${path}.part`, bytes);
renameSync(`${path}.part`, path);
const digest = createHash("sha256").update(bytes).digest("hex");
console.log(`${path}\n${(bytes.length / 1e6).toFixed(1)} MB, SHA-256 ${digest}`);
if (bytes.length > largest) fail(`the archive is larger than ${largest / 1e6} MB`);

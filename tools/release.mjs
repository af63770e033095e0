// Checks all packages as npm would publish them, and publishes them.
//
//   npm run release -- --check      packs them, and checks manifests, contents and the READMEs' examples
//   npm run release -- --dry-run    sets the root's version everywhere, builds, checks as above and with arethetypeswrong,
//                                   measures sizes, installs the tarballs into an empty folder and uses them there
//   npm run release                 all of that where everything is committed and the changelog has the version, and
//                                   publishes what was checked
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { compileExamples } from "./release/examples.mjs";
import { installTarballs, openPage, proveDoctor, provePage, proveTraining, proveTypes } from "./release/proofs.mjs";
import { run } from "./release/run.mjs";
import { packAll, problemsOf, typeProblems } from "./release/tarballs.mjs";
import { publishedWorkspaces, root, rootManifest, setVersions } from "./release/workspaces.mjs";

const { values } = parseArgs({ options: { check: { type: "boolean" }, "dry-run": { type: "boolean" } } });
const { version } = rootManifest;

/** What a page needs at most: bytes of the core's tarballs together, and of a page's script, compressed. */
const limits = { core: ["@lobule/kernels-wgsl", "@lobule/tensor", "@lobule/nn"], tarballs: 1e6, page: 110e3 };

const kilobytes = (bytes) => `${(bytes / 1e3).toFixed(0)} kB`;
/** One line of the table of checks. */
const report = (what, result) => console.log(`${what.padEnd(40)} ${result}`);

/** @throws Error when what is here may not be published. */
async function requireReleasable() {
  const changes = await run("git", ["status", "--porcelain"], { cwd: root });
  if (changes !== "") throw new Error(`commit or remove first what git status shows:\n${changes.trimEnd()}`);
  if (!readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`\n## [${version}]`))
    throw new Error(`CHANGELOG.md has no section [${version}]; write down what users see of it`);
}

/** Packs and checks; all problems are printed before it throws. The studio's page is built first, which one of them takes. */
async function checkTarballs(folder) {
  mkdirSync(folder);
  // As a process of its own: Vite sets NODE_ENV to "production", with which npm installs no development dependencies.
  await run("npx", ["--no-install", "vite", "build", "apps/studio", "--logLevel", "warn"], { cwd: root });
  const tarballs = await packAll(folder);
  let found = 0;
  for (const tarball of tarballs) {
    const problems = await problemsOf(tarball);
    if (!values.check) problems.push(...(await typeProblems(tarball)));
    found += problems.length;
    report(tarball.name, problems.length === 0 ? `${kilobytes(tarball.size)} packed` : "WRONG");
    for (const problem of problems) console.log(`  ${problem}`);
  }
  if (found > 0) throw new Error(`${found} problem(s) in the packages`);
  return tarballs;
}

/** @throws Error when the bytes are more than the limit. */
function requireAtMost(what, bytes, limit) {
  report(what, `${kilobytes(bytes)} of ${kilobytes(limit)}`);
  if (bytes > limit) throw new Error(`${what}: ${bytes} bytes are more than ${limit}`);
}

async function useTarballs(folder, tarballs) {
  const core = tarballs.filter(({ name }) => limits.core.includes(name));
  requireAtMost(
    "kernels-wgsl, tensor and nn, packed",
    core.reduce((sum, { size }) => sum + size, 0),
    limits.tarballs,
  );
  await installTarballs(folder, tarballs);
  report("npm install of the tarballs", "done");
  report("lobule doctor", `passed on ${await proveDoctor(folder)}`);
  report("lobule phantom, lobule train", await proveTraining(folder));
  requireAtMost("a page by Vite, minified and gzipped", await provePage(folder), limits.page);
  const losses = await openPage(folder);
  report("the page in Chromium", `losses ${losses.map((loss) => loss.toFixed(4)).join(", ")}`);
  report("examples, nodenext and bundler", `${await proveTypes(folder)} compiled`);
}

async function publish(tarballs) {
  for (const { name, path } of tarballs) {
    await run("npm", ["publish", path, "--access", "public"]);
    report(name, `published as ${version}`);
  }
}

const temporary = mkdtempSync(join(tmpdir(), "lobule-release-"));
try {
  const publishes = !values.check && !values["dry-run"];
  if (publishes) await requireReleasable();
  report(`Lobule ${version}`, "");
  if (values.check) {
    await checkTarballs(join(temporary, "tarballs"));
    const examples = await compileExamples(join(root, "node_modules/.cache/lobule-release"), publishedWorkspaces());
    report("examples of the READMEs", `${examples} compiled`);
  } else {
    const changed = setVersions();
    for (const path of changed) report(relative(root, path), `has version ${version} now`);
    if (publishes && changed.length > 0) throw new Error("commit the files whose version changed");
    await run("npm", ["run", "build"], { cwd: root });
    const tarballs = await checkTarballs(join(temporary, "tarballs"));
    await useTarballs(join(temporary, "empty"), tarballs);
    if (publishes) await publish(tarballs);
  }
} catch (error) {
  console.error(`release: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

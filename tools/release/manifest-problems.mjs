// What is wrong with a package's manifest, and with the files of its tarball.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { dependenciesOf, rootManifest } from "./workspaces.mjs";

/** Compiled files and maps; sources import each other in the same way. */
const isCode = (path) => /^(dist|bin)\/.*\.(js|d\.ts)$/.test(path);
/** What only tests need. */
const isOfTests = (path) => /\.test\.|\.tsbuildinfo$|(^|\/)testing(\.|\/)|\.cases\./.test(path);
/** `from "x"`, `import("x")`, `import "x"`, `new URL("x", import.meta.url)`, `/// <reference types="x" />`. */
const mentions =
  /^(?!\s*(?:\*|\/\/(?!\/ <ref))).*?(?:\bfrom |\bimport\(|^import |\bnew URL\(|<reference types=)"([^"\n]+)"/gm;

const packageOf = (name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0];

export function manifestProblems({ manifest }) {
  const entry = manifest.exports?.["."] ?? {};
  const claims = {
    "its version is the root's": manifest.version === rootManifest.version,
    "its license is the root's": manifest.license === rootManifest.license,
    "engines names the root's Node": manifest.engines?.node === rootManifest.engines.node,
    "it says what it is": Boolean(manifest.description) && manifest.keywords?.length > 0,
    "sideEffects is given": manifest.sideEffects !== undefined,
    "types come first in exports": Object.keys(entry)[0] === "types",
    "every package of this repository is wanted in this very version": Object.entries(dependenciesOf(manifest)).every(
      ([name, range]) => !/^(@lobule\/|lobule$)/.test(name) || range === rootManifest.version,
    ),
  };
  return Object.entries(claims).flatMap(([claim, holds]) =>
    holds ? [] : [`package.json: it is not so that ${claim}`],
  );
}

/** @param files the paths in its tarball. */
export function contentProblems({ folder, manifest }, files) {
  const packed = new Set(files);
  const problems = ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"].flatMap((path) =>
    packed.has(path) ? [] : [`lacks ${path}`],
  );
  for (const claimed of (manifest.files ?? []).filter((each) => !each.startsWith("!"))) {
    if (!files.some((path) => path === claimed || path.startsWith(`${claimed}/`))) problems.push(`lacks ${claimed}`);
  }
  const declared = new Set([manifest.name, ...Object.keys(dependenciesOf(manifest))]);
  const used = new Set([manifest.name]);
  for (const path of files) {
    if (isOfTests(path)) problems.push(`${path} is of no use to others`);
    const text = () => readFileSync(join(folder, path), "utf8");
    if (path.endsWith(".map")) {
      for (const source of JSON.parse(text()).sources) {
        const target = join(dirname(path), source);
        if (!packed.has(target)) problems.push(`${path} names ${target}, which is not packed`);
      }
    }
    if (!isCode(path)) continue;
    for (const [, name] of text().matchAll(mentions)) {
      if (name.startsWith("node:")) continue;
      used.add(packageOf(name));
      const target = join(dirname(path), name);
      if (name.startsWith(".") ? !existsPacked(packed, target) : !declared.has(packageOf(name)))
        problems.push(`${path} uses ${name}, which is ${name.startsWith(".") ? "not packed" : "no dependency"}`);
    }
  }
  for (const name of declared) if (!used.has(name)) problems.push(`depends on ${name}, which it does not use`);
  return problems;
}

const existsPacked = (packed, target) =>
  packed.has(target) ||
  packed.has(target.replace(/\.js$/, ".d.ts")) ||
  (target.endsWith("/") && [...packed].some((path) => path.startsWith(target))) ||
  target === "package.json";

/** Statements that do something when a module is loaded, but for the modules that `sideEffects` names. */
export function sideEffectProblems({ folder, manifest }) {
  const named = new Set(manifest.sideEffects || []);
  const problems = [];
  for (const file of readdirSync(join(folder, "src"), { recursive: true })) {
    if (!/(?<!\.d)\.ts$/.test(file) || isOfTests(file) || named.has(`./dist/${file.replace(/\.ts$/, ".js")}`)) continue;
    const source = ts.createSourceFile(file, readFileSync(join(folder, "src", file), "utf8"), ts.ScriptTarget.Latest);
    const acts = source.statements.some(
      (each) =>
        (ts.isImportDeclaration(each) && each.importClause === undefined) ||
        !(
          ts.isImportDeclaration(each) ||
          ts.isExportDeclaration(each) ||
          ts.isExportAssignment(each) ||
          ts.isVariableStatement(each) ||
          ts.isFunctionDeclaration(each) ||
          ts.isClassDeclaration(each) ||
          ts.isEnumDeclaration(each) ||
          ts.isInterfaceDeclaration(each) ||
          ts.isTypeAliasDeclaration(each)
        ),
    );
    if (acts) problems.push(`src/${file} acts when it is loaded; sideEffects does not name it`);
  }
  return problems;
}

/** TypeScript examples of a README, in order. */
export function readmeExamples({ folder }) {
  const text = readFileSync(join(folder, "README.md"), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example]) => example);
}

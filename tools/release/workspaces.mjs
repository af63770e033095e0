// The packages of this repository, as their manifests describe them.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

const read = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The root's, whose version is that of all. */
export const rootManifest = read(root);

/** Each with its folder and its manifest, in the order in which the root names them. */
export const workspaces = rootManifest.workspaces.map((name) => {
  const folder = join(root, name);
  return { name, folder, manifest: read(folder) };
});

/** What others install with a package. */
export const dependenciesOf = ({ dependencies = {}, optionalDependencies = {}, peerDependencies = {} }) => ({
  ...dependencies,
  ...optionalDependencies,
  ...peerDependencies,
});

/** Whether its types are those of Node, or it depends on a package whose types are. */
export function hasNodeTypes({ folder, manifest }) {
  const own = readdirSync(join(folder, "dist"), { recursive: true })
    .filter((file) => file.endsWith(".d.ts"))
    .some((file) =>
      /from "node:|import\("node:|\bNodeJS\.|\bBuffer\b/.test(readFileSync(join(folder, "dist", file), "utf8")),
    );
  const names = Object.keys(dependenciesOf(manifest));
  return own || workspaces.some((other) => names.includes(other.manifest.name) && hasNodeTypes(other));
}

/** Those that are published, each after what it depends on. */
export function publishedWorkspaces() {
  const published = workspaces.filter(({ manifest }) => !manifest.private);
  const ordered = [];
  const visit = (workspace) => {
    if (ordered.includes(workspace)) return;
    const names = Object.keys(dependenciesOf(workspace.manifest));
    for (const other of published) if (names.includes(other.manifest.name)) visit(other);
    ordered.push(workspace);
  };
  for (const workspace of published) visit(workspace);
  return ordered;
}

/**
 * Writes the root's version into every manifest and the lock file, as its own and as what they want of each other.
 * @returns the files that changed.
 */
export function setVersions() {
  const { version } = rootManifest;
  const ours = new Set(workspaces.map(({ manifest }) => manifest.name));
  const renew = (manifest) => {
    manifest.version = version;
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]) {
      for (const name of Object.keys(manifest[kind] ?? {})) if (ours.has(name)) manifest[kind][name] = version;
    }
  };
  const changed = [];
  const edit = (path, change) => {
    const before = readFileSync(path, "utf8");
    const content = JSON.parse(before);
    change(content);
    const after = `${JSON.stringify(content, null, 2)}\n`;
    if (JSON.stringify(JSON.parse(before)) === JSON.stringify(content)) return;
    writeFileSync(path, after);
    changed.push(path);
  };
  for (const { folder, manifest } of workspaces) {
    edit(join(folder, "package.json"), renew);
    renew(manifest);
  }
  edit(join(root, "package-lock.json"), (lock) => {
    lock.version = version;
    for (const place of ["", ...workspaces.map(({ name }) => name)]) renew(lock.packages[place]);
  });
  return changed;
}

/**
 * Paths as a {@link Storage} takes them: names joined by "/", as on POSIX; an absolute one begins with "/", or on Windows
 * with a drive such as "C:/". Nothing here looks at a file.
 */

/** What a path begins with that no ".." leaves: "/", "C:/", or "" for one that is relative. */
const rootOf = (path: string): string => /^(?:[A-Za-z]:)?\//.exec(path)?.[0] ?? "";

/** Whether a path says by itself where it is. */
export const isAbsolute = (path: string): boolean => rootOf(path) !== "";

/** The same path without ".", empty names, and ".." where it follows a name; "." for an empty one. */
export function normalizePath(path: string): string {
  const root = rootOf(path);
  const names: string[] = [];
  for (const name of path.slice(root.length).split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (root === "") names.push(name);
  }
  const ending = path.endsWith("/") && names.length > 0 ? "/" : "";
  return `${root}${names.join("/")}${ending}` || (ending === "" && path.endsWith("/") ? "./" : ".");
}

/** One path of several parts, normalized; empty parts are left out, and a part that is absolute is one more part. */
export const joinPath = (...parts: readonly string[]): string =>
  normalizePath(parts.filter((part) => part !== "").join("/"));

/** The absolute path that the last absolute part and those after it make, without a "/" at its end. @param base absolute. */
export function resolvePath(base: string, ...parts: readonly string[]): string {
  let path = base;
  for (const part of parts) path = isAbsolute(part) ? part : `${path}/${part}`;
  const whole = normalizePath(path);
  return whole === rootOf(whole) ? whole : whole.replace(/\/$/, "");
}

/** The folder that holds what a path names; of a root the root, of a name alone ".". */
export function dirName(path: string): string {
  const root = rootOf(path);
  const rest = path.slice(root.length).replace(/\/+$/, "");
  const end = rest.lastIndexOf("/");
  return end < 0 ? root || "." : `${root}${rest.slice(0, end).replace(/\/+$/, "")}`;
}

/** The last name of a path. */
export function baseName(path: string): string {
  const rest = path.slice(rootOf(path).length).replace(/\/+$/, "");
  return rest.slice(rest.lastIndexOf("/") + 1);
}

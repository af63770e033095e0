import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("..", import.meta.url));

/** The style sheets of the page, all of which are loaded at once. */
const sheets = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".css"));

test("a class that a style sheet begins a rule with is no other style sheet's", () => {
  const owners = new Map<string, Set<string>>();
  for (const sheet of sheets) {
    for (const [, name = ""] of readFileSync(join(source, sheet), "utf8").matchAll(/^\s*\.([\w-]+)/gm)) {
      owners.set(name, (owners.get(name) ?? new Set()).add(sheet));
    }
  }
  expect(owners.size).toBeGreaterThan(20);
  expect([...owners].filter(([, files]) => files.size > 1).map(([name, files]) => [name, ...files])).toEqual([]);
});

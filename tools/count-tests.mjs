// Compares a whole run of the tests with tests/expected.json and prints the closing line, `N passed, N failed`. Fails where
// fewer tests passed than ever should, or where one was skipped that this machine could have run.
import { readFileSync } from "node:fs";
import { adapterChoice } from "@lobule/node";

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));
const { passed, failed, skipped } = read(".test-results.json");
const expected = read("tests/expected.json");

const { kind } = await adapterChoice();
const { floor, mayLack } = expected.adapters[kind] ?? expected.adapters.gpu;
const allowed = ({ test, why }) =>
  mayLack.includes(why) || expected.maySkip.some((each) => test.endsWith(each.test ?? "") && why === each.why);
const problems = [
  ...skipped
    .filter((each) => !allowed(each))
    .map(({ test, why }) => `skipped, though this machine could run it: ${test}: ${why}`),
  ...(passed < floor ? [`${passed} tests passed; on ${kind} at least ${floor} are to pass (tests/expected.json)`] : []),
];
for (const { test, why } of skipped.filter(({ why }) => !mayLack.includes(why)))
  console.log(`skipped: ${test}: ${why}`);
for (const problem of problems) console.error(problem);
console.log(`${passed} passed, ${failed + problems.length} failed`);
if (failed + problems.length > 0) process.exitCode = 1;

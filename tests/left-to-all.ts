/**
 * Test files that `npm test` leaves to `npm run test:all`, because of what they cost where nothing is compiled yet: whole
 * runs in many processes, and variants of what another file has tested already.
 */
export const leftToAll: readonly string[] = [
  // Whole runs of the command, again and again, each of which compiles its kernels.
  "packages/lobule/src/experiment/experiment-command.e2e.test.ts",
  "tests/torture/torture.e2e.test.ts",
  "tests/tutorial/tutorial.e2e.test.ts",
  "tests/bundle/bundle.e2e.test.ts",
];

// Prints the closing line of a test run from vitest's JSON report: `N passed, N failed, N skipped`.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failed =
  report.numFailedTests +
  report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);

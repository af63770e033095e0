import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

interface Skipped {
  readonly test: string;
  readonly why: string;
}

/**
 * Says at the end what was not tested and why, and writes the counts to .test-results.json, which tools/count-tests.mjs
 * compares with what is expected.
 */
export default class SaysWhatIsLeft implements Reporter {
  /** @param options `left` names the files that this way of running leaves out. */
  constructor(private readonly options: { readonly left: readonly string[] }) {}

  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: modules.filter((module) => module.errors().length > 0).length };
    const skipped: Skipped[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        const name = `${relative(process.cwd(), module.moduleId)} > ${test.fullName}`;
        if (result.state === "passed" || result.state === "failed") counts[result.state]++;
        else
          skipped.push({
            test: name,
            why: (result.state === "skipped" ? result.note : undefined) ?? "no reason given",
          });
        for (const { type, message } of test.annotations()) {
          if (type === "not-checked") skipped.push({ test: `${name} (in part)`, why: message });
        }
      }
    }
    const slowest = modules
      .map((module) => ({
        file: relative(process.cwd(), module.moduleId),
        seconds: module.diagnostic().duration / 1000,
      }))
      .sort((a, b) => b.seconds - a.seconds);
    writeFileSync(".test-results.json", `${JSON.stringify({ ...counts, skipped, slowest }, null, 2)}\n`);
    for (const line of this.lines(skipped, modules)) console.log(line);
  }

  private lines(skipped: readonly Skipped[], modules: readonly TestModule[]): string[] {
    const reasons = new Map<string, number>();
    for (const { why } of skipped) reasons.set(why, (reasons.get(why) ?? 0) + 1);
    const whole = new Set(modules.map(({ project }) => project.name)).size === 3;
    const { left } = this.options;
    return [
      ...[...reasons].map(([why, count]) => `not tested here: ${count}, as ${why}`),
      ...(whole && left.length > 0 ? [`left to npm run test:all:`, ...left.map((file) => `  ${file}`)] : []),
    ];
  }
}

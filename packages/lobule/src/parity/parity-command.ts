import { chosenVariants, FixtureError, oneVariant, runParity, summarize, table, verdict } from "@lobule/bench";
import { command } from "../command-line/command.js";
import { choice, flag, path, required, text, withDefault } from "../command-line/option.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { sayJson, sayText, warn } from "../shared/output.js";

/** `lobule parity DIR`: compares operations, networks and training steps with reference numbers from a folder. */
export const parityCommand = command({
  name: "parity",
  describe: "Compare operations, networks and training steps with reference numbers",
  positionals: { dir: required(path("folder of fixtures (ops/, net_*/, train_*/, *.json)", "input", "DIR")) },
  options: {
    json: flag("print every check as JSON"),
    filter: text("run only fixtures whose path contains this text", "TEXT"),
    unfused: flag("compile without fusion: one dispatch an operation"),
    precision: withDefault(choice(["f32", "f16"], "in which activations are stored; f16 has limits of its own"), "f32"),
    variant: choice(chosenVariants, "take this variant of each convolution that has it: one that tuning could choose"),
    device: deviceOption,
  },
  examples: [["parity fixtures --filter ops/conv3x3", "check one operation"]],
  run: async ({ dir, json, filter, unfused, precision, variant }) => {
    const device = await openDevice();
    if (precision === "f16" && !device.hasF16) {
      device.destroy();
      throw new FixtureError("this adapter cannot store f16 (no shader-f16); leave out --precision f16");
    }
    if (variant !== undefined) device.adopt(oneVariant(variant, device));
    try {
      const onPart = (part: string): void => {
        if (!json && process.stderr.isTTY) warn(`${part} …`);
      };
      const checks = await runParity(device, dir, {
        ...(filter === undefined ? {} : { filter }),
        fusion: !unfused,
        precision,
        onPart,
      });
      const passed = checks.every(({ ok }) => ok);
      if (json) {
        const numberless = (value: number): number | null => (Number.isFinite(value) ? value : null);
        const rows = checks.map((each) => ({ ...each, error: numberless(each.error), limit: numberless(each.limit) }));
        sayJson(JSON.stringify({ passed, verdict: verdict(checks), fixtures: summarize(checks).length, checks: rows }));
      } else sayText(table(checks));
      if (!passed) process.exitCode = 1;
    } finally {
      device.destroy();
    }
  },
});

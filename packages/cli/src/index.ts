import { readFileSync } from "node:fs";
import yargs from "yargs";
import { benchCommand } from "./bench/bench-command.js";
import { ownPeerCommand } from "./bench/own-peer-command.js";
import { compareCommand } from "./compare/compare-command.js";
import { dataCommand } from "./data/data-command.js";
import { doctorCommand } from "./doctor/doctor-command.js";
import { evaluateCommand } from "./evaluate/evaluate-command.js";
import { stopWithInput } from "./experiment/child-run.js";
import { experimentCommand } from "./experiment/experiment-command.js";
import { inspectCommand } from "./inspect/inspect-command.js";
import { summaryCommand } from "./inspect/summary-command.js";
import { parityCommand } from "./parity/parity-command.js";
import { phantomCommand } from "./phantom/phantom-command.js";
import { segmentCommand } from "./segment/segment-command.js";
import { Interrupted, watchOutput } from "./shared/interruption.js";
import { warn } from "./shared/output.js";
import { trainCommand } from "./train/train-command.js";
import { unlockCommand } from "./train/unlock-command.js";

/** That of the package.json a folder above this program, here and in the bundle. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}

/**
 * Runs the command line. Bad input ends with one sentence on the error stream and exit code 1; `--verbose` shows where
 * in the program it was found.
 */
export async function main(words: readonly string[]): Promise<void> {
  watchOutput();
  stopWithInput();
  const parser = yargs([...words])
    .scriptName("lobule")
    .usage("$0 <command>\n\nTrain and run segmentation networks on WebGPU.")
    .version(version())
    .option("verbose", { type: "boolean", default: false, describe: "Show where an error came from" })
    .command(doctorCommand)
    .command(phantomCommand)
    .command(dataCommand)
    .command(parityCommand)
    .command(trainCommand)
    .command(evaluateCommand)
    .command(segmentCommand)
    .command(inspectCommand)
    .command(summaryCommand)
    .command(benchCommand)
    .command(ownPeerCommand)
    .command(compareCommand)
    .command(experimentCommand)
    .command(unlockCommand)
    .updateStrings({
      "Not enough non-option arguments: got %s, need at least %s": {
        one: "an argument is missing (%s given, %s needed); --help shows what the command takes",
        other: "arguments are missing (%s given, %s needed); --help shows what the command takes",
      } as never,
    })
    .demandCommand(1, "name a command; lobule --help lists them")
    .recommendCommands()
    .strict()
    .wrap(80)
    .fail(false);
  try {
    await parser.parseAsync();
  } catch (error) {
    if (error instanceof Interrupted) {
      warn(error.message);
      process.exitCode = error.exitCode;
      return;
    }
    const verbose = words.includes("--verbose") && error instanceof Error;
    // The parser's own messages come in several lines.
    const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ");
    warn(...(verbose ? (error.stack ?? message).split("\n") : [`lobule: ${message}`]));
    process.exitCode = 1;
  }
}

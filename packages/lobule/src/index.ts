import { messageOf } from "@lobule/data";
import { commandHelp, overview } from "./command-line/help.js";
import { parseCommandLine } from "./command-line/parse.js";
import { commands } from "./commands.js";
import { stopWithInput } from "./experiment/child-run.js";
import { Interrupted, watchOutput } from "./shared/interruption.js";
import { showDrivers } from "./shared/open-device.js";
import { say, sayText, warn } from "./shared/output.js";
import { requireOutputs } from "./shared/writable-outputs.js";
import { requireAlone } from "./train/ranks.js";
import { version } from "./version.js";

/** Does what the words ask for. @throws UsageError, and the errors of the commands. */
async function perform(words: readonly string[]): Promise<void> {
  const request = parseCommandLine(words, commands);
  if (request.kind === "version") return say(version());
  if (request.kind === "help") {
    const { command, prefix } = request;
    return sayText(command === undefined ? overview(commands, prefix) : commandHelp(command));
  }
  const { command, values, given, verbose } = request;
  if (!command.together) requireAlone(command.name);
  if (verbose) showDrivers();
  // For all that this process and those that it starts open.
  if (typeof values.device === "string") process.env.LOBULE_ADAPTER = values.device;
  await requireOutputs(command, values);
  await command.run(values, given);
}

/**
 * Runs the command line. Bad input ends with one sentence on the error stream and exit code 1; `--verbose` shows where
 * in the program it was found.
 */
export async function main(words: readonly string[]): Promise<void> {
  watchOutput();
  stopWithInput();
  try {
    await perform(words);
  } catch (error) {
    if (error instanceof Interrupted) {
      warn(error.message);
      process.exitCode = error.exitCode;
      return;
    }
    const verbose = words.includes("--verbose") && error instanceof Error;
    const message = messageOf(error);
    warn(...(verbose ? (error.stack ?? message).split("\n") : [`lobule: ${message}`]));
    process.exitCode = 1;
  }
}

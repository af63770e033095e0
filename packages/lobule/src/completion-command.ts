import { type Command, command } from "./command-line/command.js";
import { completionScript, shells } from "./command-line/completion.js";
import { choice, required } from "./command-line/option.js";
import { sayText } from "./shared/output.js";

/** `lobule completion SHELL`: the script that completes the commands in a shell. */
export const completionCommand = (commands: () => readonly Command[]): Command =>
  command({
    name: "completion",
    describe: "Print the script that completes commands, options and their values in a shell",
    positionals: { shell: required(choice(shells, "the shell")) },
    examples: [["completion bash", "to be read by a shell at its start, see the README"]],
    run: async ({ shell }) => sayText(completionScript(shell, commands())),
  });

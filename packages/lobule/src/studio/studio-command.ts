import { nodeStorage } from "@lobule/node";
import { command, type Values } from "../command-line/command.js";
import { path, whole, withDefault } from "../command-line/option.js";
import { pageFolder } from "../page-folder.js";
import { interruptible } from "../shared/interruption.js";
import { say } from "../shared/output.js";
import { readBuiltPage } from "./built-page.js";
import { answerGiven, lookAtGiven } from "./given-files.js";
import { makeToken, servePage } from "./page-server.js";

const positionals = { given: path("a run folder or a scan to open in it", "input", "RUN") };
const options = {
  // A browser keeps the page's files by address and port, so that the port stays the same.
  port: withDefault(whole("port of 127.0.0.1, 0 for a free one", { least: 0, most: 65_535 }), 4640),
};
type StudioArguments = Values<typeof positionals & typeof options>;

export const studioCommand = command({
  name: "studio",
  describe: "Segment, correct, train and compare in a browser tab",
  positionals,
  options,
  run: studio,
  examples: [
    ["studio", "the page, served to this machine alone"],
    ["studio runs/liver", "with a run to segment with"],
    ["studio scan.nii.gz", "with a scan"],
  ],
});

const words = { stopping: "the studio ends", stopped: "" };

async function studio({ given, port }: StudioArguments): Promise<void> {
  const page = await readBuiltPage(pageFolder);
  const opened = given === undefined ? undefined : await lookAtGiven(nodeStorage, given);
  const token = makeToken();
  const answer = opened === undefined ? () => false : answerGiven(nodeStorage, opened, token);
  const server = await servePage(page, { port, base: "/", answer });
  try {
    await interruptible(words, async (signal) => {
      say(
        `The studio is at ${server.address}${opened === undefined ? "" : `?given=${token}`}`,
        "Only this machine can open it, and nothing leaves it. Ctrl-C ends it.",
      );
      if (!signal.aborted) await new Promise((ended) => signal.addEventListener("abort", ended, { once: true }));
    });
  } finally {
    await server.close();
  }
}

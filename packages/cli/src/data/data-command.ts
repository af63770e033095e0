import type { CommandModule } from "yargs";
import { infoCommand } from "./info-command.js";
import { verifyCommand } from "./verify-command.js";

/** `lobule data …`: looks at volumes and at Decathlon folders. */
export const dataCommand: CommandModule = {
  command: "data",
  describe: "Look at CT volumes and check Decathlon folders",
  builder: (yargs) =>
    yargs
      .command(infoCommand)
      .command(verifyCommand)
      .demandCommand(1, "name what to do with the data; lobule data --help lists it")
      .example("$0 data verify Task03_Liver", "Check every case before training"),
  handler: () => {},
};

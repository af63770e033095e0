import { expect, test } from "vitest";
import { parseCommandLine } from "../command-line/parse.js";
import { commands } from "../commands.js";

test.each([
  ["isa --device gpu", "--device has no effect on 'bench isa'; it is for 'bench kernels', .*, 'bench scale'"],
  ["scale --out result.json", "--out has no effect on 'bench scale'; it is for 'bench kernels', .*, 'bench isa'"],
  ["scale --compare result.json", "--compare has no effect on 'bench scale'"],
  ["kernels --family gfx12", "--family has no effect on 'bench kernels'; it is for 'bench isa'"],
])("an option that would be ignored is refused: bench %s", async (words, message) => {
  const request = parseCommandLine(["bench", ...words.split(" ")], commands);
  if (request.kind !== "run") throw new Error(`'bench ${words}' asks for ${request.kind}`);
  await expect(request.command.run(request.values, request.given)).rejects.toThrow(new RegExp(message));
});

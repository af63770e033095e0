import { expect, test } from "vitest";
import { filesOfTask } from "./import-task.js";

const dropped = (path: string, text = "") => ({ path, file: new File([text], path) });

test("a broken dataset.json is named as it was dropped", async () => {
  await expect(filesOfTask([dropped("Task03_Liver/dataset.json", "{")])).rejects.toThrow(
    /^Task03_Liver\/dataset\.json /,
  );
  const empty = JSON.stringify({ labels: { "0": "background", "1": "liver" }, training: [] });
  await expect(filesOfTask([dropped("dataset.json", empty)])).rejects.toThrow(/^dataset\.json /);
});

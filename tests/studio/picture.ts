import { OpenStudio } from "./open-studio.js";

/** A busy machine compiles for minutes before the first slice. */
const patient = { timeout: 600_000 };

const [path = "studio.png"] = process.argv.slice(2);
const studio = await OpenStudio.open("#segment");
try {
  const { page } = studio;
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.getByRole("button", { name: "Open the example scan" }).click();
  await page.getByRole("button", { name: "Segment", exact: true }).click();
  await page.getByRole("button", { name: "Labels .nii.gz" }).waitFor(patient);
  await page.screenshot({ path });
  if (studio.problems.length > 0) throw new Error(studio.problems.join("\n"));
} finally {
  await studio.close();
}
process.exit(0);

// npm run torture -- [--kills N] [--races N] [--jobs N] [--seed S]: kills training runs at named and random moments and
// lets processes race for a lock. Ends with 1 on any failure.
import { parseArgs } from "node:util";
import { KillCampaign } from "./torture/kill-campaign.mjs";
import { churnLock, raceForLock } from "./torture/lock-race.mjs";
import { seeded } from "./torture/seeded.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    jobs: { type: "string", default: "1" },
    races: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number from 0, got '${values[name]}'`);
  process.exit(1);
};
const [kills, jobs, races, seed] = ["kills", "jobs", "races", "seed"].map(number);
const random = seeded(seed);
const failures = [];
console.log(`seed ${seed}`);

if (races > 0) {
  for (const processes of [2, 3]) {
    for (const stale of [false, true]) {
      const found = await raceForLock({ rounds: races, processes, stale });
      const what = `${races} races of ${processes} processes for a ${stale ? "stale" : "fresh"} lock`;
      console.log(`${what}: ${found.length} failures`);
      failures.push(...found.map((failure) => `${what}: ${failure}`));
    }
  }
  const {
    held,
    killed,
    failures: found,
  } = await churnLock({
    turns: Math.ceil(races / 3),
    processes: 3,
    kills: Math.ceil(races / 20),
    random,
  });
  console.log(`held ${held} times by 3 processes in turn, ${killed} of which were killed: ${found.length} failures`);
  failures.push(...found);
}

if (kills > 0) {
  const campaign = await KillCampaign.begin();
  const log = (line) => console.log(line);
  const done = await campaign.run({ kills, jobs: Math.max(1, jobs), random, log });
  const moments = [...campaign.kills].map(([name, times]) => `${name} ${times}`).join(", ");
  console.log(`${done} kills of ${campaign.runs} runs (${moments}): ${campaign.failures.length} failures`);
  failures.push(...campaign.failures);
  await campaign.close();
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

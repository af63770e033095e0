import "../parts/strict-policy.js";
import { answerTasks } from "@lobule/web";
import { expose } from "comlink";
import { Engine } from "./engine.js";

// One script for all workers: what decodes volumes is in the engine's too. The page starts an engine with its query as the
// worker's name, which may choose an adapter; an engine's storage starts a worker for tasks with a name of its own.
if (self.name === "" || self.name.startsWith("?")) expose(new Engine(self.name));
else answerTasks();

import "../parts/strict-policy.js";
import { expose } from "comlink";
import { Engine } from "./engine.js";

// The page's query, which may choose an adapter, arrives as the worker's name.
expose(new Engine(self.name));

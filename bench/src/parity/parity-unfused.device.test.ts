import { deviceOfFile, testFixtures } from "./testing.js";

// Every operation is a dispatch of its own.
testFixtures(deviceOfFile(), { fusion: false });

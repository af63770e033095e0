import { deviceOfFile, testEveryFixture } from "./testing.js";

// Every operation is a dispatch of its own.
testEveryFixture(deviceOfFile(), { fusion: false });

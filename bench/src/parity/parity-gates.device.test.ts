import { deviceOfFile, testFixtures } from "./testing.js";

testFixtures(deviceOfFile(), { fusion: true }, "gates");

// What the tests without a device get in Dawn's place.
throw new Error("a test of the project 'unit' opens a device: name its file *.device.test.ts");

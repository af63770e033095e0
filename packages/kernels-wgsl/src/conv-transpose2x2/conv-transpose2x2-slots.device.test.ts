import { testConvolutionSlots } from "../testing/convolution-tests.js";
import { convTranspose2x2Family, convTranspose2x2QuadFamily } from "./conv-transpose2x2.cases.js";

testConvolutionSlots(convTranspose2x2Family);
testConvolutionSlots(convTranspose2x2QuadFamily);

import "./parts/strict-policy.js";
import { render } from "preact";
import { keepOffline } from "./offline/keep-offline.js";
import { App } from "./shell/app.js";
import "./shell/style.css";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
void keepOffline();

import "./parts/strict-policy.js";
import { render } from "preact";
import { openGiven } from "./given/open-given.js";
import { keepOffline } from "./offline/keep-offline.js";
import { page } from "./parts/route.js";
import { App } from "./shell/app.js";
import "./shell/style.css";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
// The dashboard of a run is gone when the run is.
if (page.value !== "live") void keepOffline();
void openGiven();

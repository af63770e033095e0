import { answerTasks } from "./answer-tasks.js";

answerTasks();

#!/usr/bin/env node
/** What a program's name in dist/bin is: `NAME.cjs` runs `NAME.body.js` beside it. */
import { loadProgram } from "./program.js";

loadProgram(__filename.replace(/cjs$/, "body.js")).run();

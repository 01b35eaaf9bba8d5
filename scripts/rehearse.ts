/**
 * Runs a bundled program and, when it ends, keeps what has been compiled of it.
 * Usage: rehearse.js FILE [ARGUMENT]... as in `node FILE [ARGUMENT]...`.
 */
import { loadProgram } from "./program.js";

process.argv.splice(1, 1);
const program = loadProgram(process.argv[1] ?? "");
process.on("exit", () => program.save());
program.run();

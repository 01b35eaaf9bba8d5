import type { ResizeImage } from "../files/resize.js";
import type { TextReader } from "../files/text-reader.js";
import type { Patcher } from "../patch/patcher.js";
import { applyPatchTool } from "./apply-patch.js";
import type { CommandToolDeps } from "./command-result.js";
import { editFileTool } from "./edit-file.js";
import { type ExecDeps, execCommandTool } from "./exec-command.js";
import { checkExecEnvironmentTool } from "./exec-environment.js";
import { gitBlameTool } from "./git-blame.js";
import type { GitToolDeps } from "./git-call.js";
import { gitDiffTool } from "./git-diff.js";
import { gitLogTool } from "./git-log.js";
import { gitShowTool } from "./git-show.js";
import { gitStatusTool } from "./git-status.js";
import { killCommandTool } from "./kill-command.js";
import { listCommandsTool } from "./list-commands.js";
import { listDirTool } from "./list-dir.js";
import { type FindDeps, listFilesTool } from "./list-files.js";
import { readFileTool } from "./read-file.js";
import { readOutputTool } from "./read-output.js";
import { type RequestPermissionsDeps, requestPermissionsTool } from "./request-permissions.js";
import { searchTextTool } from "./search-text.js";
import { listWorkspacesTool, type ServerInfoDeps, serverInfoTool } from "./server-info.js";
import type { Tool } from "./types.js";
import { viewImageTool } from "./view-image.js";
import { writeStdinTool } from "./write-stdin.js";

export interface BuiltinDeps
  extends ServerInfoDeps,
    FindDeps,
    CommandToolDeps,
    ExecDeps,
    GitToolDeps,
    Pick<RequestPermissionsDeps, "approvals" | "networkAllowed" | "askClient" | "refusals" | "mode"> {
  readonly reader: TextReader;
  readonly resize: ResizeImage;
  readonly patcher: Patcher;
  /** False leaves view_image out. */
  readonly viewImage: boolean;
}

/** Every tool of the product, in the order of `tools/list`. */
export function builtinTools(deps: BuiltinDeps): readonly Tool[] {
  const tools = [
    serverInfoTool(deps),
    listWorkspacesTool(),
    checkExecEnvironmentTool(deps),
    readFileTool(deps),
    listDirTool(deps),
    listFilesTool(deps),
    searchTextTool(deps),
    applyPatchTool(deps),
    editFileTool(deps),
    execCommandTool(deps),
    writeStdinTool(deps),
    readOutputTool(deps),
    killCommandTool(deps),
    listCommandsTool(deps),
    gitStatusTool(deps),
    gitDiffTool(deps),
    gitLogTool(deps),
    gitShowTool(deps),
    gitBlameTool(deps),
    requestPermissionsTool(deps),
  ];
  return deps.viewImage ? [...tools, viewImageTool(deps)] : tools;
}
